package webhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Meta still sends the legacy SHA-1 header.
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/igloo-dev/igloo/internal/secret"
)

// The ways a signature can fail. Tell them apart with [errors.Is].
var (
	ErrNotSigned          = errors.New("no X-Hub-Signature-256 header")
	ErrMalformedSignature = errors.New("malformed signature")
	ErrSignatureMismatch  = errors.New("signature does not match the body")
	ErrEmptySecret        = errors.New("empty app secret")
)

const (
	sha256Prefix = "sha256="
	sha1Prefix   = "sha1="
)

// Sign returns the value of X-Hub-Signature-256 for body: "sha256=" and the
// lower-case hex HMAC-SHA256 over the raw bytes, keyed with the app secret as
// text. It panics on an empty secret, which signs nothing.
func Sign(appSecret secret.Value, body []byte) string {
	return sign(sha256Prefix, sha256.New, appSecret, body)
}

// SignSHA1 returns the value of the legacy header X-Hub-Signature for body.
func SignSHA1(appSecret secret.Value, body []byte) string {
	return sign(sha1Prefix, sha1.New, appSecret, body)
}

func sign(prefix string, newHash func() hash.Hash, appSecret secret.Value, body []byte) string {
	if appSecret.Empty() {
		panic("webhook: sign with an empty app secret")
	}
	mac := hmac.New(newHash, []byte(appSecret.Reveal()))
	mac.Write(body)
	return prefix + hex.EncodeToString(mac.Sum(nil))
}

// Verify reports whether signature, a value of X-Hub-Signature-256, was made over
// body with the app secret. The error is [ErrNotSigned], [ErrMalformedSignature]
// (wrapped with what is wrong), [ErrSignatureMismatch] or [ErrEmptySecret].
// Pass the body exactly as received: a JSON round trip changes it.
func Verify(appSecret secret.Value, body []byte, signature string) error {
	return verify(sha256Prefix, sha256.New, appSecret, body, signature)
}

// VerifySHA1 is [Verify] for the legacy header X-Hub-Signature.
func VerifySHA1(appSecret secret.Value, body []byte, signature string) error {
	return verify(sha1Prefix, sha1.New, appSecret, body, signature)
}

func verify(prefix string, newHash func() hash.Hash, appSecret secret.Value, body []byte, signature string) error {
	if appSecret.Empty() {
		return ErrEmptySecret
	}
	mac := hmac.New(newHash, []byte(appSecret.Reveal()))
	want := make([]byte, mac.Size())
	if err := decodeSignature(want, signature, prefix); err != nil {
		return err
	}
	mac.Write(body)
	if !hmac.Equal(mac.Sum(nil), want) {
		return ErrSignatureMismatch
	}
	return nil
}

// decodeSignature writes the digest of a signature header into dst. Meta writes
// lower-case hex; upper case is refused, as a byte comparison in an app would.
func decodeSignature(dst []byte, signature, prefix string) error {
	if signature == "" {
		return ErrNotSigned
	}
	digits, ok := strings.CutPrefix(signature, prefix)
	if !ok {
		return fmt.Errorf("%w: it does not start with %q", ErrMalformedSignature, prefix)
	}
	if len(digits) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%w: %d characters after %q, want %d", ErrMalformedSignature, len(digits), prefix, hex.EncodedLen(len(dst)))
	}
	if strings.ToLower(digits) != digits {
		return fmt.Errorf("%w: upper-case hex, Meta writes lower case", ErrMalformedSignature)
	}
	if _, err := hex.Decode(dst, []byte(digits)); err != nil {
		return fmt.Errorf("%w: not hexadecimal", ErrMalformedSignature)
	}
	return nil
}

// Verdict is what igloo thinks of a delivery's signature.
type Verdict string

// The four verdicts.
const (
	Verified  Verdict = "verified"  // a known app secret made the signature
	Unchecked Verdict = "unchecked" // signed, and no real app secret is known
	Invalid   Verdict = "invalid"   // signed, and no known app secret fits
	Unsigned  Verdict = "unsigned"  // no signature
)

// Judgement is a verdict with its grounds.
type Judgement struct {
	Verdict Verdict
	Secret  string // name of the app secret that fits; "" when none does
	Reason  string // why the verdict is not verified, or a warning when it is; for people
}

// AppSecret is one app secret with the name people know it by.
type AppSecret struct {
	// Name is "instagram", "meta", or the place in the list ("#1").
	Name  string
	Value secret.Value
}

// DevelopmentSecret is the name of the secret igloo makes for a project that has
// none of its own. Only simulated deliveries are signed with it.
const DevelopmentSecret = "development"

