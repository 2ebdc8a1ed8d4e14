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

func TestAnExceptionIsShownWithItsMessageOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		thrown traffic.Exception
		want   string
	}{
		"without a stack":             {traffic.Exception{Name: "Error", Message: "boom"}, "Error: boom"},
		"a stack of places alone":     {traffic.Exception{Name: "Error", Message: "boom", Stack: "    at fetch (w.js:4:38)"}, "Error: boom\n    at fetch (w.js:4:38)"},
		"a stack as V8 writes it":     {traffic.Exception{Name: "Error", Message: "boom", Stack: "Error: boom\n    at fetch"}, "Error: boom\n    at fetch"},
		"a stack with nothing before": {traffic.Exception{Name: "RangeError", Message: "", Stack: "RangeError\n    at fetch"}, "RangeError\n    at fetch"},
	} {
		if got := thrown(test.thrown); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
