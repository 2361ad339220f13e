//go:build unix

package journal_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/igloo-dev/igloo/internal/journal"
)

// cpu returns the processor time of the process, reported per event: on a shared
// machine it is steadier than the time that passed.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend is one sender that waits for each commit; every delivery gets an
// attempt and is indexed.
func BenchmarkAppend(b *testing.B) {
	j, stop := start(b, journal.Config{Path: fileIn(b)})
	before := cpu()
	n := 0
	for b.Loop() {
		appendWithAttempt(b, j, n)
		n++
	}
	settle(b, j, int64(n))
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(n), "cpu-µs/op")
	stop()
}

// BenchmarkAppendParallel is 16 senders.
func BenchmarkAppendParallel(b *testing.B) {
	j, stop := start(b, journal.Config{Path: fileIn(b)})
	before := cpu()
	var n atomic.Int64
	b.SetParallelism(8) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			appendWithAttempt(b, j, int(n.Add(1)))
		}
	})
	settle(b, j, n.Load())
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(n.Load()), "cpu-µs/op")
	stop()
}

func appendWithAttempt(b *testing.B, j *journal.Journal, n int) {
	id, err := j.Append(context.Background(), comment(n, "user"+strconv.Itoa(n%500), "is the "+words[n%len(words)]+" still available?"))
	if err != nil {
		b.Error(err)
		return
	}
	if err := j.Record(context.Background(), attempt(id, 200, time.Millisecond)); err != nil {
		b.Error(err)
	}
}

var words = []string{"camera", "lens", "tripod", "bag", "strap", "filter", "battery", "charger", "case", "flash", "canada", "shipping"}

// sample returns the path of a journal with n deliveries: most are comments answered
// with 200, some are fired, failed, invalid. It is made once and kept in the
// directory IGLOO_BENCH_DIR when that is set.
func sample(b *testing.B, n int) string {
	b.Helper()
	dir := os.Getenv("IGLOO_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	path := filepath.Join(dir, fmt.Sprintf("journal-%d.db", n))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	j, stop := start(b, journal.Config{Path: path})
	began := time.Now()
	const senders = 64
	done := make(chan struct{})
	for s := range senders {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := s; i < n; i += senders {
				fill(b, j, i)
			}
		}()
	}
	for range senders {
		<-done
	}
	settle(b, j, int64(n))
	b.Logf("made %d deliveries in %v", n, time.Since(began).Round(time.Millisecond))
	stop()
	return path
}

func fill(b *testing.B, j *journal.Journal, i int) {
	text := "is the " + words[i%len(words)] + " still available?"
	if i%5000 == 7 {
		text = "do you ship to Reykjavík?"
	}
	d := comment(i, "user"+strconv.Itoa(i%5000), text)
	if i%10 == 3 {
		d = delivery(i, fmt.Sprintf(`{"object":"instagram","entry":[{"id":"17841405309211844","time":%d,"messaging":[{"sender":{"id":"77%d"},"recipient":{"id":"17841405309211844"},"timestamp":%d,"message":{"mid":"m%d","text":"hello %s"}}]}]}`,
			day.UnixMilli()+int64(i), i%3000, day.UnixMilli()+int64(i), i, words[i%len(words)]))
	}
	if i%1000 == 11 {
		d.Verdict, d.Reason, d.Secret = "invalid", "no known app secret fits", ""
	}
	if i%3 == 0 {
		d.Source, d.Fixture = journal.Fired, "comments"
	}
	id, err := j.Append(context.Background(), d)
	if err != nil {
		b.Error(err)
		return
	}
	a := attempt(id, 200, time.Duration(i%40)*time.Millisecond)
	switch {
	case i%500 == 1:
		a.Status = 500
	case i%2000 == 3:
		a.Status, a.Err = 0, "connection refused"
	case i%7000 == 5:
		a.Took = 3 * time.Second
	}
	if err := j.Record(context.Background(), a); err != nil {
		b.Error(err)
	}
}

// BenchmarkRead100k and BenchmarkRead1M read a page of 50 rows.
func BenchmarkRead100k(b *testing.B) { benchmarkRead(b, 100_000) }

