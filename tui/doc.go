// Package tui shows a running session in a terminal and lets people act on it:
// look at what arrived, fire fixtures, replay deliveries, open a public URL. It
// holds no truth of its own: what it draws comes from a [Journal], a [Session],
// the [Fixtures] and a [Status], all given by the caller, and the session goes on
// the same without it.
//
// [Run] starts the program and returns when the user quits. [New] returns the bare
// [Model] for those who run the program themselves, as the tests do.
//
// A slow terminal never slows an arrival. Nothing here is called by the receiver;
// one command waits until the journal says that something changed, lets 33 ms of
// changes gather, reads them by cursor and returns them as one message. Drawing
// costs what is visible, whatever the history.
//
// Everything a delivery brings is untrusted. It passes through one function
// (stable, in text.go) before it reaches the screen, so no text of a comment can
// move the cursor, change colours or hide what is beside it.
//
// The package makes no API promise before v1.
package tui
