package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// conversations is how many people write in a load. igloo keeps the order within a
// conversation, so a load of one person would forbid it to forward at once.
const conversations = 64

// words is the word that the texts of a load share, for a search that finds many.
const words = "still available"

// delivery is one signed body.
type delivery struct {
	body      []byte
	signature string
}

func (l *lab) sign(body []byte) delivery {
	return delivery{body, webhook.Sign(l.secret, body)}
}

// message is a delivery with one direct message: the n-th of a load, about 400 bytes,
// from one of a few dozen people. text is what the person wrote.
func (l *lab) message(n int, text string) delivery {
	now := time.Now().UnixMilli()
	return l.sign(fmt.Appendf(nil, `{"object":"instagram","entry":[{"time":%d,"id":"17841405309211844","messaging":[`+
		`{"sender":{"id":"%d"},"recipient":{"id":"17841405309211844"},"timestamp":%d,`+
		`"message":{"mid":"aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDA1MzA5MjExODQ0OjM0MDI4MjM2Njg0MTcxMDMwMDk0OTEyODMyOTQ1NTk%012d","text":"%s"}}]}]}`,
		now, person(n), now-700, n, text))
}

// person is the id of the one who writes the n-th message. One in ten thousand comes
// from somebody who hardly ever writes.
func person(n int) int {
	if n%10_000 == 5_000 {
		return rarePerson
	}
	return 1082736450910000 + n%conversations
}

const rarePerson = 1082736450999999

// batch is a delivery of many comments, as Meta sends them when an app fell behind:
// about 370 bytes each. The last comment's text is mark.
func (l *lab) batch(n, comments int, mark string) delivery {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"object": "instagram", "entry": [{"id": "17841405309211844", "time": %d, "changes": [`, time.Now().Unix())
	for i := range comments {
		text := fmt.Sprintf("is the blue one %s? asking for comment %d of %d", words, i+1, comments)
		if i == comments-1 {
			text = mark
		}
		if i > 0 {
			b.WriteString(", ")
		}
		id := n*comments + i
		fmt.Fprintf(&b, `{"field": "comments", "value": {"from": {"id": "%d", "username": "person.%d"}, `+
			`"media": {"id": "17918195224117851", "media_product_type": "FEED"}, `+
			`"id": "%d", "parent_id": "17865799348089039", "text": "%s"}}`,
			person(id), id%conversations, 17900000000000000+id, text)
	}
	b.WriteString(`]}]}`)
	return l.sign(b.Bytes())
}

// wrkFiles writes what wrk reads: its script, and deliveries to post in turn.
func (l *lab) wrkFiles() (script, deliveries string, err error) {
	script = filepath.Join(l.dir, "wrk.lua")
	if err := os.WriteFile(script, wrkScript, 0o600); err != nil {
		return "", "", err
	}
	var b bytes.Buffer
	for n := range 4 * conversations {
		d := l.message(n, fmt.Sprintf("hello %d, is the blue one %s?", n, words))
		fmt.Fprintf(&b, "%s %s\n", d.signature, d.body)
	}
	deliveries = filepath.Join(l.dir, "deliveries.txt")
	return script, deliveries, os.WriteFile(deliveries, b.Bytes(), 0o600)
}
