package webhook

// cause is what one code of an explanation says.
type cause struct {
	text string // the part of a sentence that says what is wrong
	fix  string // what to do about it
}

// raw is the advice against every program that writes the JSON anew.
const raw = "hash the bytes as they arrive, before any JSON parser"

// What is wrong with the header: "made with KEY, but TEXT".
var headerCauses = map[string]cause{
	"sha1-only":           {"only as SHA-1: there is no X-Hub-Signature-256", "check X-Hub-Signature-256, which Meta sends beside X-Hub-Signature; a proxy that drops it needs to let it through"},
	"sha1-in-sha256":      {"X-Hub-Signature-256 has the SHA-1 value of X-Hub-Signature", "send the SHA-256 one in X-Hub-Signature-256: sha256= and 64 hex digits"},
	"swapped-headers":     {"X-Hub-Signature and X-Hub-Signature-256 are swapped", "put the sha256= value into X-Hub-Signature-256 and the sha1= value into X-Hub-Signature"},
	"other-header":        {"the signature stands in another header than X-Hub-Signature-256", "read X-Hub-Signature-256, and let proxies and gateways pass it on under its name"},
	"several-signatures":  {"there are several signatures and Meta sends one", "find what adds a header of its own on the way: a proxy, or a tool that signs again"},
	"padded-header":       {"the header has quotes, space or other text around the signature", "write the bare value: sha256= and 64 hex digits"},
	"percent-encoded":     {`the header is percent-encoded`, `write "=" as it is: headers are not URLs`},
	"no-prefix":           {`the header lacks "sha256="`, `write the header as sha256= and 64 hex digits; compare the whole value`},
	"wrong-prefix":        {`the header does not begin with exactly "sha256="`, "write sha256= in lower case, once, with an equals sign"},
	"foreign-signature":   {"the header is written as another service's", "write it as Meta does: sha256= and 64 hex digits"},
	"uppercase-hex":       {"the header has upper-case hex", "write the digest in lower case, as Meta does: a comparison of texts refuses it otherwise"},
	"base64-digest":       {"the digest is base64 where Meta writes hex", `write it in hex: digest("hex"), hexdigest(), hash_hmac with its default`},
	"truncated-signature": {"the signature is cut off", "copy it whole: sha256= and 64 hex digits"},
	"long-signature":      {"more stands after the signature", "the value is sha256= and 64 hex digits, nothing else"},
	"not-hex":             {"the header is no signature: what stands in it is not hexadecimal", "copy the value of X-Hub-Signature-256 as it arrived: sha256= and 64 hex digits"},
	"unsigned":            {"no X-Hub-Signature-256 header", "Meta signs every delivery: a proxy dropped the header, or this does not come from Meta"},
}

// What is wrong with the key: "made with KEY TEXT".
var keyCauses = map[string]cause{
	"verify-token":       {"", "sign with the app secret: the verify token only answers Meta's verification request"},
	"access-token":       {"", "sign with the app secret: the access token is for calls of the Graph API"},
	"development-secret": {"", "give the app its real app secret: igloo's own only signs what igloo fires while it knows no other"},
	"secret-missing":     {"no secret at all: an empty one, or the word undefined, null or None", "give the program its app secret: the variable it reads is not set where it runs"},
	"secret-quoted":      {"without the quotes or space it is configured with", "take quotes and space off the secret in the environment or .env"},
	"secret-newline":     {"and a line break after it", "trim the secret when it is read from a file, and write .env files with LF; printf instead of echo"},
	"secret-space":       {"and a space before or after it", "trim the secret, and copy it again from the App Dashboard"},
	"secret-quotes":      {"in quotes", "take the quotes off: the program does not strip them (docker run --env-file keeps them)"},
	"secret-hex-decoded": {"decoded from hex", "use the secret as text: its 32 characters are the key, not the 16 bytes they could stand for"},
	"secret-case":        {"in the other case", "use the secret as the App Dashboard shows it: in lower case"},
	"not-hmac":           {"hashed with the body by plain SHA, not as the key of an HMAC", `use an HMAC: createHmac("sha256", secret), hmac.new(secret, body, sha256), hash_hmac("sha256", $body, $secret)`},
	"swapped-arguments":  {"as the message and the body as the key", `swap the arguments: hash_hmac("sha256", $body, $secret), hmac.new(secret, body, sha256)`},
}

