package localcloud

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// declaredFlags is what deploy would tell the service.
const declaredFlags = `{"v":1,"flags":{"analytics":{"default":true},"premium":{"default":false,"runtime":true}}}`

// flags: what was changed reaches a program, which reads it once in an interval and
// isolate, however many instances of it there are.
func (s goService) flags(t *testing.T) {
	get := func(path string) string {
		t.Helper()
		return text(t, s.ask("GET", path, nil))
	}
	reads := func() int {
		t.Helper()
		n, err := strconv.Atoi(s.get("other", "/reads"))
		fatal(t, err)
		return n
	}
	// wait asks until the flag is as it was changed to.
	wait := func(want string) {
		t.Helper()
		got := ""
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(40 * time.Millisecond) {
			if got = get("/flags/premium"); strings.HasPrefix(got, want) {
				return
			}
		}
		t.Fatalf("the flag is %q, want %q", got, want)
	}
	if got := get("/flags/premium"); got != "false [analytics]" {
		t.Errorf("before anything was changed: %q", got)
	}
	if got := get("/premium/reports"); got != `{"error":"Feature not available","feature":"premium","message":"The premium feature is not enabled for this domain"}` {
		t.Errorf("off: %q", got)
	}
	change := func(to string) {
		t.Helper()
		status, answer := s.send("PUT", s.flagsKey, "application/octet-stream", strings.NewReader(to))
		s.result("change flags", status, answer)
	}
	change(`{"v":1,"flags":{"premium":{"environment":true}}}`)
	wait("true [analytics premium]")
	if got := get("/premium/reports"); got != "reports" {
		t.Errorf("on: %q", got)
	}

	before, began := reads(), time.Now()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if got := get("/flags/premium"); got != "true [analytics premium]" {
				t.Errorf("an answer is %q", got)
			}
		})
	}
	all.Wait()
	if n, most := reads()-before, int(time.Since(began)/time.Second)+1; n > most {
		t.Errorf("%d reads in %v", n, time.Since(began))
	}

	change("rubbish")                   // is like nothing that can be read
	time.Sleep(1500 * time.Millisecond) // more than the interval
	if got := get("/flags/premium"); got != "true [analytics premium]" {
		t.Errorf("after rubbish was written: %q", got)
	}
	change(`{"v":1,"flags":{"premium":{"environment":false}}}`)
	wait("false")
}
