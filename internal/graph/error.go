package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Error is a refusal by Meta, explained.
type Error struct {
	Status  int // HTTP status
	Code    int
	Subcode int    // 0 when there is none
	Type    string // "OAuthException", …
	Message string // Meta's words, on one line, without secrets
	// UserTitle and UserMessage are Meta's words for the app's users; often empty.
	UserTitle, UserMessage string
	TraceID                string // what Meta's support asks for
	Transient              bool   // the same call may work a moment later

	Meaning string // what the code means; "" when nobody knows
	Fix     string // what to do; "" when there is nothing to say
	// Field and Accepted are the name that Meta refused in a list of fields, and the
	// names it takes; empty with other errors.
	Field    string
	Accepted []string
}

func (e *Error) Error() string {
	code := fmt.Sprint(e.Code)
	if e.Subcode != 0 {
		code += fmt.Sprintf("/%d", e.Subcode)
	}
	text := "error " + code + " of the Graph API"
	if e.Field != "" {
		return fmt.Sprintf("%s: %q is not among the fields it takes here", text, e.Field)
	}
	if e.Meaning != "" {
		text += ": " + e.Meaning
	}
	if e.Message != "" {
		text += fmt.Sprintf(" (Meta says: %s)", e.Message)
	}
	return text
}

// RateLimited reports whether Meta asks to slow down.
func (e *Error) RateLimited() bool {
	return e.Code == 4 || e.Code == 17 || e.Code == 32 || e.Code == 613
}

// BadToken reports whether it is the token that Meta refuses.
func (e *Error) BadToken() bool { return e.Code == 102 || e.Code == 190 }

// NoPermission reports whether the token lacks a permission.
func (e *Error) NoPermission() bool {
	return e.Code == 10 && e.Subcode == 0 || e.Code == 199 || e.Code >= 200 && e.Code <= 299
}

// Unverified reports whether the callback URL did not answer Meta's verification
// request as it should.
func (e *Error) Unverified() bool { return e.Code == callbackFailed }

// parseError returns the error in an answer, nil when there is none.
func parseError(body []byte) *Error {
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Error) == 0 || string(answer.Error) == "null" {
		return nil //nolint:nilerr // An answer of another form holds no error of Meta's.
	}
	var said struct {
		Message     string `json:"message"`
		Type        string `json:"type"`
		Code        int    `json:"code"`
		Subcode     int    `json:"error_subcode"`
		UserTitle   string `json:"error_user_title"`
		UserMessage string `json:"error_user_msg"`
		Transient   bool   `json:"is_transient"`
		TraceID     string `json:"fbtrace_id"`
	}
	// A member of another type than documented costs that member, not the error.
	_ = json.Unmarshal(answer.Error, &said)
	if said.Message == "" && said.Code == 0 {
		said.Message = string(answer.Error)
	}
	e := &Error{
		Code: said.Code, Subcode: said.Subcode, Type: said.Type, Message: said.Message,
		UserTitle: said.UserTitle, UserMessage: said.UserMessage, TraceID: said.TraceID,
	}
	e.Meaning, e.Fix = Explain(e.Code, e.Subcode)
	e.Transient = said.Transient || (e.Code == 1 || e.Code == 2) && e.Subcode == 0
	e.Field, e.Accepted = parseRefusedField(e.Message)
	if e.Code == 100 && strings.Contains(e.Message, "appsecret_proof") {
		e.Meaning, e.Fix = "the proof made with the app secret does not fit the token", fixProof
	}
	return e
}

// fixProof names the two kinds of secret, as one alone may be the other product's.
const fixProof = "say which secret is which: IGLOO_APP_SECRET=instagram=…,meta=…"

// parseRefusedField reads Meta's answer to a field it does not take:
//
//	(#100) Param subscribed_fields[1] must be one of {COMMENTS, MESSAGES} - got "message".
func parseRefusedField(message string) (field string, accepted []string) {
	_, rest, found := strings.Cut(message, "must be one of {")
	if !found || !strings.Contains(message, "fields[") {
		return "", nil
	}
	list, rest, found := strings.Cut(rest, "}")
	if !found {
		return "", nil
	}
	_, rest, _ = strings.Cut(rest, `got "`)
	field, _, found = strings.Cut(rest, `"`)
	if !found || field == "" {
		return "", nil
	}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			accepted = append(accepted, name)
		}
	}
	return field, accepted
}

// clean makes Meta's words fit for a terminal and takes the call's secrets out.
func (e *Error) clean(call Call) {
	for _, text := range []*string{&e.Type, &e.Message, &e.UserTitle, &e.UserMessage, &e.TraceID, &e.Field} {
		*text = oneLine(call.redact(*text))
	}
	for i, name := range e.Accepted {
		e.Accepted[i] = oneLine(call.redact(name))
	}
}

// maxErrorText bounds what is taken over of somebody's text.
const maxErrorText = 300

// oneLine puts text on one line, bounded, without what a terminal obeys or hides.
func oneLine(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > maxErrorText {
		runes = append(runes[:maxErrorText], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '·'
		}
	}
	return string(runes)
}
