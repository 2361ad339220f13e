package forward

import (
	"context"
	"net"

	"github.com/igloo-dev/igloo/internal/journal"
)

// SetDial makes f connect by dial, so that tests can give it a network whose time
// is theirs.
func SetDial(f *Forwarder, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	f.transport.DialContext = dial
}

// Remembered is how many attempts back Wait can look.
const Remembered = remembered

// Schedule is the schedule by delivery ids.
type Schedule struct {
	s    *schedule
	jobs map[int64]*job
}

// NewSchedule returns an empty schedule.
func NewSchedule(limit int) *Schedule {
	return &Schedule{newSchedule(limit), map[int64]*job{}}
}

// Add adds a job of these conversations.
func (s *Schedule) Add(id int64, keys ...string) (ready bool) {
	s.jobs[id] = &job{delivery: journal.Delivery{ID: id}, keys: keys}
	return s.s.add(s.jobs[id])
}

// Start starts a job and returns its id, 0 for none.
func (s *Schedule) Start() int64 {
	if j := s.s.start(); j != nil {
		return j.delivery.ID
	}
	return 0
}

// Finish finishes a started job.
func (s *Schedule) Finish(id int64) (readied int) { return s.s.finish(s.jobs[id]) }

// Size is how many jobs are not finished, Conversations how many they belong to.
func (s *Schedule) Size() int { return s.s.size }

// Conversations is how many conversations the schedule keeps in mind.
func (s *Schedule) Conversations() int { return len(s.s.last) }
