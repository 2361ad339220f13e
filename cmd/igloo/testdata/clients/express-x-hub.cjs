// Express with express-x-hub, which its README wants before body-parser:
// node express-x-hub.cjs [sha1|sha256] [first|last]
const express = require("express");
const bodyParser = require("body-parser");
const xhub = require("express-x-hub");
const { secret, handshake, listen } = require("./common.cjs");

const [algorithm = "sha1", place = "first"] = process.argv.slice(2);
const parsers = [xhub({ algorithm, secret }), bodyParser.json()];
const app = express();
app.use(place === "first" ? parsers : parsers.reverse());
app.get("/webhook", handshake);
app.post("/webhook", (req, res) => {
  if (!req.isXHub || !req.isXHubValid()) return res.sendStatus(401);
  res.send("EVENT_RECEIVED");
});
listen(app);
