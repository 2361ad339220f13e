package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/igloo-dev/igloo/internal/secret"
)

const text = "0123456789abcdef0123456789abcdef"

type holder struct {
	Name string
	key  secret.Value
	Key  secret.Value
}

func TestNeverPrints(t *testing.T) {
	v := secret.New(text)
	h := holder{"a", v, v}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("said", "key", v, "holder", h, "list", []secret.Value{v})
	slog.New(slog.NewTextHandler(&log, nil)).Info("said", "key", v, "holder", h)
	js, err := json.Marshal(map[string]any{"v": v, "h": h, "p": &h})
	if err != nil {
		t.Fatal(err)
	}
	prints := map[string]string{"log": log.String(), "json": string(js)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%10s", "%t", "%U"} {
		prints[verb] = fmt.Sprintf(verb, v)
		prints[verb+" in a struct"] = fmt.Sprintf(verb, h)
		prints[verb+" in a slice"] = fmt.Sprintf(verb, []secret.Value{v})
		prints[verb+" in a map"] = fmt.Sprintf(verb, map[string]secret.Value{"k": v})
	}
	hexed := fmt.Sprintf("%x", text)
	for how, got := range prints {
		if strings.Contains(got, text) || strings.Contains(strings.ToLower(got), hexed) {
			t.Errorf("%s shows the secret: %s", how, got)
		}
	}
	if got := fmt.Sprintf("%s", v); got != secret.Redacted {
		t.Errorf("%%s prints %q, want %q", got, secret.Redacted)
	}
}

func TestEqual(t *testing.T) {
	tests := []struct {
		value, text string
		want        bool
	}{
		{"token", "token", true},
		{"token", "Token", false},
		{"token", "token ", false},
		{"token", "", false},
		{"", "", false},
		{"", "token", false},
	}
	for _, tt := range tests {
		if got := secret.New(tt.value).Equal(tt.text); got != tt.want {
			t.Errorf("New(%q).Equal(%q) = %v, want %v", tt.value, tt.text, got, tt.want)
		}
	}
}

func TestRedact(t *testing.T) {
	got := secret.Redact("token abcdef refused; id abc", secret.New("abcdef"), secret.New("abc"), secret.Value{})
	if want := "token [redacted] refused; id abc"; got != want {
		t.Errorf("Redact = %q, want %q", got, want)
	}
}
