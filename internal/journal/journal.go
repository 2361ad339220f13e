// Package journal is the record of deliveries and attempts.
//
// The package makes no API promise before v1.
package journal
