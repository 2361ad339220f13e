<?php // The parameters read by the names that Meta sends, which PHP does not have.
if ($_SERVER['REQUEST_METHOD'] === 'GET') {
    $right = ($_GET['hub.mode'] ?? '') === 'subscribe' && hash_equals(getenv('VERIFY_TOKEN'), $_GET['hub.verify_token'] ?? '');
    http_response_code($right ? 200 : 403);
    exit($right ? $_GET['hub.challenge'] : '');
}
$want = 'sha256=' . hash_hmac('sha256', file_get_contents('php://input'), getenv('APP_SECRET'));
$right = hash_equals($want, $_SERVER['HTTP_X_HUB_SIGNATURE_256'] ?? '');
http_response_code($right ? 200 : 401);