// ParseAppSecrets reads the form of IGLOO_APP_SECRET: app secrets separated by
// commas, each optionally named "instagram=" or "meta=". No other text before "="
// is a name. Unnamed secrets are called "#1", "#2", by their place.
func ParseAppSecrets(list string) ([]AppSecret, error) {
	var out []AppSecret
	seen := map[string]bool{}
	for i, item := range strings.Split(list, ",") {
		item = strings.TrimSpace(item)
		name, text := "#"+strconv.Itoa(i+1), item
		for _, known := range []string{InstagramLogin.SecretName(), FacebookLogin.SecretName()} {
			if rest, ok := strings.CutPrefix(item, known+"="); ok {
				name, text = known, strings.TrimSpace(rest)
			}
		}
		if text == "" {
			return nil, fmt.Errorf("app secret %d is empty", i+1)
		}
		if seen[name] {
			return nil, fmt.Errorf("two app secrets are named %q", name)
		}
		seen[name] = true
		out = append(out, AppSecret{Name: name, Value: secret.New(text)})
	}
	return out, nil
}

// Keyring is the set of app secrets a session knows. It is safe for concurrent use.
type Keyring struct {
	secrets []AppSecret
	real    bool // an app secret of the user's own is among them
	macs    []*sync.Pool
}

// NewKeyring returns a keyring of the given secrets, tried in this order. One named
// [DevelopmentSecret] does not count as a real one: as long as it stands alone, a
// foreign signature is unchecked, not invalid. Empty secrets are refused.
func NewKeyring(secrets ...AppSecret) (*Keyring, error) {
	k := &Keyring{}
	for _, s := range secrets {
		if s.Value.Empty() {
			return nil, fmt.Errorf("app secret %q: %w", s.Name, ErrEmptySecret)
		}
		key := []byte(s.Value.Reveal())
		k.secrets = append(k.secrets, s)
		k.macs = append(k.macs, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
		k.real = k.real || s.Name != DevelopmentSecret
	}
	return k, nil
}

// Real reports whether an app secret of the user's own is known.
func (k *Keyring) Real() bool { return k.real }

// Secrets returns the app secrets in the order they are tried.
func (k *Keyring) Secrets() []AppSecret { return k.secrets }

// For returns the app secret that signs a simulated delivery of a product: the one
// named for it, else "instagram", else the first. ok is false on an empty keyring.
func (k *Keyring) For(login Login) (s AppSecret, ok bool) {
	for _, name := range []string{login.SecretName(), InstagramLogin.SecretName()} {
		for _, s := range k.secrets {
			if s.Name == name {
				return s, true
			}
		}
	}
	if len(k.secrets) == 0 {
		return AppSecret{}, false
	}
	return k.secrets[0], true
}

// Judge tries every app secret on a delivery and says which fits, or why none does.
func (k *Keyring) Judge(header http.Header, body []byte) Judgement {
	signatures := header.Values(SignatureHeader)
	if len(signatures) == 0 || (len(signatures) == 1 && signatures[0] == "") {
		reason := ErrNotSigned.Error()
		if header.Get(SHA1SignatureHeader) != "" {
			reason = "only the legacy X-Hub-Signature header; Meta also sends X-Hub-Signature-256"
		}
		return Judgement{Verdict: Unsigned, Reason: reason}
	}
	if len(signatures) > 1 {
		return Judgement{Verdict: Invalid, Reason: fmt.Sprintf("%d X-Hub-Signature-256 headers, Meta sends one", len(signatures))}
	}
	var want [sha256.Size]byte
	if err := decodeSignature(want[:], signatures[0], sha256Prefix); err != nil {
		return Judgement{Verdict: Invalid, Reason: err.Error()}
	}
	for i, s := range k.secrets {
		if k.fits(i, body, want[:]) {
			return Judgement{Verdict: Verified, Secret: s.Name, Reason: otherProduct(s.Name, header, body)}
		}
	}
	if !k.real {
		return Judgement{Verdict: Unchecked, Reason: "no app secret known; set IGLOO_APP_SECRET to check signatures"}
	}
	return Judgement{Verdict: Invalid, Reason: "no known app secret makes this signature: another app secret, or the body changed on its way"}
}

func (k *Keyring) fits(i int, body, want []byte) bool {
	var digest [sha256.Size]byte
	return hmac.Equal(appendMAC(digest[:0], k.macs[i], body), want)
}

// otherProduct returns a warning when the named secret made the signature of a
// delivery that clearly belongs to the other product.
func otherProduct(name string, header http.Header, body []byte) string {
	if name != InstagramLogin.SecretName() && name != FacebookLogin.SecretName() {
		return ""
	}
	login, sure := loginOf(header, body)
	if !sure || login.SecretName() == name {
		return ""
	}
	return fmt.Sprintf("signed with the %s app secret, but the delivery looks like %s", name, productNames[login])
}

var productNames = map[Login]string{
	InstagramLogin: "Instagram Login, whose key is the Instagram app secret",
	FacebookLogin:  "Facebook Login, whose key is the Meta app secret",
	Messenger:      "the Messenger Platform, whose key is the Meta app secret",
}
