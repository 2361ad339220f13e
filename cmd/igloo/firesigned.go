package main

import (
	"fmt"
	"net/http"

	"github.com/igloo-dev/igloo/internal/webhook"
)

// otherProductWarning says that a delivery is signed with the app secret of the product
// that does not send it, for want of the right one; "" when nothing is odd. A secret
// without a name may be either's.
func otherProductWarning(secretName string, login webhook.Login) string {
	right := login.SecretName()
	if secretName == right || secretName != webhook.InstagramLogin.SecretName() && secretName != webhook.FacebookLogin.SecretName() {
		return ""
	}
	product := map[webhook.Login]string{
		webhook.InstagramLogin: "Instagram Login sends with the Instagram app secret",
		webhook.FacebookLogin:  "Facebook Login sends with the Meta app secret",
		webhook.Messenger:      "the Messenger Platform sends with the Meta app secret",
	}[login]
	return fmt.Sprintf("signed with the app secret %q, since none is named %q; Meta signs what %s: IGLOO_APP_SECRET=%s=…,%s=…",
		secretName, right, product, secretName, right)
}

// signedTally follows which app secrets signed, and what the app made of it.
type signedTally struct {
	warned map[string]bool
	denied bool // the app answered 401 or 403 to igloo's development secret
}

// add takes in an outcome and returns what is to be said, once.
func (t *signedTally) add(o outcome) (warning string) {
	if o.Fault == "" && o.SignedWith == webhook.DevelopmentSecret && (o.Status == http.StatusUnauthorized || o.Status == http.StatusForbidden) {
		t.denied = true
	}
	if o.Warning == "" || t.warned[o.Warning] {
		return ""
	}
	if t.warned == nil {
		t.warned = map[string]bool{}
	}
	t.warned[o.Warning] = true
	return o.Warning
}
