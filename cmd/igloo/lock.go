package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// projectLock keeps a second session out of a project.
type projectLock struct {
	flock *flock.Flock
	info  string
}

// holder says who holds the lock.
type holder struct {
	PID     int    `json:"pid"`
	Ingress string `json:"ingress,omitempty"`
}

// lockProject takes the project's exclusive lock, or says who has it.
func lockProject(p project) (*projectLock, error) {
	l := &projectLock{flock: flock.New(filepath.Join(p.DataDir, "lock")), info: filepath.Join(p.DataDir, "session.json")}
	ok, err := l.flock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the project: %w", err)
	}
	if ok {
		if err := l.Say(holder{PID: os.Getpid()}); err != nil {
			l.Release()
			return nil, err
		}
		return l, nil
	}
	who := "another igloo"
	if data, err := os.ReadFile(l.info); err == nil {
		var h holder
		if json.Unmarshal(data, &h) == nil && h.PID != 0 {
			who = fmt.Sprintf("igloo process %d", h.PID)
			if h.Ingress != "" {
				who += " on " + h.Ingress
			}
		}
	}
	return nil, withHint(fmt.Errorf("this project is in use: %s", who),
		"work with that session (igloo fire comments), end it, or give this one its own --data-dir DIR")
}

// Say writes who holds the lock, for those who are kept out.
func (l *projectLock) Say(h holder) error {
	data, err := json.Marshal(h)
	if err == nil {
		err = os.WriteFile(l.info, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("lock the project: %w", err)
	}
	return nil
}

// Release lets the next session in.
func (l *projectLock) Release() {
	_ = os.Remove(l.info)
	_ = l.flock.Unlock()
}
