package check

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/igloo-dev/igloo/fixtures"
)

// Choice selects checks. The zero Choice is all but the heavy ones.
//
// To an app on another machine, whose owner may be somebody else, no more should go
// than Meta would send: with Remote only the modest checks are done, which send
// verification requests and less than ten right deliveries.
type Choice struct {
	// Only and Skip are codes, groups, or patterns of them: "text-*". Skip wins.
	Only, Skip []string
	Heavy      bool // allow the heavy ones
	Remote     bool // the app is on another machine, and nobody gave leave
}

// ErrEmptyChoice says that Skip takes all that Only chooses.
var ErrEmptyChoice = errors.New("no check is left to do")

// ChoiceError is a name that no check, group or cause has.
type ChoiceError struct {
	Name string
	Near string // the name that was probably meant, "" when none is close
}

// Error names what was asked for and the nearest there is.
func (e *ChoiceError) Error() string {
	text := fmt.Sprintf("no check is called %q", e.Name)
	if e.Near != "" {
		text += fmt.Sprintf(", did you mean %q?", e.Near)
	}
	return text
}

// checks returns the selected checks in the order of the table. A heavy one that is
// not allowed stays in it, to be reported as skipped, or as not judged where it was
// asked for by its code.
func (c Choice) checks() ([]Check, error) {
	only, err := match(c.Only)
	if err != nil {
		return nil, err
	}
	skip, err := match(c.Skip)
	if err != nil {
		return nil, err
	}
	chosen := slices.DeleteFunc(All(), func(one Check) bool {
		return len(c.Only) > 0 && !only[one.Code] || skip[one.Code]
	})
	if len(chosen) == 0 {
		return nil, ErrEmptyChoice
	}
	for i, one := range chosen {
		what := "it sends what Meta does not, or many deliveries"
		if one.Heavy {
			what = "it sends a lot"
		}
		if one.Heavy && !c.Heavy || c.Remote && !one.modest {
			chosen[i].withhold(slices.Contains(c.Only, one.Code), what)
		}
	}
	return chosen, nil
}

// withhold takes what the check does away. It says so, and where it was asked for by its
// code that it is not judged.
func (c *Check) withhold(asked bool, what string) {
	status := Skipped
	if asked {
		status = Error
	}
	c.withheld = true
	c.run = func(context.Context, *player) Finding {
		return Finding{Status: status, Why: what + ", and the app is on another machine", Fix: "add --allow-remote when that machine is yours"}
	}
}

// match returns the codes of the checks that names stand for.
func match(names []string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, name := range names {
		if _, err := path.Match(name, ""); err != nil {
			return nil, &ChoiceError{Name: name}
		}
		hit := false
		for _, c := range All() {
			for _, word := range append(c.Codes(), c.Group) {
				if ok, _ := path.Match(name, word); ok { // the pattern was tried above
					found[c.Code], hit = true, true
				}
			}
		}
		if !hit {
			return nil, &ChoiceError{Name: name, Near: fixtures.Nearest(name, words())}
		}
	}
	return found, nil
}

// words lists every name that can be chosen.
func words() []string {
	var all []string
	for _, c := range All() {
		if !slices.Contains(all, c.Group) {
			all = append(all, c.Group)
		}
		all = append(all, c.Codes()...)
	}
	return all
}

// All returns every check in the order it is done.
func All() []Check {
	return slices.Concat(modest(connectionChecks()), stopping(
		modest(verificationChecks()), deliveryChecks(), textChecks(),
		signatureChecks(), payloadChecks(), eventChecks(), limitChecks(),
	))
}

// modest marks checks that any app may get.
func modest(group []Check) []Check {
	for i := range group {
		group[i].modest = true
	}
	return group
}

// stopping adds the cause that any check has that sends something.
func stopping(groups ...[]Check) []Check {
	all := slices.Concat(groups...)
	for i := range all {
		all[i].causes = append(slices.Clone(all[i].causes), codeAppStopped)
	}
	return all
}
