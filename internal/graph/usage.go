package graph

import (
	"encoding/json"
	"net/http"
)

// Usage is how much of its allowance an app has used up, in percent, by the
// x-app-usage header of Meta's last answer. The zero Usage is not known.
type Usage struct {
	Calls int // number of calls
	CPU   int // computing time
	Time  int // time in total; only graph.facebook.com says it
}

// Highest returns the largest of the three: at 100 Meta refuses.
func (u Usage) Highest() int { return max(u.Calls, u.CPU, u.Time) }

// parseUsage reads the header in the words of both hosts. Anything else is not known.
func parseUsage(h http.Header) (Usage, bool) {
	var said struct {
		CallVolume float64 `json:"call_volume"` // graph.instagram.com
		CPUTime    float64 `json:"cpu_time"`
		CallCount  float64 `json:"call_count"` // graph.facebook.com
		TotalCPU   float64 `json:"total_cputime"`
		TotalTime  float64 `json:"total_time"`
	}
	text := h.Get("X-App-Usage")
	if text == "" || json.Unmarshal([]byte(text), &said) != nil {
		return Usage{}, false
	}
	return Usage{
		Calls: percent(said.CallVolume, said.CallCount),
		CPU:   percent(said.CPUTime, said.TotalCPU),
		Time:  percent(said.TotalTime),
	}, true
}

// percent returns the largest value as a number that fits on a screen.
func percent(values ...float64) int {
	highest := 0.0
	for _, v := range values {
		highest = max(highest, min(v, 1000))
	}
	return int(highest)
}
