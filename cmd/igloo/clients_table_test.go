//go:build clients && unix

package main

import "slices"

// faultTable is what each client answers to each fault of igloo fire. "-" is no answer:
// with close-early, igloo hangs up first. The reasons of every 200 that should not be
// are in clients.
const faultTable = `
fault           express-x-hub body-parser body-parser-sha1 stringify botbuilder bottender octokit go-github webhook webhook-documented php php-json_encode php-dotted
no-signature    401           200         200              401       401        400       401     401       403     200                401 401             401
wrong-signature 401           403         403              401       401        400       401     401       500     500                401 401             401
wrong-secret    401           403         403              401       401        400       401     401       500     500                401 401             401
sha1-only       200           200         200              401       200        200       401     200       403     200                401 401             401
swapped-headers 401           403         403              401       401        400       401     200       500     500                401 401             401
altered-body    401           403         403              401       401        400       401     401       500     500                401 401             401
uppercase-hex   401           403         403              401       401        200       401     200       500     500                401 401             401
no-prefix       401           403         403              401       401        400       401     401       200     200                401 401             401
truncated       400           400         400              400       400        400       400     401       500     500                -   -               -
slow-body       200           200         200              200       200        200       200     200       200     200                200 200             200
close-early     -             -           -                -         -          -         -       -         -       -                  -   -               -
form-encoded    401           404         404              401       500        400       401     401       500     500                401 401             401
newline-added   401           403         403              200       401        400       401     401       500     500                401 200             401
`

// clients lists them.
func clients() []client {
	return slices.Concat(expressClients(), botClients(), otherClients())
}

// both are the plainest fixtures of each dialect.
func both() []string { return []string{"comments", "messages/text"} }

// Why clients take what they should refuse, and the reverse.
const (
	onlySHA1     = "it checks the SHA-1 signature, which is right"
	eitherHeader = "its check is left out when the header is missing"
	anyCase      = "it decodes the digits before it compares them"
	otherObject  = "Meta's own samples answer 404 to another object"
)

func expressClients() []client {
	sample := map[string]string{
		"page/*": otherObject, "page/*/*": otherObject, "user/*": otherObject, "never_sent/array": "the array around it has no object",
	}
	return []client{
		{
			name: "express-x-hub", start: node("express-x-hub.cjs"), faulty: both(), takes: map[string]string{"sha1-only": onlySHA1},
			findings: []string{"fail sha1-only sha1-only", "fail batch-1000 batch-1000"},
			whys:     map[string]string{"sha1-only": "X-Hub-Signature-256 is not looked at", "batch-1000": "100 kB is the limit of express.json"},
		},
		{
			name: "express-x-hub-sha256", start: node("express-x-hub.cjs", "sha256"), wrong: "it expects SHA-256 in the header of SHA-1",
			findings: []string{"fail delivery signature-header"},
			whys:     map[string]string{"delivery": "the app takes the SHA-256 signature in the header X-Hub-Signature"},
		},
		{
			name: "express-x-hub-last", start: node("express-x-hub.cjs", "sha1", "last"), wrong: "body-parser has read the body before it",
			findings: []string{"fail delivery delivery-refused"},
			whys:     map[string]string{"delivery": "a body parser that runs first leaves the check nothing"},
		},
		{
			name: "body-parser", start: node("body-parser.cjs"), faulty: both(), refuses: sample,
			takes: map[string]string{"no-signature": eitherHeader, "sha1-only": eitherHeader},
			findings: []string{
				"fail unsigned unsigned", "warn unknown-object unknown-object", "warn never-sent never-sent", "fail batch-1000 batch-1000",
			},
			whys: map[string]string{"unsigned": "the check is left out when the header is missing", "unknown-object": "as Meta's own sample does with 404"},
		},
		{
			name: "body-parser-sha1", start: node("body-parser.cjs", "sha1"), faulty: both(), refuses: sample,
			takes: map[string]string{"no-signature": eitherHeader, "sha1-only": onlySHA1},
			findings: []string{
				"fail unsigned unsigned", "warn unknown-object unknown-object", "warn never-sent never-sent", "fail batch-1000 batch-1000",
			},
		},
		{
			name: "stringify", start: node("stringify.cjs"), wrong: "it hashes what JSON.stringify writes", faulty: both()[1:],
			takes:    map[string]string{"newline-added": "the parsed body has no newline"},
			findings: []string{"fail text-changes body-reserialised", "fail text-messaging body-reserialised", "fail batch-1000 batch-1000"},
			whys: map[string]string{
				"text-changes":   "the app takes a signature over the parsed body written again as JSON.stringify does",
				"text-messaging": "the app takes a signature over the parsed body written again as JSON.stringify does",
			},
		},
		{name: "octokit", start: node("octokit.mjs"), faulty: both()},
	}
}

