package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// MessageID is what an Instagram mid says once decoded. Its structure was read off
// published deliveries; Meta documents it as opaque, so igloo uses it to make
// fixtures and to explain, never to decide.
type MessageID struct {
	Account string    // the account that receives the event, 17841…
	Thread  uint64    // the part of the thread id that varies
	At      time.Time // when the message was sent, to the microsecond
}

const midPrefix = "ig_dm_item:1:IGMessageID:"

// threadEpoch is the upper half of the thread ids in use since 2023.
const threadEpoch = 0xFFFFFFFF00000010

// After base64, "Z" is an escape character: it is doubled up as "ZA", and the
// characters that need care in a URL follow as "ZB" to "ZD".
var midUnescape = strings.NewReplacer("ZA", "Z", "ZB", "+", "ZC", "/", "ZD", "=")

// String returns the mid as it stands in a payload. A time before 1970 counts as 1970.
func (m MessageID) String() string {
	return string(NewConversation(m.Account, m.Thread).AppendMID(nil, m.At))
}

// Conversation makes the mids of one account's conversation. What they share is encoded
// once: a burst of simulated messages needs a mid for each.
type Conversation struct {
	shared []byte // of the mid
	plain  []byte // what follows, not encoded: less than the three bytes base64 takes at once
}

// NewConversation returns the conversation of an account in a thread.
func NewConversation(account string, thread uint64) Conversation {
	plain := append([]byte(midPrefix), account...)
	plain = append(plain, ':')
	plain = append(appendUint128(plain, threadEpoch, thread), ':')
	whole := len(plain) / 3 * 3
	return Conversation{appendMIDBase64(nil, plain[:whole]), plain[whole:]}
}

// AppendMID appends the mid of a message sent at the given time to dst.
func (c Conversation) AppendMID(dst []byte, at time.Time) []byte {
	var room [48]byte
	plain := append(room[:0], c.plain...)
	plain = appendUint128(plain, uint64(max(at.UnixMicro(), 0)), 0)
	return appendMIDBase64(append(dst, c.shared...), plain)
}

// appendMIDBase64 appends text in base64, with "Z" and what needs care in a URL escaped.
func appendMIDBase64(dst, text []byte) []byte {
	var room [64]byte
	for _, c := range base64.StdEncoding.AppendEncode(room[:0], text) {
		switch c {
		case 'Z':
			dst = append(dst, "ZA"...)
		case '+':
			dst = append(dst, "ZB"...)
		case '/':
			dst = append(dst, "ZC"...)
		case '=':
			dst = append(dst, "ZD"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendUint128 appends hi·2^64 + lo in decimal.
func appendUint128(dst []byte, hi, lo uint64) []byte {
	const chunk, digits, zeros = 10_000_000_000_000_000_000, 19, "0000000000000000000" // 10^19
	// Dividing twice leaves three chunks; each quotient fits, since the upper half of
	// every dividend is below the divisor.
	high, low := bits.Div64(hi%chunk, lo, chunk)
	top, middle := bits.Div64(hi/chunk, high, chunk)
	started := false
	for _, part := range [3]uint64{top, middle, low} {
		start := len(dst)
		if dst = strconv.AppendUint(dst, part, 10); started {
			missing := digits - (len(dst) - start)
			dst = append(dst, zeros[:missing]...)
			copy(dst[start+missing:], dst[start:])
			copy(dst[start:], zeros[:missing])
		} else if started = part > 0; !started {
			dst = dst[:start]
		}
	}
	if !started {
		dst = append(dst, '0')
	}
	return dst
}

// NewMID returns the mid of a message to account, in the conversation thread, sent
// at the given time (microseconds count). With a 17-digit account it is 164
// characters long.
func NewMID(account string, thread uint64, at time.Time) string {
	return MessageID{Account: account, Thread: thread, At: at}.String()
}

// ErrMID says that a text is not an Instagram mid; Messenger's look different.
var ErrMID = errors.New("not an Instagram mid")

// ParseMID decodes a mid.
func ParseMID(mid string) (MessageID, error) {
	plain, err := base64.StdEncoding.DecodeString(midUnescape.Replace(mid))
	if err != nil {
		return MessageID{}, fmt.Errorf("%w: %w", ErrMID, err)
	}
	rest, ok := strings.CutPrefix(string(plain), midPrefix)
	parts := strings.Split(rest, ":")
	if !ok || len(parts) != 3 {
		return MessageID{}, fmt.Errorf("%w: it decodes to %q", ErrMID, plain)
	}
	thread, okThread := new(big.Int).SetString(parts[1], 10)
	item, okItem := new(big.Int).SetString(parts[2], 10)
	if !okThread || !okItem || thread.Sign() < 0 || item.Sign() < 0 {
		return MessageID{}, fmt.Errorf("%w: it decodes to %q", ErrMID, plain)
	}
	low := new(big.Int).And(thread, new(big.Int).SetUint64(1<<64-1))
	micros := new(big.Int).Rsh(item, 64)
	if !micros.IsInt64() {
		return MessageID{}, fmt.Errorf("%w: its time is out of range", ErrMID)
	}
	return MessageID{Account: parts[0], Thread: low.Uint64(), At: time.UnixMicro(micros.Int64())}, nil
}
