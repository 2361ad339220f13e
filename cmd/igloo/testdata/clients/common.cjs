// What the apps have in common: the verification request, and a free port.
exports.secret = process.env.APP_SECRET;
exports.token = process.env.VERIFY_TOKEN;

exports.handshake = (req, res) => {
  const right = req.query["hub.mode"] === "subscribe" && req.query["hub.verify_token"] === exports.token;
  right ? res.type("text").send(req.query["hub.challenge"]) : res.sendStatus(403);
};

exports.listen = (app) => {
  const server = app.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
};
