// Express with the verify of @octokit/webhooks-methods, which is made for GitHub's
// webhooks: the same form of signature over the same bytes.
import { verify } from "@octokit/webhooks-methods";
import express from "express";
import common from "./common.cjs";

const { secret, handshake, listen } = common;
const app = express();
app.get("/webhook", handshake);
app.post("/webhook", express.text({ type: () => true, limit: "5mb" }), async (req, res) => {
  const body = typeof req.body === "string" ? req.body : "";
  const signature = req.get("x-hub-signature-256") ?? "";
  const right = body !== "" && signature !== "" && (await verify(secret, body, signature));
  right ? res.send("EVENT_RECEIVED") : res.sendStatus(401);
});
listen(app);
