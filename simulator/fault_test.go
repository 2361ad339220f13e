package simulator_test

import (
	"bufio"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/igloo-dev/igloo/fixtures"
	"github.com/igloo-dev/igloo/simulator"
)

// The reaction of the published vectors (V7) and its signatures under key. The
// stranger's signatures were made with openssl.
const (
	reaction     = `{"object":"instagram","entry":[{"time":1790000124367,"id":"0","messaging":[{"sender":{"id":"12334"},"recipient":{"id":"23245"},"timestamp":233445667,"reaction":{"mid":"random_mid","action":"react","reaction":"love","emoji":"\u2764\ufe0f"}}]}]}`
	reactionSHA1 = "5a8ee601bda5d9fd53d43df8807c9bf082cabf34"
	reactionSHA  = "e42111199e3ce6b6f1348731a7b800d861801619ddbd497eae0b8f46bf72076d"
)

// sentBytes sends the vector with a fault and returns every byte that came over the
// connection, and how it ended.
func sentBytes(t *testing.T, fault simulator.Fault) (string, simulator.Response) {
	t.Helper()
	sent := make(chan string, 1)
	u := listen(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		var text strings.Builder
		length := 0
		for !strings.HasSuffix(text.String(), "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				break
			}
			text.WriteString(line)
			if digits, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(digits))
			}
		}
		body, _ := io.ReadAll(io.LimitReader(r, int64(length)))
		text.Write(body)
		if fault == simulator.CloseEarly {
			_, err := r.ReadByte()
			text.WriteString("|" + err.Error())
		}
		_, _ = io.WriteString(c, ok)
		sent <- text.String()
	})
	client := newClient(t, simulator.ClientConfig{SlowBody: 50 * time.Millisecond})
	r := signedReaction(t)
	if err := r.Break(fault); err != nil {
		t.Fatal(err)
	}
	answer, err := client.Send(t.Context(), u, r)
	if err != nil {
		t.Fatalf("Send(%s): %v", fault, err)
	}
	return strings.ReplaceAll(<-sent, u.Host, "HOST"), answer
}

