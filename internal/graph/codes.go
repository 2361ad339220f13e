package graph

// code is a row of the table of error codes.
type code struct {
	code, subcode int // 0 as the subcode stands for any that has no row
	meaning, fix  string
}

// callbackFailed is the code of a callback URL that Meta could not verify.
const callbackFailed = 2200

// The fixes that several codes share.
const (
	fixAgain = "try again in a moment"
	fixWait  = "wait some minutes, then try again; every call before that prolongs the pause"
	fixToken = "generate a new token in the App Dashboard and put it into IGLOO_ACCESS_TOKEN"
	fixGrant = "grant the permission when the token is generated, and ask for Advanced Access when the account is not your own; igloo fields says which one a field needs"
	fixReply = "answer within 24 hours of the person's last message"
)

// codes lists the errors of the Graph API that a receiver of webhooks meets, by code.
// See https://developers.facebook.com/docs/graph-api/guides/error-handling.
var codes = [...]code{
	{1, 0, "something went wrong at Meta", fixAgain},
	{2, 0, "Meta's service is not available for a moment, or the customer has blocked the business", fixAgain},
	{2, 2018344, "the terms for inbox labels are not accepted", "accept them, then try again"},
	{4, 0, "the app has made too many calls", fixWait},
	{10, 0, "the token lacks a permission, or the message comes outside the time allowed", fixGrant},
	{10, 2534022, "the message comes outside the time allowed", fixReply},
	{10, 2018278, "the message comes outside the time allowed", fixReply},
	{17, 0, "the user has made too many calls", fixWait},
	{27, 0, "taking over the conversation is not supported or not allowed", ""},
	{32, 0, "the Page has made too many calls", fixWait},
	{100, 0, "a parameter is not valid", "look at the call with --dry-run"},
	{100, 33, "the object does not exist, or the token may not see it; often the id of one host is used at the other", "leave --account away, or give the id that belongs to the login: the account's at graph.instagram.com, the Page's at graph.facebook.com"},
	{100, 2534014, "no user matches", ""},
	{102, 0, "the access token does not hold any more", fixToken},
	{190, 0, "the access token does not hold", fixToken},
	{190, 458, "the user has removed the app", "log in with the app again, then put the new token into IGLOO_ACCESS_TOKEN"},
	{190, 459, "the user must pass a checkpoint", "log in with a browser and follow what it asks"},
	{190, 460, "the password was changed, which ends the access token", fixToken},
	{190, 463, "the access token has expired", fixToken},
	{190, 464, "the user is not confirmed", "log in with a browser and follow what it asks"},
	{190, 467, "the access token was taken back", fixToken},
	{190, 2069032, "this is the token of a user, and a Page token is needed", "put the Page's own access token into IGLOO_ACCESS_TOKEN"},
	{199, 0, "a permission or Advanced Access is missing", fixGrant},
	{341, 0, "the app has reached a limit", fixWait},
	{368, 0, "Meta has blocked this for a time", "wait until the block is over"},
	{506, 0, "the same was posted a moment ago", ""},
	{551, 0, "the person cannot be reached at the moment", ""},
	{613, 0, "too many calls of this kind", fixWait},
	{callbackFailed, 0, "the callback URL did not answer the verification request as it should", "check what it answers: igloo check URL"},
	{2534066, 0, "the comment does not exist, or is too old for a private reply", ""},
	{1357046, 0, "the JSON of the call is not valid", ""},
}

// Explain returns what an error code means and what to do about it, each "" when there
// is nothing to say. An unknown subcode gets its code's row.
func Explain(number, subcode int) (meaning, fix string) {
	for _, want := range [...]code{{code: number, subcode: subcode}, {code: subcode}, {code: number}} {
		for _, c := range codes {
			// Some come as a code and as a subcode: those from a million up.
			if c.code == want.code && c.subcode == want.subcode && (want.code == number || want.code > 1_000_000) {
				return c.meaning, c.fix
			}
		}
	}
	if number >= 200 && number <= 299 {
		return "the token lacks a permission", fixGrant
	}
	return "", ""
}
