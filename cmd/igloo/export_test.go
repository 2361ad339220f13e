package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/internal/capture"
	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// hostileBodies are what a careless writer or reader changes: quotes, line ends, what
// ends a shell word, a request line in the body, bytes that are no UTF-8.
var hostileBodies = []string{
	`{"object":"instagram","entry":[{"time":1790000124367,"id":"17841499100200301","messaging":[{"message":{"text":"Ol\u00e1! it's 24\/7 $5 $(id) ` + "`id`" + `"}}]}]}`,
	`{"entry": [{"id": "0", "time": 1790000124}], "object": "instagram"}` + "\n",
	"{\r\n\t\"a\": \"'\\\\''\"\r\n}\r\n\r\n",
	"@file",
	"-d",
	"\x00\x1b[2J\x9b\xff\xfe",
	"{}\r\n\r\nPOST /other HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
	"\u202egnp.\u2028\ufeff😀",
	"a\nEOF\nb",
	`^"%PATH%^`,
}

func hostileDelivery(body string) journal.Delivery {
	return journal.Delivery{
		ReceivedAt: time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC), Source: journal.Live, Verdict: webhook.Verified,
		Method: "POST", URI: "/webhook?a=it%27s&b", Proto: "HTTP/1.1", Host: "a1b2c3.ngrok.app", Status: 200,
		Header: http.Header{
			"Content-Type": {"application/json"}, "Facebook-Api-Version": {"v25.0"}, "X-Hub-Signature-256": {"sha256=5f1c"},
			"X-Two": {"it's", "$HOME"}, "X-Forwarded-Proto": {"https"},
			"Authorization": {"Bearer hush"}, "Cookie": {"hush=1"}, "Proxy-Authorization": {"hush"},
		},
		Body: []byte(body),
	}
}

// recorded returns a journal in memory that holds deliveries.
func recorded(t *testing.T, deliveries ...journal.Delivery) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- j.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Errorf("Run() = %v", err)
		}
		_ = j.Close()
	})
	for _, d := range deliveries {
		if _, err := j.Append(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// exported returns what igloo events export prints.
func exported(t *testing.T, j *journal.Journal, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	e := exporter{command: &command{app: &app{stdout: &out}}, format: format, out: &lineWriter{out: &out}}
	e.target = &url.URL{Scheme: "http", Host: "localhost:3000", Path: "/webhook"}
	if err := e.export(t.Context(), j); err != nil {
		t.Fatalf("export as %s: %v", format, err)
	}
	return out.Bytes()
}

// TestExportRoundTrip reads every notation back: the bytes and the signature are those
// that were received, and nobody's credentials come along.
func TestExportRoundTrip(t *testing.T) {
	var deliveries []journal.Delivery
	for _, body := range hostileBodies {
		deliveries = append(deliveries, hostileDelivery(body))
	}
	j := recorded(t, deliveries...)
	for format, wantURL := range map[string]string{
		asNDJSON: "/webhook?a=it%27s&b", asHAR: "https://a1b2c3.ngrok.app/webhook?a=it%27s&b",
		asHTTP: "/webhook?a=it%27s&b", asCurl: "http://localhost:3000/webhook",
	} {
		text := exported(t, j, format)
		if bytes.Contains(text, []byte("hush")) {
			t.Errorf("%s shows a credential:\n%s", format, text)
		}
		if format != asHTTP && bytes.ContainsAny(text, "\x00\x1b") {
			t.Errorf("%s holds a control character", format)
		}
		got, err := capture.Read(text)
		if err != nil || len(got) != len(hostileBodies) {
			t.Errorf("%s: read %d requests, %v, want %d", format, len(got), err, len(hostileBodies))
			continue
		}
		for i, r := range got {
			if diff := cmp.Diff(hostileBodies[i], string(r.Body)); diff != "" || r.Note != "" || r.Method != "POST" || r.URL != wantURL {
				t.Errorf("%s, body %d: %s %s, note %q (-received +read):\n%s", format, i, r.Method, r.URL, r.Note, diff)
			}
			if diff := cmp.Diff([]string{"it's", "$HOME"}, r.Header["X-Two"]); diff != "" || r.Header.Get("X-Hub-Signature-256") != "sha256=5f1c" {
				t.Errorf("%s, header of %d (-received +read):\n%s", format, i, diff)
			}
		}
	}
}

// TestExportHAR demands what HAR 1.2 demands, and the app's answer.
func TestExportHAR(t *testing.T) {
	entry := newHAREntry(hostileDelivery("{}"), []journal.Attempt{
		{N: 1, Err: "refused"},
		{N: 2, Status: 302, Took: 1500 * time.Microsecond, Target: "http://localhost:3000/webhook", Header: http.Header{"Location": {"/x"}, "Set-Cookie": {"hush"}}, Body: []byte("\xff")},
	})
	got, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"startedDateTime":"2026-11-21T14:00:00.000Z","time":1.5,` +
		`"request":{"method":"POST","url":"https://a1b2c3.ngrok.app/webhook?a=it%27s\u0026b","httpVersion":"HTTP/1.1","cookies":[],` +
		`"headers":[{"name":"Content-Type","value":"application/json"},{"name":"Facebook-API-Version","value":"v25.0"},{"name":"X-Forwarded-Proto","value":"https"},` +
		`{"name":"X-Hub-Signature-256","value":"sha256=5f1c"},{"name":"X-Two","value":"it's"},{"name":"X-Two","value":"$HOME"}],` +
		`"queryString":[{"name":"a","value":"it's"},{"name":"b","value":""}],"postData":{"mimeType":"application/json","text":"{}"},"headersSize":-1,"bodySize":2},` +
		`"response":{"status":302,"statusText":"Found","httpVersion":"HTTP/1.1","cookies":[],"headers":[{"name":"Location","value":"/x"}],` +
		`"content":{"size":1,"mimeType":"application/octet-stream","text":"/w==","encoding":"base64"},"redirectURL":"/x","headersSize":-1,"bodySize":1},` +
		`"cache":{},"timings":{"send":0,"wait":1.5,"receive":0},"comment":"answered by http://localhost:3000/webhook",` +
		`"_igloo":{"id":"d0","source":"live","verdict":"verified"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("newHAREntry() (-want +got):\n%s", diff)
	}
	empty := string(exported(t, recorded(t), asHAR))
	if !json.Valid([]byte(empty)) || !strings.HasPrefix(empty, `{"log":{"version":"1.2"`) {
		t.Errorf("an empty archive is %s", empty)
	}
}
