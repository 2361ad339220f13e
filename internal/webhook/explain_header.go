package webhook

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Meta still sends the legacy SHA-1 header.
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// reading is a digest found in the headers, read as leniently as a person would.
type reading struct {
	sha1   bool
	digest []byte
	part   string   // the hex digits there are, of one that is cut off; "" for a whole one
	codes  []string // what is wrong with the header; none when nothing is
}

const (
	maxReadings = 8 // a header of 16 KiB has room for hundreds
	minPart     = 8 // hex digits below which a fit may be chance
)

// hashes are what a signature may be made with: SHA-256, or SHA-1 in the legacy header.
var hashes = map[bool]func() hash.Hash{false: sha256.New, true: sha1.New}

// fits reports whether sum is the digest.
func (r reading) fits(sum []byte) bool {
	if r.part == "" {
		return hmac.Equal(sum, r.digest)
	}
	return hmac.Equal([]byte(hex.EncodeToString(sum)[:len(r.part)]), []byte(r.part))
}

// readSignatures finds the digests that a delivery's signature may mean. When there
// is none, code says why.
func readSignatures(header http.Header) (found []reading, code string) {
	values := header.Values(SignatureHeader)
	legacy := header.Get(SHA1SignatureHeader)
	switch {
	case len(values) == 0 || (len(values) == 1 && strings.TrimSpace(values[0]) == ""):
		return readElsewhere(header, legacy)
	case len(values) == 1 && exact(values[0]) != nil:
		return []reading{{digest: exact(values[0])}}, ""
	}
	var parts []string
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(parts, part) && len(parts) < maxReadings {
				parts = append(parts, part)
			}
		}
	}
	count := len(values)
	if count == 1 {
		count = len(parts)
	}
	for _, part := range parts {
		r, problem := readSignature(part)
		if problem != "" {
			code = problem
			continue
		}
		if count > 1 {
			r.codes = append(r.codes, "several-signatures")
		}
		found = append(found, r)
	}
	// The SHA-1 value where the SHA-256 one belongs: perhaps they are swapped.
	if len(found) == 1 && found[0].sha1 {
		if other, problem := readSignature(legacy); problem == "" && len(other.digest) == sha256.Size {
			other.codes = append([]string{"swapped-headers"}, other.codes...)
			return []reading{other}, ""
		}
		legacy := found[0]
		legacy.codes = append([]string{"sha1-in-sha256"}, legacy.codes...)
		if found[0].part == "" || slices.Contains(found[0].codes, "long-signature") {
			found = []reading{legacy}
		} else { // or it was cut off after as many digits as SHA-1 has
			found[0].sha1 = false
			found[0].codes = append(slices.Clip(found[0].codes), "truncated-signature")
			found = append(found, legacy)
		}
	}
	if len(found) == 0 {
		return nil, cmp.Or(code, "unsigned")
	}
	if len(found[0].codes) == 0 { // it is not exact, so space was taken off
		found[0].codes = []string{"padded-header"}
	}
	return found, ""
}

// exact returns the digest of a value that is just as Meta writes it.
func exact(value string) []byte {
	digest := make([]byte, sha256.Size)
	if decodeSignature(digest, value, sha256Prefix) != nil {
		return nil
	}
	return digest
}

// readElsewhere reads the signature of a delivery that has no X-Hub-Signature-256.
func readElsewhere(header http.Header, legacy string) (found []reading, code string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if name == SHA1SignatureHeader || name == SignatureHeader || len(header[name]) == 0 {
			continue
		}
		value := header[name][0]
		if !renamed(name) && (exact(strings.ToLower(value)) == nil) {
			continue
		}
		if r, problem := readSignature(value); problem == "" {
			r.codes = append([]string{"other-header"}, r.codes...)
			return []reading{r}, ""
		}
	}
	if legacy == "" {
		return nil, "unsigned"
	}
	r, problem := readSignature(legacy)
	switch {
	case problem != "":
		return nil, "unsigned"
	case len(r.digest) == sha256.Size:
		r.codes = append([]string{"other-header"}, r.codes...)
	default:
		r.codes = append([]string{"sha1-only"}, r.codes...)
	}
	return []reading{r}, ""
}

