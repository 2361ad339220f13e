package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report is what a run prints: igloo against its targets, then the tables behind.
type report struct {
	about   string
	targets []target
	tables  []table
}

// target is one measure with what it must reach and what it should.
type target struct {
	measure, unit     string
	value, must, goal float64
	most              bool // the bounds are upper bounds
}

type table struct {
	title string
	head  []string
	rows  [][]string
}

// atMost adds a measure that is better when it is smaller.
func (r *report) atMost(measure, unit string, value, must, goal float64) {
	r.targets = append(r.targets, target{measure, unit, value, must, goal, true})
}

// atLeast adds a measure that is better when it is larger.
func (r *report) atLeast(measure, unit string, value, must, goal float64) {
	r.targets = append(r.targets, target{measure, unit, value, must, goal, false})
}

// machine notes what the figures hold for.
func (r *report) machine() {
	load, _, _ := strings.Cut(readFile("/proc/loadavg"), " ")
	model := "unknown processor"
	for line := range strings.Lines(readFile("/proc/cpuinfo")) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	r.about = fmt.Sprintf("%s, %d × %s, %s/%s, %s; load %s at the start.",
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(), load)
}

// readFile returns the text of a file that may not be there.
func readFile(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(text)
}

func (t target) within(bound float64) bool {
	if t.most {
		return t.value <= bound
	}
	return t.value >= bound
}

// verdict says which bound the value keeps.
func (t target) verdict() string {
	switch {
	case math.IsNaN(t.value):
		return "not measured"
	case t.within(t.goal):
		return "goal"
	case t.within(t.must):
		return "must"
	default:
		return "**missed**"
	}
}

func (t target) bound(value float64) string {
	sign := "≥ "
	if t.most {
		sign = "≤ "
	}
	return sign + strconv.FormatFloat(value, 'f', -1, 64) + unit(t.unit)
}

func unit(name string) string {
	if name == "×" {
		return name
	}
	return " " + name
}

// markdown returns the report as text that reads well in a terminal, too.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n# igloo: benchmarks\n\n%s\n", r.about)
	if len(r.targets) > 0 {
		t := table{title: "Targets", head: []string{"measure", "must", "goal", "measured", "reaches"}}
		missed := 0
		for _, x := range r.targets {
			t.rows = append(t.rows, []string{x.measure, x.bound(x.must), x.bound(x.goal), number(x.value, 2) + unit(x.unit), x.verdict()})
			if !x.within(x.must) {
				missed++
			}
		}
		t.write(&b)
		fmt.Fprintf(&b, "\n%d of %d measures keep their must.\n", len(r.targets)-missed, len(r.targets))
	}
	for _, t := range r.tables {
		t.write(&b)
	}
	return b.String()
}

// write adds the table to the text, its columns padded to their widest cell.
func (t table) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", t.title)
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	line := func(row []string, fill string) {
		for i, cell := range row {
			fmt.Fprintf(b, "| %s%s ", cell, strings.Repeat(fill, widths[i]-len([]rune(cell))))
		}
		b.WriteString("|\n")
	}
	line(t.head, " ")
	line(slices.Repeat([]string{"---"}, len(t.head)), "-")
	for _, row := range t.rows {
		line(row, " ")
	}
}

// number formats a value; what was not measured is a dash.
func number(value float64, digits int) string {
	if math.IsNaN(value) {
		return "–"
	}
	return strconv.FormatFloat(value, 'f', digits, 64)
}

// median returns the middle of the values, NaN when there are none.
func median(values []float64) float64 { return percentile(values, 0.5) }

// percentile returns the value below which the part lies (0.95: 95 %), NaN when there
// are no values.
func percentile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	place := part * float64(len(sorted)-1)
	low := int(place)
	if low == len(sorted)-1 {
		return sorted[low]
	}
	return sorted[low] + (place-float64(low))*(sorted[low+1]-sorted[low])
}

// milliseconds returns durations as numbers of a report.
func milliseconds(durations []time.Duration) []float64 {
	out := make([]float64, len(durations))
	for i, d := range durations {
		out[i] = float64(d.Microseconds()) / 1000
	}
	return out
}
