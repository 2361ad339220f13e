// An app that receives Instagram webhooks, with nothing but Node: node app.mjs PORT
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.IGLOO_APP_SECRET;
const token = process.env.IGLOO_VERIFY_TOKEN;
const server = createServer(async (request, response) => {
  if (request.method === "GET") {
    const query = new URL(request.url, "http://localhost").searchParams;
    const right = token && query.get("hub.mode") === "subscribe" && query.get("hub.verify_token") === token;
    return response.writeHead(right ? 200 : 403).end(right ? query.get("hub.challenge") : "wrong verify token");
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks); // raw: parsed and printed again it is another
  const want = Buffer.from("sha256=" + createHmac("sha256", secret).update(body).digest("hex"));
  const got = Buffer.from(request.headers["x-hub-signature-256"] ?? "");
  const signed = got.length === want.length && timingSafeEqual(got, want);
  response.writeHead(signed ? 200 : 401).end(signed ? "EVENT_RECEIVED" : "signature does not match");
  const field = signed ? JSON.parse(body).object : "unsigned";
  console.log(`${request.method} ${request.url} ${signed ? 200 : 401} ${field} ${body.length} bytes`);
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
