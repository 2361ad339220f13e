// Express with body-parser, whose verify function checks the signature as Meta's own
// samples do, down to the header that may be missing: node body-parser.cjs [sha256|sha1]
const { createHmac } = require("node:crypto");
const express = require("express");
const bodyParser = require("body-parser");
const { secret, handshake, listen } = require("./common.cjs");

const algorithm = process.argv[2] ?? "sha256";
const header = algorithm === "sha1" ? "x-hub-signature" : "x-hub-signature-256";

function verify(req, res, body) {
  const signature = req.get(header);
  if (!signature) return console.warn(`no ${header}`);
  if (signature.split("=")[1] !== createHmac(algorithm, secret).update(body).digest("hex")) {
    throw new Error("signature does not match");
  }
}

const app = express();
app.use(bodyParser.urlencoded({ extended: true }), bodyParser.json({ verify }));
app.get("/webhook", handshake);
app.post("/webhook", (req, res) => {
  if (req.body.object !== "instagram") return res.sendStatus(404);
  res.send("EVENT_RECEIVED");
});
listen(app);
