package webhook

// Meta's fixed sample values, by which a delivery of the dashboard's Test button can
// be told when its entry id does not say so: somebody pasted it with their own. Only
// values that no real event can have count, alone or together; short ids do not,
// because people's own fixtures have them.
const (
	testAccount   = "0"
	testCommenter = "232323232"
	testMedia     = "17887498072083520"
)

// testMIDs are the mids of the samples; a real one is a hundred characters longer.
var testMIDs = []string{"random_mid", "last_message_id_read"}

// testParties are the senders and recipients of the samples of messaging items.
var testParties = [][2]string{
	{"12334", "23245"},
	{"2494432963985342", "90010195674710"},
	{"2494432963985342", "2494432963985342"},
}

// sampleChange reports whether the value of a change is one of the samples.
func sampleChange(field string, value []byte) bool {
	switch field {
	case "comments", "live_comments":
		return isText(path(value, "from", "id"), testCommenter)
	case "mentions":
		return isText(member(value, "media_id"), testMedia) && isText(member(value, "comment_id"), testMedia)
	case "story_insights":
		return isText(member(value, "media_id"), testMedia) && string(member(value, "reach")) == "44"
	}
	return false
}

// sampleItem reports whether a messaging item is one of the samples.
func sampleItem(item, object []byte) bool {
	mid := member(object, "mid")
	for _, sample := range testMIDs {
		if isText(mid, sample) {
			return true
		}
	}
	sender, recipient := path(item, "sender", "id"), path(item, "recipient", "id")
	for _, pair := range testParties {
		if isText(sender, pair[0]) && isText(recipient, pair[1]) {
			return true
		}
	}
	return false
}

// isText reports whether a JSON value is a string that reads want, without making
// one: it is asked of every event.
func isText(value []byte, want string) bool {
	return len(value) == len(want)+2 && value[0] == '"' && string(value[1:len(value)-1]) == want
}
