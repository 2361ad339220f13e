// Bottender behind a server of one's own, as its documentation shows.
const express = require("express");
const bodyParser = require("body-parser");
const { bottender } = require("bottender");
const { listen } = require("../common.cjs");

const bot = bottender({ dev: false });
const verify = (req, res, body) => { req.rawBody = body.toString(); };
bot.prepare().then(() => {
  const app = express();
  app.use(bodyParser.json({ verify }), bodyParser.urlencoded({ extended: false, verify }));
  app.all("*", (req, res) => bot.getRequestHandler()(req, res));
  listen(app);
});
