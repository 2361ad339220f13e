<?php // PHP's built-in server: php -S 127.0.0.1:PORT verify.php
if ($_SERVER['REQUEST_METHOD'] === 'GET') {
    $right = ($_GET['hub_mode'] ?? '') === 'subscribe' && hash_equals(getenv('VERIFY_TOKEN'), $_GET['hub_verify_token'] ?? '');
    http_response_code($right ? 200 : 403);
    exit($right ? $_GET['hub_challenge'] : '');
}
$want = 'sha256=' . hash_hmac('sha256', file_get_contents('php://input'), getenv('APP_SECRET'));
$right = hash_equals($want, $_SERVER['HTTP_X_HUB_SIGNATURE_256'] ?? '');
http_response_code($right ? 200 : 401);
