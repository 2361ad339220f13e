package receiver

import (
	"net/http"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
	"github.com/igloo-dev/igloo/internal/webhook"
)

// serveDelivery reads a delivery, judges it, has it recorded and answers.
func (r *Receiver) serveDelivery(w http.ResponseWriter, req *http.Request, simulation *Simulation) Arrival {
	limitReading(w, time.Now().Add(bodyTimeout))
	body, held, err := r.readBody(req.Body, req.ContentLength)
	defer r.buffered.Add(-held)
	if err != nil {
		return r.answerUnread(w, req, err)
	}
	// The journal may make the sender wait. That is no reason to hang up on it.
	limitReading(w, time.Time{})

	d := r.judge(request(req, body), simulation)
	if d.Forward && r.cfg.App != nil {
		return r.relay(w, req, d)
	}
	id, err := r.rec.Append(req.Context(), d)
	if err != nil {
		return r.answerUnrecorded(w, req, err)
	}
	r.counts.recorded.Add(1)
	answerText(w, d.Status, answers[d.Verdict])
	return arrival(id, d)
}

// answers is the body of igloo's own answer, by verdict. Meta ignores it.
var answers = map[webhook.Verdict]string{
	webhook.Verified:  webhook.EventReceived,
	webhook.Unchecked: webhook.EventReceived,
	webhook.Invalid:   "invalid signature\n",
	webhook.Unsigned:  "no signature\n",
}

// request returns the part of a delivery that came over the wire. The header map
// passes to the journal: nobody writes to it any more.
func request(req *http.Request, body []byte) journal.Delivery {
	if len(req.TransferEncoding) > 0 {
		// net/http takes it out of the header. The record shows what was sent.
		req.Header["Transfer-Encoding"] = req.TransferEncoding
	}
	return journal.Delivery{
		ReceivedAt: time.Now(),
		Source:     journal.Live,
		Method:     req.Method,
		URI:        requestURI(req),
		Proto:      req.Proto,
		Host:       req.Host,
		Remote:     req.RemoteAddr,
		Header:     req.Header,
		Body:       body,
	}
}

// requestURI returns path and query as received, without the scheme and host that
// a client thinking of us as a proxy puts before them.
func requestURI(req *http.Request) string {
	if len(req.RequestURI) > 0 && req.RequestURI[0] == '/' {
		return req.RequestURI
	}
	return req.URL.RequestURI()
}

// judge fills in what igloo thinks of a delivery and what is to happen with it.
func (r *Receiver) judge(d journal.Delivery, simulation *Simulation) journal.Delivery {
	judgement := r.cfg.Keyring.Judge(d.Header, d.Body)
	d.Verdict, d.Secret, d.Reason = judgement.Verdict, judgement.Secret, judgement.Reason
	faulty := simulation != nil && simulation.Faulty
	if faulty && d.Verdict == webhook.Unchecked {
		d.Reason = brokenReason
	}
	d.Reason = r.explained(d, faulty)
	forward := d.Verdict == webhook.Verified || r.cfg.ForwardUnverified
	if simulation != nil {
		d.Source, d.Fixture = journal.Fired, simulation.Fixture
		forward = forward || faulty
	}
	d.Forward = forward && r.cfg.HasTarget
	d.Status = http.StatusOK
	if d.Verdict == webhook.Invalid || d.Verdict == webhook.Unsigned {
		d.Status = http.StatusUnauthorized
	}
	return d
}

func arrival(id int64, d journal.Delivery) Arrival {
	return Arrival{Status: d.Status, ID: id, Verdict: d.Verdict, Reason: d.Reason, Forward: d.Forward}
}

// answerUnrecorded asks the sender to come back: a delivery that is not in the
// journal must not be acknowledged.
func (r *Receiver) answerUnrecorded(w http.ResponseWriter, req *http.Request, err error) Arrival {
	r.counts.unrecorded.Add(1)
	if req.Context().Err() != nil {
		r.log.Warn("the sender hung up before its delivery was recorded", "remote", req.RemoteAddr, "err", err)
	} else {
		r.log.Error("a delivery could not be recorded, answered 503", "remote", req.RemoteAddr, "err", err)
	}
	w.Header()["Retry-After"] = soon
	return answerText(w, http.StatusServiceUnavailable, "not recorded\n")
}