// signedReaction is the signed reaction.
func signedReaction(t testing.TB) *simulator.Request {
	t.Helper()
	f, err := fixtures.Parse("x.json", []byte(reaction))
	if err != nil {
		t.Fatal(err)
	}
	r, err := simulator.Render(f, simulator.Options{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Sign(simulator.NewSecret(key))
	return r
}

// TestFaultBytes holds every fault to what goes over the wire.
func TestFaultBytes(t *testing.T) {
	request := func(length int, contentType, signatures, body string) string {
		return "POST /webhook?a=b%20c HTTP/1.1\r\nHost: HOST\r\nContent-Length: " + strconv.Itoa(length) + "\r\nAccept: */*\r\n" +
			"Accept-Encoding: deflate, gzip\r\nUser-Agent: facebookexternalua\r\nContent-Type: " + contentType + "\r\n" +
			signatures + "Facebook-API-Version: unversioned\r\n\r\n" + body
	}
	signed := func(sha1, sha256 string) string {
		return "X-Hub-Signature: " + sha1 + "\r\nX-Hub-Signature-256: " + sha256 + "\r\n"
	}
	right := signed("sha1="+reactionSHA1, "sha256="+reactionSHA)
	const json = "application/json"
	tests := map[simulator.Fault]string{
		"":                       request(243, json, right, reaction),
		simulator.NoSignature:    request(243, json, "", reaction),
		simulator.WrongSignature: request(243, json, signed("sha1=5a8ee601bda5d9fd53d43df8807c9bf082cabf30", "sha256=e42111199e3ce6b6f1348731a7b800d861801619ddbd497eae0b8f46bf720760"), reaction),
		simulator.WrongSecret:    request(243, json, signed("sha1=841a52cfea6be47a181d829a196bd7f3040fbc08", "sha256=6f00f0ec6d1c7ff4e92eba223db577c1c10584508b51afd85d16292bc42b2418"), reaction),
		simulator.SHA1Only:       request(243, json, "X-Hub-Signature: sha1="+reactionSHA1+"\r\n", reaction),
		simulator.SwappedHeaders: request(243, json, signed("sha256="+reactionSHA, "sha1="+reactionSHA1), reaction),
		simulator.AlteredBody: request(243, json, right,
			`{"object":"instagram","entry":[{"time":1790000124367,"id":"0","messaging":[{"sender":{"id":"12334"},"recipient":{"id":"23245"},"timestamp":233445667,"reaction":{"mid":"random_mid","action":"react","reaction":"love","emoji":"\u2764\ufe1f"}}]}]}`),
		simulator.UppercaseHex: request(243, json, signed("sha1=5A8EE601BDA5D9FD53D43DF8807C9BF082CABF34", "sha256=E42111199E3CE6B6F1348731A7B800D861801619DDBD497EAE0B8F46BF72076D"), reaction),
		simulator.NoPrefix:     request(243, json, signed(reactionSHA1, reactionSHA), reaction),
		simulator.Truncated: request(243, json, right,
			`{"object":"instagram","entry":[{"time":1790000124367,"id":"0","messaging":[{"sender":{"id":"12334"},"recipient":{"id":"23`),
		simulator.SlowBody:   request(243, json, right, reaction),
		simulator.CloseEarly: request(243, json, right, reaction) + "|EOF",
		simulator.FormEncoded: request(427, "application/x-www-form-urlencoded", right,
			"payload=%7B%22object%22%3A%22instagram%22%2C%22entry%22%3A%5B%7B%22time%22%3A1790000124367%2C%22id%22%3A%220%22%2C%22messaging%22%3A%5B%7B%22sender%22%3A%7B%22id%22%3A%2212334%22%7D%2C%22recipient%22%3A%7B%22id%22%3A%2223245%22%7D%2C%22timestamp%22%3A233445667%2C%22reaction%22%3A%7B%22mid%22%3A%22random_mid%22%2C%22action%22%3A%22react%22%2C%22reaction%22%3A%22love%22%2C%22emoji%22%3A%22%5Cu2764%5Cufe0f%22%7D%7D%5D%7D%5D%7D"),
		simulator.NewlineAdded: request(244, json, right, reaction+"\n"),
	}
	for _, fault := range append([]simulator.Fault{""}, simulator.Faults()...) {
		want, known := tests[fault]
		if !known {
			t.Errorf("no test holds %q to its bytes", fault)
			continue
		}
		t.Run(string(fault), func(t *testing.T) {
			got, answer := sentBytes(t, fault)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			status := http.StatusOK
			if fault == simulator.CloseEarly {
				status = 0
			}
			if answer.Status != status {
				t.Errorf("status %d, want %d", answer.Status, status)
			}
		})
	}
}

// TestFaultNames is the list people type, each with a line about it.
func TestFaultNames(t *testing.T) {
	want := []simulator.Fault{
		"no-signature", "wrong-signature", "wrong-secret", "sha1-only", "swapped-headers", "altered-body", "uppercase-hex",
		"no-prefix", "truncated", "slow-body", "close-early", "form-encoded", "newline-added",
	}
	if diff := cmp.Diff(want, simulator.Faults()); diff != "" {
		t.Errorf("Faults (-want +got):\n%s", diff)
	}
	var onWire, accepted []simulator.Fault
	for _, f := range simulator.Faults() {
		if got, err := simulator.ParseFault(string(f)); err != nil || got != f || f.Description() == "" {
			t.Errorf("ParseFault(%q) = %q, %v, described as %q", f, got, err, f.Description())
		}
		if f.OnWire() {
			onWire = append(onWire, f)
		}
		if !f.ToRefuse() {
			accepted = append(accepted, f)
		}
	}
	if diff := cmp.Diff([]simulator.Fault{"truncated", "slow-body", "close-early"}, onWire); diff != "" {
		t.Errorf("on the wire (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]simulator.Fault{"slow-body", "close-early"}, accepted); diff != "" {
		t.Errorf("not to be refused (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"no-signatur": `unknown fault "no-signatur", did you mean "no-signature"?`,
		"SHA1-Only":   `unknown fault "SHA1-Only", did you mean "sha1-only"?`,
		"":            `unknown fault ""`,
		"gibberish":   `unknown fault "gibberish"`,
	} {
		_, err := simulator.ParseFault(name)
		if _, ok := errors.AsType[*simulator.FaultError](err); !ok || err.Error() != want {
			t.Errorf("ParseFault(%q): %v, want %s", name, err, want)
		}
	}
	r := signedReaction(t)
	if err := r.Break("x"); err == nil || r.Fault != "" || simulator.Fault("x").ToRefuse() || simulator.Fault("").OnWire() {
		t.Errorf("Break(x) = %v on %q", err, r.Fault)
	}
}

// TestAlteredBodyWithoutDigit alters a body that has no digit, and one that ends in 9.
func TestAlteredBodyWithoutDigit(t *testing.T) {
	for body, want := range map[string]string{`{}`: `{} `, `[9]`: `[1]`, `"a"`: `"a" `, "": " "} {
		r := &simulator.Request{Body: []byte(body)}
		if err := r.Break(simulator.AlteredBody); err != nil || string(r.Body) != want {
			t.Errorf("%q becomes %q, %v, want %q", body, r.Body, err, want)
		}
	}
}

// TestTruncatedWithoutAnswer is an app that hangs up on half a request, as it may; one
// that answers is heard, also over TLS.
func TestTruncatedWithoutAnswer(t *testing.T) {
	u := listen(t, func(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	r := signedReaction(t)
	if err := r.Break(simulator.Truncated); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, simulator.ClientConfig{})
	if answer, err := client.Send(t.Context(), u, r); err != nil || answer.Status != 0 {
		t.Errorf("Send = %+v, %v, want no answer and no error", answer, err)
	}

	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("the body arrived whole")
		}
		w.WriteHeader(http.StatusBadRequest)
	}))
	defer server.Close()
	client = newClient(t, simulator.ClientConfig{ExtraCAs: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})})
	if answer, err := client.Send(t.Context(), target(t, server.URL), r); err != nil || answer.Status != http.StatusBadRequest {
		t.Errorf("Send over TLS = %+v, %v, want 400", answer, err)
	}
}

