"""An app that receives Instagram webhooks, with nothing but Python: python3 app.py PORT"""
import hashlib, hmac, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

secret = os.environ["IGLOO_APP_SECRET"].encode()
token = os.environ.get("IGLOO_VERIFY_TOKEN")


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        right = token and query.get("hub.mode") == ["subscribe"] and query.get("hub.verify_token") == [token]
        self.send_response(200 if right else 403)
        self.end_headers()
        self.wfile.write(query["hub.challenge"][0].encode() if right else b"wrong verify token")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))  # raw: printed again it is another
        want = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(want, self.headers.get("X-Hub-Signature-256", ""))
        self.send_response(200 if signed else 401)
        self.end_headers()
        self.wfile.write(b"EVENT_RECEIVED" if signed else b"signature does not match")
        what = json.loads(body)["object"] if signed else "unsigned"
        print("POST", self.path, 200 if signed else 401, what, len(body), "bytes", flush=True)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), App)
print("listening on", server.server_port, flush=True)
server.serve_forever()