func BenchmarkRead1M(b *testing.B) {
	if os.Getenv("IGLOO_BENCH_DIR") == "" {
		b.Skip("set IGLOO_BENCH_DIR to a folder with 2 GB of space")
	}
	benchmarkRead(b, 1_000_000)
}

var benchQueries = []struct{ name, query string }{
	{"list", ""},
	{"search-common", "available"},
	{"search-prefix", "avail"},
	{"search-letter", "a"},
	{"search-rare", "reykjavik"},
	{"search-none", "zebra"},
	{"search-two", "camera still"},
	{"search-phrase", `"the camera still"`},
	{"search-not", "camera -from:user12"},
	{"field", "field:comments"},
	{"field-other", "field:messages"},
	{"from", "from:@user123"},
	{"from-id", "from:77123"},
	{"verdict-rare", "verdict:invalid"},
	{"verdict-common", "verdict:verified"},
	{"fired", "is:fired"},
	{"failed", "is:failed"},
	{"status-5xx", "status:5xx"},
	{"status-200", "status:200"},
	{"status-none", "status:418"},
	{"status-err", "status:ERR"},
	{"took", "took:>30ms"},
	{"took-rare", "took:>1s"},
	{"took-none", "took:>1h"},
	{"pending", "is:pending"},
	{"field-status", "field:comments status:500"},
	{"field-err", "field:messages status:ERR"},
	{"from-failed", "from:user1 is:failed"},
	{"word-failed", "camera is:failed"},
	{"not-failed", "-is:failed -field:comments"},
	{"since", "since:2026-11-21T20:00"},
	{"before-field", "before:2026-11-21T15:00 field:messages"},
}

func benchmarkRead(b *testing.B, n int) {
	path := sample(b, n)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			j, err := journal.Open(b.Context(), journal.Config{Path: path})
			if err != nil {
				b.Fatal(err)
			}
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	j, err := journal.OpenReader(b.Context(), journal.Config{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for _, bench := range benchQueries {
		q, err := journal.ParseQuery(bench.query, day)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bench.name, func(b *testing.B) {
			rows := 0
			for b.Loop() {
				page, err := j.Rows(b.Context(), q, journal.Page{Limit: 50})
				if err != nil {
					b.Fatal(err)
				}
				rows = len(page)
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
	for _, query := range []string{"", "available", "is:failed", "field:comments", "verdict:verified"} {
		q, err := journal.ParseQuery(query, day)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("count/"+query, func(b *testing.B) {
			for b.Loop() {
				if _, err := j.Count(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("stats", func(b *testing.B) {
		for b.Loop() {
			if _, err := j.Stats(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBurst is 100 deliveries of 1000 events each from one sender, and every
// tenth a small one. It reports how long the sender waited, and how long the index
// was behind after the last.
func BenchmarkBurst(b *testing.B) {
	large := manyComments(b, 1000)
	for b.Loop() {
		j, stop := start(b, journal.Config{Path: fileIn(b)})
		var waits []time.Duration
		for i := range 100 {
			d := large
			if i%10 == 9 {
				d = comment(i, "mia", "hi")
			}
			d.Forward = false
			began := time.Now()
			appendAll(b, j, d)
			waits = append(waits, time.Since(began))
		}
		began := time.Now()
		settle(b, j, 0)
		lag := time.Since(began)
		slices.Sort(waits)
		b.ReportMetric(float64(waits[50].Microseconds()), "ack-p50-µs")
		b.ReportMetric(float64(waits[98].Microseconds()), "ack-p98-µs")
		b.ReportMetric(lag.Seconds(), "lag-s")
		stop()
	}
}

// BenchmarkLog writes without a pause and reports how long the write-ahead log gets.
func BenchmarkLog(b *testing.B) {
	path := fileIn(b)
	j, stop := start(b, journal.Config{Path: path})
	body := delivery(1, strings.Repeat("x", 100<<10))
	body.Forward = false
	longest := int64(0)
	for b.Loop() {
		appendAll(b, j, body)
		if info, err := os.Stat(path + "-wal"); err == nil {
			longest = max(longest, info.Size())
		}
	}
	b.ReportMetric(float64(longest>>20), "log-MB")
	stop()
}