// renamed reports whether a header's name is what a gateway makes of Meta's.
func renamed(name string) bool {
	name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	return strings.HasSuffix(name, "hubsignature256")
}

// readSignature reads one value. problem is the code of what keeps it from being one.
func readSignature(value string) (r reading, problem string) {
	bare := strings.Trim(strings.TrimSpace(value), "\"'`<>[]; \t")
	if name, rest, ok := strings.Cut(bare, ":"); ok && textproto.CanonicalMIMEHeaderKey(name) == SignatureHeader {
		bare = strings.TrimSpace(rest) // the whole header line
	}
	if bare != value {
		r.codes = []string{"padded-header"}
	}
	if decoded := strings.NewReplacer("%3D", "=", "%3d", "=").Replace(bare); decoded != bare {
		bare = decoded
		r.codes = append(r.codes, "percent-encoded")
	}
	prefix, digits := cutPrefix(bare)
	meant := strings.ReplaceAll(strings.ToLower(strings.TrimRight(prefix, "=: ")), "-", "") + "="
	switch {
	case prefix == "":
		r.codes = append(r.codes, "no-prefix")
	case prefix == sha256Prefix || prefix == sha1Prefix:
	case meant == sha256Prefix || meant == sha1Prefix:
		r.codes = append(r.codes, "wrong-prefix")
	default:
		r.codes = append(r.codes, "foreign-signature")
	}
	if again, rest := cutPrefix(digits); again != "" {
		digits = rest
		r.codes = append(r.codes, "wrong-prefix")
	}
	if digits == "" {
		return reading{}, "unsigned"
	}
	return r.read(digits, meant == sha1Prefix)
}

// cutPrefix splits off what stands before the digest, such as "sha256=". A "=" at the
// end belongs to base64.
func cutPrefix(value string) (prefix, digits string) {
	const longest = 12
	i := strings.IndexAny(value, "=: ")
	if i < 0 || i > longest {
		return "", value
	}
	digits = strings.TrimLeft(value[i:], "=: ")
	return value[:len(value)-len(digits)], digits
}

// read decodes the digest itself.
func (r reading) read(digits string, wantSHA1 bool) (out reading, problem string) {
	if lower := strings.ToLower(digits); strings.Trim(lower, "0123456789abcdef") == "" {
		if lower != digits {
			r.codes = append(r.codes, "uppercase-hex")
		}
		return r.readHex(lower, wantSHA1)
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		decoded, err := encoding.DecodeString(digits)
		switch {
		case err != nil:
			continue
		case len(decoded) == sha1.Size:
			r.sha1 = true
		case len(decoded) != sha256.Size:
			continue
		}
		r.digest, r.codes = decoded, append(r.codes, "base64-digest")
		return r, ""
	}
	if slices.Contains(r.codes, "foreign-signature") {
		return reading{}, "foreign-signature"
	}
	return reading{}, "not-hex"
}

func (r reading) readHex(digits string, wantSHA1 bool) (out reading, problem string) {
	const whole, whole1 = 2 * sha256.Size, 2 * sha1.Size
	switch n := len(digits); {
	case n == whole1 && !slices.Contains(r.codes, "foreign-signature"), wantSHA1 && n < whole:
		r.sha1 = true
		if n != whole1 {
			return r.cut(digits, min(n, whole1), n < whole1)
		}
		if !wantSHA1 {
			r.part = digits // perhaps they are the first of SHA-256's
		}
	case n != whole && slices.Contains(r.codes, "foreign-signature"):
		return reading{}, "foreign-signature"
	case n != whole:
		return r.cut(digits, min(n, whole), n < whole)
	}
	r.digest, _ = hex.DecodeString(digits) // nothing else is in it
	return r, ""
}

// cut reads a digest that is too short, or too long.
func (r reading) cut(digits string, n int, short bool) (out reading, problem string) {
	if n < minPart {
		return reading{}, "truncated-signature"
	}
	code := "long-signature"
	if short {
		code = "truncated-signature"
	}
	r.part, r.codes = digits[:n], append(r.codes, code)
	return r, ""
}
