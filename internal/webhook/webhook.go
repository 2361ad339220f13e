// Package webhook is Meta's wire format: what a delivery looks like, which events
// it holds, how it is signed, and how a callback URL is verified.
//
// [Parse] turns a body into a [Payload] and its [Event] list, generous with
// everything unknown. [Sign] and [Verify] stand side by side; a [Keyring] tries
// several app secrets and returns a [Judgement]. [Encode] writes JSON the way one
// of Meta's two senders does. docs/webhooks.md describes the format in prose.
//
// The package makes no API promise before v1.
package webhook

// Dialect is one of the two serialisations Meta's senders use for Instagram.
// docs/webhooks.md, "Two dialects", lists every difference.
type Dialect int

const (
	// Changes is the dialect of comments, live_comments, mentions and
	// story_insights: a space after each separator, "/" as it is, times in seconds.
	Changes Dialect = iota
	// Messaging is the dialect of direct messages: compact, "/" written "\/",
	// times in milliseconds.
	Messaging
)

// String returns "changes" or "messaging".
func (d Dialect) String() string {
	if d == Messaging {
		return "messaging"
	}
	return "changes"
}

// Login is the Meta product a delivery belongs to. It decides which app secret
// signs and where the shapes of the products differ.
type Login string

// The three products that deliver Instagram webhooks.
const (
	InstagramLogin Login = "instagram" // Instagram API with Instagram Login
	FacebookLogin  Login = "facebook"  // Instagram API with Facebook Login
	Messenger      Login = "messenger" // Messenger Platform
)

// SecretName is the name, in IGLOO_APP_SECRET, of the app secret that signs this
// product's deliveries: "instagram" or "meta".
func (l Login) SecretName() string {
	if l == InstagramLogin {
		return "instagram"
	}
	return "meta"
}

// Section is the place inside an entry where an event stands.
type Section string

// The sections of an entry. InEntry means that the entry itself is the event: it
// holds none of the known lists (or carries field and value directly, as one of
// Meta's example pages prints it).
const (
	InChanges       Section = "changes"
	InMessaging     Section = "messaging"
	InStandby       Section = "standby"
	InChangedFields Section = "changed_fields"
	InEntry         Section = "entry"
)

// The headers of a delivery.
const (
	SignatureHeader     = "X-Hub-Signature-256" // sha256=<64 lower-case hex>
	SHA1SignatureHeader = "X-Hub-Signature"     // sha1=<40 lower-case hex>, legacy
	APIVersionHeader    = "Facebook-API-Version"
)

// The User-Agent texts of Meta's senders.
const (
	ChangesUserAgent      = "Webhooks/1.0 (https://fb.me/webhooks)"
	MessagingUserAgent    = "facebookexternalua"
	VerificationUserAgent = "facebookplatform/1.0 (+http://developers.facebook.com)"
)

// EventReceived is the body igloo and Meta's samples answer a delivery with.
const EventReceived = "EVENT_RECEIVED"
