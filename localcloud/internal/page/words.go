package page

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// path is one on this port that leads to things of these names.
func path(names ...string) string {
	p := ""
	for _, name := range names {
		p += "/" + url.PathEscape(name)
	}
	return p
}

// query is the end of a path that asks for something by fields, which are names and values
// in turn. Empty ones are left out.
func query(fields ...string) string {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] != "" {
			values.Set(fields[i], fields[i+1])
		}
	}
	return "?" + values.Encode()
}

// moment is a point of time for people.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// percent is a share of a hundred.
func percent(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", f), ".00") + " %" }

// short is the beginning of an id, enough to tell it from others by.
func short(id string) string { return id[:min(8, len(id))] }

// took is how long an invocation went on, as far as that is known: to a tenth of a
// millisecond where it was measured in front of workerd, to one where workerd tells.
func took(r traffic.Record) string {
	switch {
	case r.Duration >= 0:
		return fmt.Sprintf("%.1f ms", float64(r.Duration)/float64(time.Millisecond))
	case r.Wall < 0:
		return ""
	case r.Wall < time.Millisecond:
		return "< 1 ms"
	}
	return fmt.Sprintf("%d ms", r.Wall.Milliseconds())
}

// count is a number of things.
func count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/unit, 0
	for ; f >= unit && i < 3; i++ {
		f /= unit
	}
	return fmt.Sprintf("%.1f %cB", f, "kMGT"[i])
}
