package check

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
	"github.com/igloo-dev/igloo/simulator"
)

// eventChecks send what apps get wrong after they have answered. That they take it is
// all that can be seen: the rest is said, not judged.
func eventChecks() []Check {
	const group = "events"
	unseen := func(code, title string, make func(context.Context, *player) (sent, look string, requests []*simulator.Request)) Check {
		return Check{Code: code, Group: group, Title: title, accepted: true, run: func(ctx context.Context, p *player) Finding {
			sent, look, requests := make(ctx, p)
			f := p.accept(ctx, trial{code: code, sent: sent, refusal: Fail, ordered: code != "echoes", requests: requests})
			if f.Status == Pass {
				f.Status, f.Fix = Sent, look
				f.Why = join("not judged: what the app made of it can't be seen from outside", advices[code].why)
			}
			return f
		}}
	}
	return []Check{
		unseen("duplicates", "an event that comes twice has one effect", func(ctx context.Context, p *player) (string, string, []*simulator.Request) {
			d := p.deliverable(ctx).dialect()
			first := p.signed(ctx, baseNames[d], plainText())
			again := first.Later(19 * time.Second)
			again.Sign(p.base.key)
			return first.Fixture + " twice, the second with a later entry[].time and a new signature",
				fmt.Sprintf("look whether the app acted once on %s", eventID(first.Body)), []*simulator.Request{first, again}
		}),
		unseen("deletion", "a message and its deletion are two events", func(ctx context.Context, p *player) (string, string, []*simulator.Request) {
			run := p.newRun()
			message, deletion := renderIn(run, "messages/text", plainText()), renderIn(run, deletionName, simulator.Options{})
			message.Sign(p.deliverable(ctx).key)
			deletion.Sign(p.base.key)
			return "messages/text and then messages/deleted with the same mid",
				"look whether the message is gone in the app", []*simulator.Request{message, deletion}
		}),
		unseen("order", "events out of order do no harm", func(ctx context.Context, p *player) (string, string, []*simulator.Request) {
			run := p.newRun()
			message, reaction := renderIn(run, "messages/text", plainText()), renderIn(run, "message_reactions", simulator.Options{})
			message.Sign(p.deliverable(ctx).key)
			reaction.Sign(p.base.key)
			return "message_reactions and then the messages/text it is about",
				"look whether the app has both", []*simulator.Request{reaction, message}
		}),
		unseen("echoes", "the account's own messages and comments are not answered", func(ctx context.Context, p *player) (string, string, []*simulator.Request) {
			requests := p.allOf(ctx, own)
			return fmt.Sprintf("%d deliveries of the account's own messages and comments", len(requests)),
				"look whether the app answered one of them: it would answer itself for ever", requests
		}),
		unseen("id-precision", "ids keep all their digits", func(ctx context.Context, p *player) (string, string, []*simulator.Request) {
			d := p.deliverable(ctx).dialect()
			r := p.signed(ctx, baseNames[d], plainText())
			id := accountID(r.Body)
			return fmt.Sprintf("%s for the account %s", r.Fixture, id),
				fmt.Sprintf("look for %s in the app; %s means that it reads ids as numbers", id, rounded(id)), []*simulator.Request{r}
		}),
	}
}

func plainText() simulator.Options {
	return simulator.Options{Changes: []simulator.Change{set("text", baseText)}}
}

// newRun returns a run of its own, in which another customer writes.
func (p *player) newRun() *simulator.Run {
	if p.cfg.Seed == 0 {
		return simulator.NewRun(0, nil)
	}
	return simulator.NewRun(p.rng.Uint64()|1, nil)
}

var eventIDs = regexp.MustCompile(`"(?:mid|id)": ?"([^"]+)"`)

// eventID is the id of a body's event: the last one in both dialects' plainest
// deliveries.
func eventID(body []byte) string {
	all := eventIDs.FindAllSubmatch(body, -1)
	if len(all) == 0 {
		return "it"
	}
	return string(all[len(all)-1][1])
}

// accountID is the account of a body's first event.
func accountID(body []byte) string {
	payload, err := webhook.Parse(body)
	if err != nil || len(payload.Events) == 0 {
		return ""
	}
	return payload.Events[0].Account
}

// rounded is an id after a program that keeps it as a floating-point number.
func rounded(id string) string {
	n, err := strconv.ParseFloat(id, 64)
	if err != nil {
		return id
	}
	return strconv.FormatFloat(n, 'f', 0, 64)
}
