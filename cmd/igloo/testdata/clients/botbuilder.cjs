// BotBuilder with botbuilder-adapter-facebook: node botbuilder.cjs [caught|uncaught].
// Uncaught is what its README shows: nobody waits for processActivity.
const express = require("express");
const bodyParser = require("body-parser");
const { FacebookAdapter } = require("botbuilder-adapter-facebook");
const { secret, token, handshake, listen } = require("./common.cjs");

const caught = process.argv[2] !== "uncaught";
const adapter = new FacebookAdapter({ verify_token: token, app_secret: secret, access_token: "none" });
const app = express();
app.use(bodyParser.json({ verify: (req, res, body) => { req.rawBody = body; } }));
app.get("/webhook", handshake);
app.post("/webhook", (req, res, next) => {
  const done = adapter.processActivity(req, res, async () => {});
  if (caught) done.catch(next);
});
listen(app);
