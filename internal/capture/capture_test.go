package capture_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/capture"
)

// body has what a careless reader changes: escapes, an apostrophe, a slash, a dollar.
const body = `{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","messaging":[{"message":{"text":"Ol\u00e1! it's 24\/7 $5"}}]}]}`

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestRead(t *testing.T) {
	signed := http.Header{"Content-Type": {"application/json"}, "X-Hub-Signature-256": {"sha256=ab"}}
	post := capture.Request{Method: "POST", URL: "/webhook", Header: signed, Body: []byte(body)}
	at := func(url string) capture.Request {
		r := post
		r.URL = url
		return r
	}
	numbered := func(r capture.Request, number int) capture.Request {
		r.Number = number
		return r
	}
	noted := func(r capture.Request, note string) capture.Request {
		r.Note = note
		return r
	}
	local := at("http://localhost:3000/webhook")
	alone := capture.Request{Header: http.Header{}, Body: []byte(body)}
	const parsed = "the body was parsed and written anew when it was exported: its bytes are not those that were signed"
	head := "content-type: application/json\nx-hub-signature-256: sha256=ab\n"
	bash := strings.ReplaceAll(body, "'", `'\''`)
	// What Chrome copies: bash with $'…' when there is a quote, cmd.exe with carets.
	ansi := strings.ReplaceAll(strings.ReplaceAll(body, `\`, `\\`), "'", `\'`)
	caret := strings.NewReplacer(`\`, `^\^\`, `"`, `^\^"`, "{", "^{", "}", "^}", "[", "^[", "]", "^]", "$", "^$", "!", "^!").Replace(body)
	doubled := strings.NewReplacer(`"`, `""`, `\`, `\`).Replace(body)

	tests := []struct {
		name, text string
		want       []capture.Request
	}{
		{"http lf", "POST /webhook HTTP/1.1\n" + head + "\n" + body, []capture.Request{post}},
		{"http crlf", "POST /webhook HTTP/1.1\r\n" + strings.ReplaceAll(head, "\n", "\r\n") + "\r\n" + body, []capture.Request{post}},
		{"http without version", "POST /webhook\n" + head + "\n" + body, []capture.Request{post}},
		{"http without request line", head + "\n" + body, []capture.Request{{Header: signed, Body: []byte(body)}}},
		{"http newline kept", "POST /webhook HTTP/1.1\n" + head + "\n" + body + "\n", []capture.Request{{Method: "POST", URL: "/webhook", Header: signed, Body: []byte(body + "\n")}}},
		{"http newline after content-length", fmt.Sprintf("POST /webhook HTTP/1.1\nContent-Length: %d\n\n%s\n", len(body), body), []capture.Request{{Method: "POST", URL: "/webhook", Header: http.Header{"Content-Length": {"141"}}, Body: []byte(body)}}},
		{"http content-length", "POST /webhook HTTP/1.1\nContent-Length: 9\n\n{}", []capture.Request{{Method: "POST", URL: "/webhook", Header: http.Header{"Content-Length": {"9"}}, Body: []byte("{}"), Note: `Content-Length says "9" and the body has 2 bytes: it is not the body that was sent`}}},
		{"http pipelined", "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n{}\r\n\r\nPOST /b HTTP/1.1\nContent-Length: 1\n\n1", []capture.Request{
			{Method: "POST", URL: "/a", Header: http.Header{"Content-Length": {"4"}}, Body: []byte("{}\r\n")},
			{Method: "POST", URL: "/b", Header: http.Header{"Content-Length": {"1"}}, Body: []byte("1")},
		}},
		{"http chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", []capture.Request{{Method: "POST", URL: "/", Header: http.Header{"Transfer-Encoding": {"chunked"}}, Body: []byte("{}")}}},
		{"http pseudo headers", ":method: POST\n:path: /webhook\n" + head + "\n" + body, []capture.Request{post}},
		{"http folded", "POST /webhook HTTP/1.1\nX-A: b\n c\n\n{}", []capture.Request{{Method: "POST", URL: "/webhook", Header: http.Header{"X-A": {"b c"}}, Body: []byte("{}")}}},
		{"blank lines and a byte order mark", "\ufeff\n\nPOST /webhook HTTP/1.1\n" + head + "\n" + body, []capture.Request{post}},

		{"curl single quotes", "curl -X POST http://localhost:3000/webhook \\\n  -H 'content-type: application/json' \\\n  -H 'X-Hub-Signature-256: sha256=ab' \\\n  --data-raw '" + bash + "'", []capture.Request{local}},
		{"curl chrome bash", "curl 'http://localhost:3000/webhook' \\\n  -H 'content-type: application/json' \\\n  -H 'X-Hub-Signature-256: sha256=ab' \\\n  --data-raw $'" + ansi + "' \\\n  --insecure", []capture.Request{local}},
		{"curl chrome cmd", "curl ^\"http://localhost:3000/webhook^\" ^\r\n  -H ^\"content-type: application/json^\" ^\r\n  -H ^\"X-Hub-Signature-256: sha256=ab^\" ^\r\n  --data-raw ^\"" + caret + "^\" ^\r\n  --compressed", []capture.Request{local}},
		{"curl firefox cmd", "curl.exe \"http://localhost:3000/webhook\" ^\n -X POST ^\n -H \"content-type: application/json\" ^\n -H \"X-Hub-Signature-256: sha256=ab\" ^\n --data-raw \"" + doubled + "\"", []capture.Request{local}},
		{"curl double quotes", `curl -d "{\"a\": \"it's \\u00e9\"}" -H "Content-Type: application/json" localhost`, []capture.Request{{Method: "POST", URL: "localhost", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"a": "it's \u00e9"}`)}}},
		{"curl json", `curl --json '{"a":1}' --url http://x/y`, []capture.Request{{Method: "POST", URL: "http://x/y", Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}, Body: []byte(`{"a":1}`)}}},
		{"curl bundled options", `$ curl -sSXPOST -H'Content-Type: application/json' -d{} -o /dev/null http://x 2>&1 | jq .`, []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{}`)}}},
		{"curl several data", `curl -d a=1 --data-ascii b=2 http://x`, []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(`a=1&b=2`)}}},
		{"curl headers removed and empty", `curl -H 'Expect:' -H 'X-Empty;' -A me -H 'Content-Type: a/b' --data-raw @x http://x`, []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}, "X-Empty": {""}, "User-Agent": {"me"}}, Body: []byte(`@x`)}}},
		{"curl emoji in two escapes", `curl --data-raw $'\ud83d\udc4b \x41\u00e9' -H 'Content-Type: a/b' http://x`, []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("👋 Aé")}}},
		{"curl variable", `curl -d "{$X}" -H 'Content-Type: a/b' http://x`, []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("{$X}"), Note: "the shell would put something in place of a $ or ` in the body; it is left as it is written"}}},
		{"curl from igloo, binary", "printf %s " + encoded("\x00{}") + " | base64 -d | curl --http1.1 -sS -i -X POST \\\n  -H 'Content-Type: a/b' \\\n  -H 'Expect:' \\\n  --data-binary @- \\\n  'http://x'", []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("\x00{}")}}},
		{"curl from echo", `echo '{}' | curl -H 'Content-Type: a/b' -d @- http://x`, []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("{}")}}},
		{"curl here-document", "curl -H 'Content-Type: a/b' --data-binary @- http://x <<'EOF'\n{\n}\nEOF\n", []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("{\n}\n")}}},
		{"curl here-string", "curl -H 'Content-Type: a/b' -d @- http://x <<< '{}'", []capture.Request{{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("{}")}}},
		{"curl twice", "# two\ncurl -d 1 -H 'Content-Type: a/b' http://x\ncurl -d 2 -H 'Content-Type: a/b' http://y; curl --next", []capture.Request{
			{Method: "POST", URL: "http://x", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("1")},
			{Method: "POST", URL: "http://y", Header: http.Header{"Content-Type": {"a/b"}}, Body: []byte("2")},
			{Method: "GET", Header: http.Header{}},
			{Method: "GET", Header: http.Header{}},
		}},

		{"payload", body + "\n", []capture.Request{{Header: http.Header{}, Body: []byte(body + "\n")}}},
		{"payload in an array", "[" + body + "]", []capture.Request{alone}},
		{"payloads line by line", body + "\n" + body + "\n", []capture.Request{alone, alone}},
		{"preview", `{"field": "comments", "value": {"id": "1"}}`, []capture.Request{{Header: http.Header{}, Body: []byte(`{"field": "comments", "value": {"id": "1"}}`)}}},
		{"log line that begins with a bracket", "[app] webhook " + body + "\n", []capture.Request{noted(alone, "the body was taken out of the text around it")}},
		{"log line that begins with a time in brackets", "[2026-01-02 03:04:05,678] webhook " + body + "\n", []capture.Request{noted(alone, "the body was taken out of the text around it")}},
		{"log line", "2026-01-02T03:04:05Z INFO received " + body + " from 1.2.3.4", []capture.Request{noted(alone, "the body was taken out of the text around it")}},

		{
			"har", fmt.Sprintf(`{"log": {"entries": [
			{"request": {"method": "GET", "url": "http://x"}},
			{"request": {"method": "POST", "url": "/webhook", "headers": [{"name": "content-type", "value": "application/json"}, {"name": "x-hub-signature-256", "value": "sha256=ab"}], "postData": {"mimeType": "application/json", "text": %q}}},
			{"request": {"method": "POST", "url": "/b", "postData": {"text": %q, "encoding": "base64"}}, "response": {"content": {"text": "{}"}}}]}}`, body, encoded("\xff")),
			[]capture.Request{numbered(post, 2), {Method: "POST", URL: "/b", Header: http.Header{}, Body: []byte("\xff"), Number: 3}},
		},
		{
			"ngrok", fmt.Sprintf(`{"uri": "/api/requests/http", "requests": [{"uri": "/api/requests/http/5", "id": "5", "duration": 3, "request": {"method": "POST", "proto": "HTTP/1.1", "headers": {"Content-Type": ["application/json"]}, "uri": "/webhook", "raw": %q}, "response": {"status": "200 OK", "raw": "SFRUUA=="}}]}`, encoded("POST /webhook HTTP/1.1\r\n"+strings.ReplaceAll(head, "\n", "\r\n")+"\r\n"+body)),
			[]capture.Request{post},
		},
		{
			"webhook.site", fmt.Sprintf(`{"data": [{"uuid": "a", "type": "web", "method": "POST", "content": %q, "query": null, "request": {"status": "x"}, "files": [], "headers": {"content-type": ["application/json"], "x-hub-signature-256": ["sha256=ab"]}, "url": "\/webhook"}], "total": 1, "per_page": 50}`, body),
			[]capture.Request{post},
		},
		{
			"webhook-tester", fmt.Sprintf(`[{"uuid": "a", "client_address": "1.2.3.4", "method": "POST", "request_payload_base64": %q, "headers": [{"name": "Content-Type", "value": "application/json"}, {"name": "X-Hub-Signature-256", "value": "sha256=ab"}], "url": "/webhook", "captured_at_unix_milli": 1}]`, encoded(body)),
			[]capture.Request{post},
		},
		{
			"pipedream", `{"headers": {"content-type": "application/json", "x-hub-signature-256": "sha256=ab", "content-length": "7"}, "body": {"a": 1}, "inferred_body_type": "JSON", "method": "POST", "url": "https://x.m.pipedream.net/", "client_ip": "1.2.3.4", "query": {}}`,
			[]capture.Request{{Method: "POST", URL: "https://x.m.pipedream.net/", Header: http.Header{"Content-Type": {"application/json"}, "X-Hub-Signature-256": {"sha256=ab"}, "Content-Length": {"7"}}, Body: []byte(`{"a": 1}`), Note: parsed + `; Content-Length says "7" and the body has 8 bytes: it is not the body that was sent`}},
		},
		{
			"lambda", fmt.Sprintf(`{"resource": "/webhook", "path": "/webhook", "httpMethod": "POST", "headers": {"Content-Type": "application/json"}, "multiValueHeaders": {"Content-Type": ["application/json"], "X-Hub-Signature-256": ["sha256=ab"]}, "body": %q, "isBase64Encoded": false, "requestContext": {"httpMethod": "POST"}}`, body),
			[]capture.Request{post},
		},
		{
			"lambda 2.0", fmt.Sprintf(`{"version": "2.0", "routeKey": "$default", "rawPath": "/webhook", "headers": {"content-type": "application/json", "x-hub-signature-256": "sha256=ab"}, "requestContext": {"http": {"method": "POST", "path": "/webhook"}}, "body": %q, "isBase64Encoded": true}`, encoded(body)),
			[]capture.Request{post},
		},
		{
			"vercel", fmt.Sprintf(`{"Action": "Invoke", "body": %q}`, fmt.Sprintf(`{"method": "POST", "host": "x.vercel.app", "path": "/webhook", "headers": {"content-type": "application/json", "x-hub-signature-256": "sha256=ab"}, "encoding": "base64", "body": %q}`, encoded(body))),
			[]capture.Request{post},
		},
		{
			"igloo lines", fmt.Sprintf("{\"type\":\"session\",\"pid\":1}\n{\"type\":\"delivery\",\"id\":\"d1\",\"method\":\"POST\",\"uri\":\"/webhook\",\"header\":{\"Content-Type\":[\"application/json\"],\"X-Hub-Signature-256\":[\"sha256=ab\"]},\"body\":%q,\"events\":[]}\n{\"type\":\"attempt\",\"delivery\":\"d1\",\"body\":\"no\"}\n{\"type\":\"delivery\",\"method\":\"POST\",\"uri\":\"/b\",\"body_base64\":\"/w==\"}\n", body),
			[]capture.Request{post, {Method: "POST", URL: "/b", Header: http.Header{}, Body: []byte("\xff")}},
		},
		{
			"igloo fire --print json", fmt.Sprintf(`{"type":"request","fixture":"comments","url":"/webhook","method":"POST","headers":[["Content-Type","application/json"],["X-Hub-Signature-256","sha256=ab"]],"body":%q}`, body),
			[]capture.Request{post},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := capture.Read([]byte(tt.text))
			if err != nil {
				t.Fatalf("Read(%s): %v", tt.text, err)
			}
			for i := range tt.want {
				tt.want[i].Number = max(tt.want[i].Number, i+1)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	const want = "expected an HTTP request, a curl command, a HAR, the JSON export of a request inspector, or a payload"
	tests := []struct{ name, text, want string }{
		{"empty", " \n", "the text is empty; " + want},
		{"prose", "hello there", "line 1: igloo does not know this notation; " + want},
		{"response", "HTTP/1.1 200 OK\n\nok", "line 1: this is a response; igloo needs the request that it answers"},
		{"no empty line", "POST / HTTP/1.1\nA: b\n{\"object\":1}", "line 3: the body begins without an empty line before it; put one between the headers and the body"},
		{"bad header", "POST / HTTP/1.1\nA: b\nwhat", "line 3: neither a header nor the empty line before the body; a header is \"Name: value\""},
		{"file", "curl -X POST \\\n -d @body.json http://x", "line 2: the body is in the file \"body.json\", which the text does not hold; give igloo that file, or write the body into the command"},
		{"stdin", "curl --data-binary @- http://x", "line 1: the command takes its body from standard input, which the text does not hold; write the body into the command"},
		{"pipe", "cat body.json | curl --data-binary @- http://x", "line 1: the body comes from the command \"cat\", which igloo does not run; write the body into the curl command"},
		{"header file", "curl -H @h -d 1 http://x", "line 1: the headers are in a file, which the text does not hold; write them into the command"},
		{"form", "curl -F a=b http://x", "line 1: igloo does not read curl's option --form; a delivery's body stands after --data-binary, --data-raw or -d"},
		{"quote", "curl \\\n -d '{} http://x", "line 2: a quoted text is opened with ' and not closed; is the command copied whole?"},
		{"cmd quote", "curl ^\n -d \"{} http://x", "line 1: a quoted text is opened with \" and not closed; is the command copied whole?"},
		{"unknown option", "curl --frobnicate http://x", "line 1: igloo does not know the option --frobnicate; leave it out if it does not change the body"},
		{"unknown letter", "curl -ÿ http://x", "line 1: curl has no option -\xc3; is a quote missing before it?"},
		{"no value", "curl http://x -d", "line 1: the option --data ends the command without its value"},
		{"powershell", "Invoke-WebRequest -Uri http://x", "line 1: this is a PowerShell command; copy the request as curl (bash or cmd) or as HAR"},
		{"json cut off", "{\"object\":\n \"insta", "line 2, column 8: the JSON ends inside a value; is it copied whole?"},
		{"json broken", "{\"a\":\n ]}", "line 2, column 2: invalid character ']' looking for beginning of value; expected JSON"},
		{"an array cut off", "[" + body + ", {\"object\":", "line 1, column 155: the JSON ends inside a value; is it copied whole?"},
		{"an array with a mistake", "[" + body + " what]", "line 1, column 144: invalid character 'w' after array element; expected JSON"},
		{"brackets and nothing", "[app] hello", "line 1, column 2: invalid character 'a' looking for beginning of value; expected JSON"},
		{"json of something else", `{"name": "igloo"}`, "line 1, column 1: JSON, but no request that igloo knows the notation of; " + want},
		{"gets only", `{"log": {"entries": [{"request": {"method": "GET", "url": "http://x"}}]}}`, "no POST with a body among the requests (1); a delivery is a POST; was it filtered out, or exported without its body?"},
		{"bad base64", `{"requests": [{"request": {"method": "POST", "raw": "*"}}]}`, "requests[0].request: raw: no base64: illegal base64 data at input byte 0"},
		{"two payloads in a text", "a " + body + " b " + body, "line 1: several payloads in a text igloo does not know the notation of; cut out one of them"},
		{"many", strings.Repeat("{\"method\":\"POST\",\"body\":\"1\"}\n", 1001), "more than 1000 requests; cut out those you need"},
		{"many in one command", "curl " + strings.Repeat("--next ", 1001), "more than 1000 requests; cut out those you need"},
		{"a long head", "POST / HTTP/1.1\nA: b\n" + strings.Repeat(" c\n", 30_000), "line 21841: more than 64 KiB of headers; is the empty line before the body missing?"},
		{"cut off in a log", "at 10:00 " + strings.Repeat(`{"entry":`, 50) + "[" + strings.Repeat("1,", 1<<20), "line 1: igloo does not know this notation; " + want},
		{"large", strings.Repeat("a", 64<<20+1), "67108865 bytes, the limit is 64 MiB; cut out the request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := capture.Read([]byte(tt.text))
			if err == nil {
				t.Fatalf("Read = %+v, want an error", got)
			}
			if err.Error() != tt.want {
				t.Errorf("Read error\n got %s\nwant %s", err, tt.want)
			}
			if _, ok := errors.AsType[*capture.Error](err); !ok {
				t.Errorf("Read error is a %T, want a *capture.Error", err)
			}
		})
	}
}

