package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// The bounds of the answers that go back to Meta when the app is the one who answers.
const (
	maxAppAnswer     = 64 << 10         // bytes of body
	appGetTimeout    = 5 * time.Second  // Meta gives a verification request about 6 s
	appPostTimeout   = 30 * time.Second // as for every attempt
	metaPostPatience = 5 * time.Second  // what Meta's documentation asks for
)

// relay sends a delivery to the app while the journal commits it, and answers when
// both are done: what was answered is recorded. An attempt the journal never heard
// of is possible the other way round, when it fails; then the answer is 503 and Meta
// sends the delivery again.
func (r *Receiver) relay(w http.ResponseWriter, req *http.Request, d journal.Delivery) Arrival {
	// The app's answer is worth recording even when the sender has hung up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), appPostTimeout)
	defer cancel()
	d.Status = 0 // the app's, which the attempt holds

	var (
		commit sync.WaitGroup
		id     int64
		err    error
	)
	commit.Go(func() { id, err = r.rec.Append(ctx, d) })
	attempt := r.cfg.App.Send(ctx, d)
	timedOut := errors.Is(ctx.Err(), context.DeadlineExceeded)
	commit.Wait()
	if err != nil {
		return r.answerUnrecorded(w, req, err)
	}
	r.counts.recorded.Add(1)
	attempt.Delivery = id
	if err := r.rec.Record(context.WithoutCancel(ctx), attempt); err != nil {
		r.log.Error("an attempt could not be recorded", "delivery", id, "err", err)
	}

	answer := appAnswer(attempt, timedOut)
	if why := answer.refusedDelivery(attempt.Took); why != "" {
		r.log.Warn("meta would not accept the app's answer", "delivery", id, "status", answer.status, "took", attempt.Took, "err", why)
	}
	answer.write(w)
	out := arrival(id, d)
	out.Status, out.Attempt = answer.status, &attempt
	return out
}

// relayVerification lets the app answer a verification request and records what Meta
// makes of that.
func (r *Receiver) relayVerification(w http.ResponseWriter, req *http.Request, v journal.Verification) Arrival {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), appGetTimeout)
	defer cancel()
	attempt := r.cfg.App.Send(ctx, request(req, nil))
	answer := appAnswer(attempt, errors.Is(ctx.Err(), context.DeadlineExceeded))
	v.Status = answer.status
	v.Reason = answer.refusedChallenge(req.URL.Query().Get(webhook.ChallengeParam))
	r.recordVerification(context.WithoutCancel(ctx), v)
	answer.write(w)
	return Arrival{Status: answer.status}
}

// answer is what goes back in the app's name.
type answer struct {
	status      int
	contentType []string
	body        []byte
	cut         bool   // the app's body was longer
	failed      string // why the app has no answer, "" when it has
}

func appAnswer(a journal.Attempt, timedOut bool) answer {
	switch {
	case a.Status == 0 && timedOut:
		return answer{status: http.StatusGatewayTimeout, contentType: plainText, body: []byte("no answer from the app in time\n"), failed: a.Err}
	case a.Status == 0:
		return answer{status: http.StatusBadGateway, contentType: plainText, body: []byte("no answer from the app\n"), failed: a.Err}
	case a.Status < 200 || a.Status > 999:
		// An interim status is not an answer, and net/http would wait for one.
		return answer{
			status: http.StatusBadGateway, contentType: plainText, body: []byte("no final answer from the app\n"),
			failed: fmt.Sprintf("the app answered with status %d", a.Status),
		}
	}
	body, cut := a.Body, a.Truncated
	if len(body) > maxAppAnswer {
		body, cut = body[:maxAppAnswer], true
	}
	return answer{status: a.Status, contentType: a.Header["Content-Type"], body: body, cut: cut}
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = a.contentType // nil keeps net/http from guessing one
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	}
	w.WriteHeader(a.status)
	// A status that allows no body, or a sender that went away: nobody to tell.
	_, _ = w.Write(a.body)
}

// refusedDelivery says why Meta would not take this answer to a delivery.
func (a answer) refusedDelivery(took time.Duration) string {
	switch {
	case a.failed != "":
		return a.failed
	case a.status >= 300 && a.status < 400:
		return "Meta does not follow redirects"
	case a.status != http.StatusOK:
		return "Meta accepts only 200 and sends the delivery again"
	case took > metaPostPatience:
		return "Meta asks for an answer within 5s"
	}
	return ""
}

// refusedChallenge says why Meta would not take this answer to a verification
// request. The app's text stays out of it: it may be the token.
func (a answer) refusedChallenge(challenge string) string {
	switch body := string(a.body); {
	case a.failed != "":
		return a.failed
	case a.status >= 300 && a.status < 400:
		return fmt.Sprintf("the app answered %d; Meta does not follow redirects", a.status)
	case a.status != http.StatusOK:
		return fmt.Sprintf("the app answered %d; Meta wants 200 and the challenge", a.status)
	case challenge == "":
		return "hub.challenge is missing"
	case body == challenge && !a.cut:
		return ""
	case strings.TrimSpace(body) == challenge:
		return "the app answered the challenge with white space around it"
	case strings.Trim(strings.TrimSpace(body), `"'`) == challenge:
		return "the app answered the challenge in quotes"
	}
	return fmt.Sprintf("the app's answer of %d bytes is not the challenge", len(a.body))
}
