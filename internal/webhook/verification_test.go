package webhook_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/secret"
	"github.com/igloo-dev/igloo/internal/webhook"
)

func TestCheckVerification(t *testing.T) {
	token := secret.New("vt_8f2c")
	tests := []struct {
		query, challenge string
		err              error
	}{
		{"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=vt_8f2c", "1158201444", nil},
		{"hub.verify_token=vt_8f2c&x=1&hub.challenge=0012&hub.mode=subscribe", "0012", nil},
		{"hub.mode=subscribe&hub.challenge=1&hub.verify_token=VT_8F2C", "", webhook.ErrWrongVerifyToken},
		{"hub.mode=subscribe&hub.challenge=1&hub.verify_token=vt_8f2c%20", "", webhook.ErrWrongVerifyToken},
		{"hub.mode=subscribe&hub.challenge=1&hub.verify_token=", "", webhook.ErrNoVerifyToken},
		{"hub.mode=subscribe&hub.challenge=1", "", webhook.ErrNoVerifyToken},
		{"hub.mode=subscribe&hub.verify_token=vt_8f2c", "", webhook.ErrNoChallenge},
		{"hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=vt_8f2c", "", webhook.ErrVerificationMode},
		{"hub.challenge=1&hub.verify_token=vt_8f2c", "", webhook.ErrVerificationMode},
		{"", "", webhook.ErrNotVerification},
		{"hub_mode=subscribe", "", webhook.ErrNotVerification},
	}
	for _, tt := range tests {
		query, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		challenge, err := webhook.CheckVerification(query, token)
		if challenge != tt.challenge || !errors.Is(err, tt.err) {
			t.Errorf("CheckVerification(%s) = %q, %v, want %q, %v", tt.query, challenge, err, tt.challenge, tt.err)
		}
	}
	empty := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {"1"}, "hub.verify_token": {"x"}}
	if _, err := webhook.CheckVerification(empty, secret.Value{}); !errors.Is(err, webhook.ErrWrongVerifyToken) {
		t.Errorf("CheckVerification without a token of our own = %v, want %v", err, webhook.ErrWrongVerifyToken)
	}
}

func TestMID(t *testing.T) {
	const (
		account = "17841499100200301"
		mid     = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDk5MTAwMjAwMzAxOjM0MDI4MjM2Njg0MTcxMDMwMTI0NDI1ODYzNTM4NTUzODk5NTk1OTozMzAxOTY3NDE2OTMwMzg2MDk2MDQ2NDUwMjUxMzQ2NzM5MgZDZD"
	)
	got, err := webhook.ParseMID(mid)
	if err != nil || got.Account != account || got.At.UnixMilli() != 1790000123456 {
		t.Fatalf("ParseMID = %+v, %v", got, err)
	}
	if again := got.String(); again != mid {
		t.Errorf("String = %s, want %s", again, mid)
	}
	at := time.UnixMicro(1790000123456789)
	made := webhook.NewMID(account, 42, at)
	if len(made) != 164 {
		t.Errorf("NewMID is %d characters long, want 164", len(made))
	}
	if back, err := webhook.ParseMID(made); err != nil || back.Thread != 42 || !back.At.Equal(at) {
		t.Errorf("ParseMID(NewMID) = %+v, %v", back, err)
	}
	for _, bad := range []string{"", "m_AbC", "random_mid", "aGVsbG8ZD", "!!"} {
		if got, err := webhook.ParseMID(bad); !errors.Is(err, webhook.ErrMID) {
			t.Errorf("ParseMID(%q) = %+v, %v, want %v", bad, got, err, webhook.ErrMID)
		}
	}
}

func ExampleNewMID() {
	mid := webhook.NewMID("17841499100200301", 1, time.UnixMilli(1790000123456))
	decoded, _ := webhook.ParseMID(mid)
	fmt.Println(decoded.Account, decoded.At.UTC().Format(time.RFC3339Nano))
	// Output: 17841499100200301 2026-09-21T14:15:23.456Z
}

func FuzzParseMID(f *testing.F) {
	f.Add("aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQ")
	f.Fuzz(func(t *testing.T, mid string) {
		if got, err := webhook.ParseMID(mid); err == nil && got.At.IsZero() && got.Account == "" {
			t.Fatalf("ParseMID(%q) = %+v", mid, got)
		}
	})
}
