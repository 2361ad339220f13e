// Express with body-parser, and the signature checked over the parsed body written
// again, which is wrong.
const { createHmac } = require("node:crypto");
const express = require("express");
const bodyParser = require("body-parser");
const { secret, handshake, listen } = require("./common.cjs");

const app = express();
app.use(bodyParser.json());
app.get("/webhook", handshake);
app.post("/webhook", (req, res) => {
  const want = "sha256=" + createHmac("sha256", secret).update(JSON.stringify(req.body)).digest("hex");
  if (req.get("x-hub-signature-256") !== want) return res.sendStatus(401);
  res.send("EVENT_RECEIVED");
});
listen(app);