func botClients() []client {
	const (
		noSender = "it reads sender.id of what has no sender"
		noItems  = "it reads the length of null"
	)
	return []client{
		{
			name: "botbuilder", start: node("botbuilder.cjs"), faulty: both()[1:], takes: map[string]string{"sha1-only": onlySHA1},
			refuses: map[string]string{
				"comments": noSender, "comments/*": noSender, "live_comments": noSender, "mentions": noSender, "mentions/*": noSender,
				"story_insights": noSender, "story_insights/*": noSender, "test/*": noSender, "user/*": noSender,
				"messaging_policy_enforcement": noSender, "messaging_policy_enforcement/*": noSender, "page/messaging_policy_enforcement": noSender,
				"message_edit/hollow": noSender, "messaging_seen/no_sender": noSender,
				"standby": noItems, "standby/*": noItems, "page/standby": noItems,
				"never_sent/comment_id": noSender, "never_sent/comments_flat": noItems, "never_sent/comments_old": noSender,
				"never_sent/live_comments_old": noSender, "never_sent/policy_enforcement_hyphen": noSender,
			},
			silent: []string{"never_sent/array"}, // it looks for entry in an array, and answers only where it finds one
			findings: []string{
				"fail text-changes dialect-refused", "fail sha1-only sha1-only", "warn form-encoded refusal-broken",
				"fail fields fields", "fail no-sender no-sender", "warn never-sent never-sent", "fail echoes echoes", "fail batch-1000 batch-1000",
			},
			whys: map[string]string{"text-changes": "the app breaks on them", "no-sender": "the app reads sender.id of an event that has no sender"},
		},
		{
			name: "botbuilder-uncaught", start: node("botbuilder.cjs", "uncaught"), wrong: "it ends at the first comment",
			findings: []string{"fail delivery app-stopped"},
			whys:     map[string]string{"delivery": "your app stopped at this"},
		},
		{
			name: "bottender", start: node("bottender/server.cjs"), faulty: both(),
			takes:    map[string]string{"sha1-only": onlySHA1, "uppercase-hex": anyCase},
			findings: []string{"fail sha1-only sha1-only", "warn uppercase-hex uppercase-hex", "fail batch-1000 batch-1000"},
			whys:     map[string]string{"sha1-only": "X-Hub-Signature-256 is not looked at"},
		},
	}
}

func otherClients() []client {
	return []client{
		{
			name: "go-github", start: goGitHub, faulty: both(),
			takes: map[string]string{
				"sha1-only": "it checks the other header where one is missing", "swapped-headers": "the prefix says which hash it is", "uppercase-hex": anyCase,
			},
			findings: []string{"fail sha1-only sha1-only", "warn swapped-headers swapped-headers", "warn uppercase-hex uppercase-hex"},
			whys:     map[string]string{"sha1-only": "X-Hub-Signature is looked at where X-Hub-Signature-256 is missing"},
		},
		{
			name: "webhook", start: adnanh("webhook.json"), faulty: both(), takes: map[string]string{"no-prefix": "the prefix is optional"},
			findings: []string{"warn signature-wrong refusal-broken", "warn no-prefix no-prefix"},
		},
		{
			// Its documentation's rule alone, without a status for what the rule does not let through.
			name: "webhook-documented", start: adnanh("webhook-documented.json"), faulty: both(),
			takes: map[string]string{
				"no-signature": "it refuses in words, with the status 200", "sha1-only": "it refuses in words, with the status 200", "no-prefix": "the prefix is optional",
			},
			findings: []string{
				"fail handshake challenge-other", "warn signature-wrong refusal-broken", "fail unsigned unsigned", "warn no-prefix no-prefix",
			},
			whys: map[string]string{"unsigned": "maybe refused, but with a status that says accepted"},
		},
		{name: "php", start: php("verify.php"), faulty: both()},
		{
			name: "php-json_encode", start: php("reserialised.php"), wrong: "it hashes what json_encode writes", faulty: both()[1:],
			takes:    map[string]string{"newline-added": "the parsed body has no newline"},
			findings: []string{"fail text-changes body-reserialised"},
			whys:     map[string]string{"text-changes": "the app takes a signature over the parsed body written again as PHP's json_encode does"},
		},
		{
			name: "php-dotted", start: php("dotted.php"), faulty: both(), findings: []string{"fail handshake handshake-dots"},
			whys: map[string]string{"handshake": "the app is PHP, and refuses the right token; the parameters' names have a dot"},
		},
	}
}
