<?php // The signature checked over the parsed body written again, which is wrong.
if ($_SERVER['REQUEST_METHOD'] === 'GET') {
    $right = ($_GET['hub_mode'] ?? '') === 'subscribe' && hash_equals(getenv('VERIFY_TOKEN'), $_GET['hub_verify_token'] ?? '');
    http_response_code($right ? 200 : 403);
    exit($right ? $_GET['hub_challenge'] : '');
}
$payload = json_decode(file_get_contents('php://input'), true);
$want = 'sha256=' . hash_hmac('sha256', json_encode($payload), getenv('APP_SECRET'));
$right = hash_equals($want, $_SERVER['HTTP_X_HUB_SIGNATURE_256'] ?? '');
http_response_code($right ? 200 : 401);