// TestWireFaultsWithoutApp fail like any other delivery.
func TestWireFaultsWithoutApp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := target(t, "http://"+l.Addr().String())
	_ = l.Close()
	client := newClient(t, simulator.ClientConfig{})
	for _, fault := range []simulator.Fault{simulator.Truncated, simulator.SlowBody, simulator.CloseEarly} {
		r := signedReaction(t)
		if err := r.Break(fault); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Send(t.Context(), u, r); !simulator.Refused(err) {
			t.Errorf("Send(%s): %v, want a refused connection", fault, err)
		}
	}
}

// TestSlowBodyTakesItsTime writes over the whole time, and stops when the app has
// answered or the context ends.
func TestSlowBodyTakesItsTime(t *testing.T) {
	pieces := make(chan int, 1)
	u := listen(t, func(_ int, c net.Conn) {
		n, buf := 0, make([]byte, 4096)
		for text := ""; !strings.HasSuffix(text, "}]}]}"); n++ {
			k, err := c.Read(buf)
			if err != nil {
				break
			}
			text += string(buf[:k])
		}
		pieces <- n
		_, _ = io.WriteString(c, ok)
	})
	r := signedReaction(t)
	if err := r.Break(simulator.SlowBody); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, simulator.ClientConfig{SlowBody: 320 * time.Millisecond})
	answer, err := client.Send(t.Context(), u, r)
	if n := <-pieces; err != nil || answer.Status != http.StatusOK || answer.Took < 300*time.Millisecond || answer.Early || n < 8 {
		t.Errorf("Send = %+v, %v, in %d pieces, want 200 after 320ms in about 16", answer, err, n)
	}
	early := listen(t, func(_ int, c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	})
	client = newClient(t, simulator.ClientConfig{SlowBody: 16 * time.Second})
	if answer, err := client.Send(t.Context(), early, r); err != nil || answer.Status != http.StatusRequestTimeout || answer.Took > 5*time.Second || !answer.Early {
		t.Errorf("Send = %+v, %v, want the early 408", answer, err)
	}
}

// TestDeliverFault gives a test of an app the same faults.
func TestDeliverFault(t *testing.T) {
	server := httptest.NewServer(app(key))
	defer server.Close()
	for _, fault := range simulator.Faults() {
		to := simulator.Target{URL: server.URL, AppSecret: simulator.NewSecret(key), Fault: fault}
		to.Client = newClient(t, simulator.ClientConfig{SlowBody: 10 * time.Millisecond})
		answer, err := simulator.Deliver(t.Context(), to, builtin(t, "comments"))
		if err != nil {
			t.Errorf("Deliver(%s): %v", fault, err)
		}
		if refused := answer.Status != http.StatusOK && answer.Status != 0; refused != fault.ToRefuse() {
			t.Errorf("Deliver(%s) = %d, refused %v, want %v", fault, answer.Status, refused, fault.ToRefuse())
		}
	}
	to := simulator.Target{URL: server.URL, AppSecret: simulator.NewSecret(key), Fault: "no-such"}
	if _, err := simulator.Deliver(t.Context(), to, builtin(t, "comments")); err == nil || err.Error() != `unknown fault "no-such"` {
		t.Errorf("Deliver with an unknown fault: %v", err)
	}
}