// What was signed in the body's place: "made with KEY, over TEXT".
var bodyCauses = map[string]cause{
	"newline-added":       {"the body without the line break at its end", "keep the bytes as they are: editors and echo end a file with a line break"},
	"newline-missing":     {"the body and a line break", "sign without a line break: printf '%s' instead of echo, jq -j, write instead of println"},
	"crlf-added":          {"the body with LF where CRLF is", "keep the bytes as they are: something changed the line ends (git's autocrlf, an editor, a text-mode file)"},
	"crlf-missing":        {"the body with CRLF line ends", "keep the bytes as they are: something changed the line ends (git's autocrlf, an editor, a text-mode file)"},
	"bom-added":           {"the body without the byte order mark", "save the body without a byte order mark (UTF-8, not UTF-8 with BOM)"},
	"bom-missing":         {"the body after a byte order mark", "sign without a byte order mark (UTF-8, not UTF-8 with BOM)"},
	"space-added":         {"the body without the space around it", "keep the bytes as they are: nothing stands before or after the JSON"},
	"empty-signed":        {"an empty body", "something read the body before it was hashed: keep the raw bytes when they are read first, or hash before the parser"},
	"placeholder-signed":  {"a word such as [object Object] in the body's place", "the parsed object was hashed, or nothing: " + raw},
	"base64-body":         {"the body decoded from base64", "decode the body before it is hashed: function platforms hand it over as base64 (isBase64Encoded)"},
	"base64-signed":       {"the body in base64", "decode the body before it is hashed: function platforms hand it over as base64 (isBase64Encoded)"},
	"form-body":           {"the field of a form that the body is", "send the JSON itself, as application/json: Meta sends no forms"},
	"form-signed":         {"the body as the field payload of a form", "hash the bytes as they arrive: Meta sends no forms"},
	"quoted-body":         {"the text inside this JSON string", "the body was written as JSON a second time: keep it as it arrived"},
	"quoted-signed":       {"the body as a JSON string", "the raw text was passed to JSON.stringify: hash it as it is"},
	"bytes-repr":          {"Python's b'…' of the body", "hash the bytes themselves: str() of bytes is a description; request.data, not str(request.data)"},
	"dict-repr":           {"Python's str() of the parsed body", "hash request.get_data() (Flask), request.body (Django) or await request.body() (FastAPI), not the parsed dict"},
	"reserialized":        {"Meta's own bytes: the JSON here was parsed and written again", "take the raw bytes: a proxy, logger or framework rewrote the JSON after it arrived"},
	"json-stringify":      {"the JSON as JSON.stringify writes it", raw + `: express.raw({type: "*/*"}), or the verify option of express.json`},
	"json-encode":         {"the JSON as PHP's json_encode writes it", raw + ": file_get_contents('php://input')"},
	"json-encode-slashes": {"the JSON as json_encode writes it with JSON_UNESCAPED_SLASHES", raw + ": file_get_contents('php://input')"},
	"json-encode-unicode": {"the JSON as json_encode writes it with JSON_UNESCAPED_UNICODE", raw + ": file_get_contents('php://input')"},
	"json-dumps":          {"the JSON as Python's json.dumps writes it", raw + ": request.get_data() (Flask), request.body (Django), await request.body() (FastAPI)"},
	"json-dumps-utf8":     {"the JSON as json.dumps writes it with ensure_ascii=False", raw + ": request.get_data() (Flask), request.body (Django), await request.body() (FastAPI)"},
	"messenger-escapes":   {`the JSON with Messenger's escapes of <, @ and %`, raw},
	"go-marshal":          {"the JSON as Go's json.Marshal or Rails' to_json writes it", raw + ": io.ReadAll(r.Body), request.raw_post"},
	"gson":                {"the JSON as Java's Gson writes it", raw + ": @RequestBody byte[]"},
	"dotnet-json":         {"the JSON as .NET's System.Text.Json writes it", raw + ": EnableBuffering, then copy Request.Body"},
	"keys-sorted":         {"the JSON with sorted keys", raw},
	"compact":             {"the JSON without white space", raw},
	"spaced":              {"the JSON with a space after each comma and colon", raw},
	"pretty-printed":      {"the JSON on several lines", raw},
	"slashes-plain":       {`the body with "/" for "\/"`, raw},
	"slashes-escaped":     {`the body with "\/" for "/"`, raw},
	"unicode-plain":       {`the body with the characters for \uXXXX`, raw + ", and do not decode it to text"},
	"unicode-escaped":     {`the body with \uXXXX for what is not ASCII`, raw + ", and do not decode it to text"},
	"unicode-upper-hex":   {`the body with \uXXXX in upper case`, raw},
}

