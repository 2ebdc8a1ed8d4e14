package clock_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func keep(t *testing.T, file string) *clock.Clock {
	t.Helper()
	c := &clock.Clock{}
	if err := c.Keep(file, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTimeGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		live    func(*testing.T, *clock.Clock)
		killed  bool
		atMost  time.Duration // how far later it may begin
		nothing bool          // nothing has to be kept
	}{
		"of a clock that nobody touched nothing is kept": {live: func(*testing.T, *clock.Clock) { time.Sleep(time.Hour) }, nothing: true},
		"of one that was moved ahead": {live: func(t *testing.T, c *clock.Clock) {
			if err := c.Advance(24 * time.Hour); err != nil {
				t.Fatal(err)
			}
		}},
		"of one that was moved ahead and killed": {live: func(t *testing.T, c *clock.Clock) {
			if err := c.LeadBy(24 * time.Hour); err != nil {
				t.Fatal(err)
			}
		}, killed: true},
		"of one that runs faster": {live: faster},
		"of one that runs faster and was killed: at most two seconds of the machine too late": {live: faster, killed: true, atMost: 120 * time.Second},
		"of one that ran faster and does not any more": {live: func(t *testing.T, c *clock.Clock) {
			faster(t, c)
			if err := c.SetScale(1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}, killed: true, atMost: 120 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "clock.json")
			synctest.Test(t, func(t *testing.T) {
				c := keep(t, file)
				test.live(t, c)
				last := c.Now()
				if !test.killed {
					if err := c.LetGo(); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := os.Stat(file); (err != nil) != test.nothing {
					t.Errorf("looking at the file: %v", err)
				}
				if later := keep(t, file).Now().Sub(last); later < 0 || later > test.atMost {
					t.Errorf("the next one begins %v later", later)
				}
			})
		})
	}
}

// faster looks at the clock at every tenth of a second of half a minute, in which half an hour passes.
func faster(t *testing.T, c *clock.Clock) {
	t.Helper()
	if err := c.SetScale(60); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		time.Sleep(100 * time.Millisecond)
		c.Now()
	}
}

func TestALeadThatIsThereAlreadyIsNotAddedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		for range 2 {
			if err := c.LeadBy(time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Until(c.Now()); got != time.Hour {
			t.Errorf("it is %v ahead", got)
		}
		if c.LeadBy(-time.Hour) == nil {
			t.Error("the clock was moved back")
		}
	})
}

func TestTimeHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		const long = 200 * 365 * 24 * time.Hour
		if err := c.Advance(long); err != nil {
			t.Fatal(err)
		}
		before := c.Now()
		if err := c.Advance(long); err == nil || !c.Now().Equal(before) {
			t.Errorf("beyond the end: %v, and it is %v", err, c.Now())
		}
		if err := c.SetScale(clock.MaxScale); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * 24 * time.Hour)
		if got := c.Now(); got.Year() != 2262 {
			t.Errorf("it ran on to %v", got)
		}
	})
}

func TestWhatCannotBeKeptIsNotDone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	c := keep(t, filepath.Join(dir, "clock.json"))
	if c.Advance(time.Hour) == nil || time.Until(c.Now()) > time.Minute {
		t.Error("a clock that cannot be kept was moved")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(time.Hour); err != nil {
		t.Error(err)
	}
}

func TestAFileThatIsNoClocksIsRefused(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "{}", "nonsense", `{"ahead":24}`, `{"ahead":"soon"}`, `{"ahead":"2562047h"}`} {
		file := filepath.Join(t.TempDir(), "clock.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if new(clock.Clock).Keep(file, nil) == nil {
			t.Errorf("%q was taken", content)
		}
	}
}

// Outside of a bubble a moment passes between two looks at the machine's clock.
func TestAClockThatNobodyTouchedStartsAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "clock.json")
	for range 2 {
		if err := keep(t, file).LetGo(); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(file); err == nil {
		t.Errorf("kept %s", b)
	}
	if err := os.WriteFile(file, []byte(`{"ahead":"-70ns"}`), 0o600); err != nil { // as it was written once
		t.Fatal(err)
	}
	if lead := time.Until(keep(t, file).Now()); lead.Abs() > time.Minute {
		t.Errorf("it is %v ahead", lead)
	}
}