// Commands without end take the time they have bytes, not the square of it.
func TestReadLongPipeline(t *testing.T) {
	got, err := capture.Read([]byte("curl -d 1 x; " + strings.Repeat("a|", 1<<19)))
	if err != nil || len(got) != 1 || string(got[0].Body) != "1" {
		t.Errorf("Read = %+v, %v, want the request before the pipeline", got, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\n", "curl -d $'\\u00e9' \"a\\\"b\" <<E\nE\n", "curl ^\"a^\" ^\n -d \"\\\\\"\"\"",
		body, `{"log":{"entries":[{"request":{"method":"POST","postData":{"text":"e30","encoding":"base64"}}}]}}`,
		`{"requests":[{"request":{"raw":"UE9TVCAvIEhUVFAvMS4xDQoNCnt9"}}]}`, `[{"headers":[["a","b"]],"body":{}}]`, "log " + body,
		"printf %s e30= | base64 -d | curl --data-binary @- x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := capture.Read(data)
		if _, ok := errors.AsType[*capture.Error](err); err != nil && !ok {
			t.Fatalf("Read(%q) fails with a %T, want a *capture.Error", data, err)
		}
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("Read(%q) = %d requests, %v", data, len(got), err)
		}
		for _, r := range got {
			if r.Header == nil {
				t.Fatalf("Read(%q): a request without a header map", data)
			}
		}
	})
}
