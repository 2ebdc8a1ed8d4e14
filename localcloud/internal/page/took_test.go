package page

import (
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// A page claims no more digits than were measured.
func TestTimesHaveTheDigitsThatWereMeasured(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]traffic.Record{
		"13.8 ms": {Duration: 13800 * time.Microsecond, Wall: 13 * time.Millisecond},
		"0.0 ms":  {Duration: 20 * time.Microsecond, Wall: -1},
		"7 ms":    {Duration: -1, Wall: 7 * time.Millisecond},
		"< 1 ms":  {Duration: -1, Wall: 0},
		"":        {Duration: -1, Wall: -1},
	} {
		if got := took(r); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}
