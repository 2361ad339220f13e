package journal

import (
	"math/bits"
	"strings"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// Mark is what was noticed of a delivery. Marks combine. [Journal.Notices] says each of
// them in a sentence.
type Mark uint16

const (
	// Duplicate marks a delivery with an event that was recorded before.
	Duplicate Mark = 1 << iota
	// Loop marks an echo, or an own comment, that looks like the app's answer to
	// another one.
	Loop
	// Differs marks a delivery that has not the known shape of its field.
	Differs
	// Unsubscribed marks a delivery that hints at a subscription which is missing: an
	// edit in place of the message, or a field without its value.
	Unsubscribed
	// Test marks a Test of the dashboard.
	Test
	// Slow marks a delivery whose last attempt took longer than [SlowAnswer].
	Slow
	// TooSlow marks one whose last attempt took longer than [TooSlowAnswer].
	TooSlow
)

// marks says what each mark is called, in the order of their bits.
var marks = []struct {
	name  string // as programs read it, and after "is:"
	label string // what a list shows; "" when a flag or the time says it
}{
	{"duplicate", "again"}, {"loop", "loop"}, {"differs", "new shape"}, {"unsubscribed", ""}, {"test", ""}, {"slow", "slow"}, {"too_slow", "too slow"},
}

// stored are the marks that the notice table holds. The others come from the flags of
// the events and the time of the attempt.
var stored = []struct {
	mark Mark
	name string
}{{Duplicate, "duplicate"}, {Loop, "loop"}, {Differs, "differs"}, {Unsubscribed, "unsubscribed"}}

// kind is how the notice table writes the one mark that m is.
func (m Mark) kind() int64 { return int64(bits.TrailingZeros16(uint16(m))) }

// Names lists the marks by name, such as "duplicate".
func (m Mark) Names() []string {
	var names []string
	for bit := range marks {
		if m&(1<<bit) != 0 {
			names = append(names, marks[bit].name)
		}
	}
	return names
}

// Label is what a list shows in front of a summary, such as "again slow"; "" when there
// is nothing that the flags do not say.
func (m Mark) Label() string {
	if m&TooSlow != 0 {
		m &^= Slow
	}
	var labels []string
	for bit := range marks {
		if m&(1<<bit) != 0 && marks[bit].label != "" {
			labels = append(labels, marks[bit].label)
		}
	}
	return strings.Join(labels, " ")
}

// marks returns the marks that come from what a row shows.
func (r Row) marks() Mark {
	var m Mark
	if r.Flags&webhook.Test != 0 {
		m |= Test
	}
	if r.Took > SlowAnswer {
		m |= Slow
	}
	if r.Took > TooSlowAnswer {
		m |= TooSlow
	}
	return m
}
