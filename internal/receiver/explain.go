package receiver

import (
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// Explaining a bad signature signs the body again some thousand times: 2 ms for a
// kilobyte (BenchmarkExplain of package webhook), up to 100 ms for what a stranger may
// make up. Strangers can send bad signatures all day, so one delivery is explained at a
// time, and a pause nine times as long follows: at most a tenth of one core. What comes
// meanwhile is recorded with the verdict's own reason: nobody waits for another's
// explanation, and a good signature for none.
const (
	maxExplained = 64 << 10
	explainPause = 9
)

// explaining is the turn to explain.
type explaining struct {
	mu    sync.Mutex
	after time.Time // when the next one may begin
}

// brokenReason is why nothing more is known of a faulty delivery where no app secret is
// known: igloo signed it itself, and the user is not to look for a secret.
const brokenReason = "broken on purpose: the development secret did not make this signature over this body"

// explained returns the reason to record for a delivery whose signature does not hold.
// What igloo broke itself is explained with its own secret alone, too.
func (r *Receiver) explained(d journal.Delivery, faulty bool) string {
	bad := d.Verdict == webhook.Invalid || d.Verdict == webhook.Unsigned || faulty && d.Verdict == webhook.Unchecked
	if !bad || r.cfg.Explain == nil || len(d.Body) > maxExplained || !r.explaining.mu.TryLock() {
		return d.Reason
	}
	defer r.explaining.mu.Unlock()
	began := time.Now()
	if began.Before(r.explaining.after) {
		return d.Reason
	}
	reason := r.cfg.Explain(d.Header, d.Body)
	ended := time.Now()
	r.explaining.after = ended.Add(explainPause * ended.Sub(began))
	if reason == "" {
		return d.Reason
	}
	return reason
}