// bodyTails is the text of what comes after another code's.
var bodyTails = map[string]string{
	"newline-missing":   `and a line break`,
	"crlf-missing":      `with CRLF line ends`,
	"space-added":       `without the space around it`,
	"keys-sorted":       "with sorted keys",
	"slashes-plain":     `with "/" for "\/"`,
	"slashes-escaped":   `with "\/" for "/"`,
	"unicode-plain":     `with the characters for \uXXXX`,
	"unicode-escaped":   `with \uXXXX for what is not ASCII`,
	"unicode-upper-hex": `with \uXXXX in upper case`,
}

// What is known, or likely, when no key fits.
var otherCauses = map[string]cause{
	"verified":             {"the signature holds: app secret %s", ""},
	"other-product":        {"", "give the app the secret of the product that sends this: Instagram Login and Facebook Login have different ones"},
	"unchecked":            {"no app secret is known to check this signature with", "set IGLOO_APP_SECRET to the app secret of the App Dashboard"},
	"unexplained":          {"none of the known keys (%d) made this signature, over the body in any of %d forms", "igloo doctor says where the app secret came from; compare it with the App Dashboard's"},
	"sha512-signature":     {"made with %s, over the body, but by SHA-512: secret and body are right", `sign by SHA-256, as Meta does: createHmac("sha256", secret), hmac.new(secret, body, sha256)`},
	"sha256-altered":       {"X-Hub-Signature holds and X-Hub-Signature-256 does not: its value was changed", "copy both headers again as they arrived"},
	"body-empty":           {"the body is empty, and Meta's never is", "something read the body before: keep the raw bytes, or hash before the parser"},
	"body-truncated":       {"the body is cut off: it has %d bytes, and %d were sent", "copy it whole; logs cut long lines"},
	"body-longer":          {"the body has %d bytes, and %d were sent", "keep the bytes as they arrive"},
	"body-rewritten":       {"Content-Length is that of Meta's own bytes: the JSON here was parsed and written again", "take the raw bytes: a proxy, logger or framework rewrote the JSON after it arrived"},
	"body-not-json":        {"the body is no JSON from byte %d on, so it is not what Meta sent", "keep the bytes as they arrive; logs cut long lines and escape what they print"},
	"body-not-meta":        {"the body is not written as Meta writes it, so something rewrote it", "take the raw bytes; igloo listen records them, and igloo verify ID checks them"},
	"secret-not-meta":      {"%s is not 32 hex digits, as Meta's are", "copy it again from the App Dashboard, whole and without quotes"},
	"other-product-secret": {"Instagram Login and Facebook Login have different app secrets, and only one is known", "name both: IGLOO_APP_SECRET=instagram=…,meta=… (Instagram > API setup with Instagram login; App settings > Basic)"},
	"other-app-secret":     {"it is the secret of another app, or it was reset", "compare the app id, and copy the secret again from the App Dashboard"},
	"body-altered":         {"a value in the body is not the one that was signed", "compare with the bytes as they arrived: igloo listen records them"},
}
