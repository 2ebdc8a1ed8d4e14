package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r    result
		want string
	}{
		"a goal that was reached": {
			result{what: "deploy", unit: "s", ours: series{2, 1, 4}, peer: "wrangler", theirs: series{20, 8, 24}, goal: 5},
			"| deploy | 1.00 / 2.00 / 4.00 s | wrangler | 8.00 / 20.00 / 24.00 s | 10.0× (6.0–10.0) | ≥ 5× | reached |",
		},
		"a goal that was missed": {
			result{what: "deploy", unit: "s", ours: series{2}, peer: "wrangler", theirs: series{6}, goal: 5},
			"| deploy | 2.00 s | wrangler | 6.00 s | 3.0× (3.0–3.0) | ≥ 5× | missed |",
		},
		"a limit": {
			result{what: "size", unit: "MB", ours: series{45.1}, goal: 45},
			"| size | 45.1 MB |  |  |  | ≤ 45 MB | missed |",
		},
		"more is better": {
			result{what: "reads", unit: "/s", more: true, ours: series{3000, 2000}, peer: "wrangler", theirs: series{1000, 1000}, goal: 3},
			"| reads | 2000 / 2500 / 3000 /s | wrangler | 1000 /s | 2.5× (2.0–3.0) | ≥ 3× | missed |",
		},
		"at least so many": {
			result{what: "calls", unit: "/s", more: true, ours: series{5001}, goal: 5000},
			"| calls | 5001 /s |  |  |  | ≥ 5000 /s | reached |",
		},
		"none may fail": {
			result{what: "failed", ours: series{1}, noteOfGoal: "0"},
			"| failed | 1 |  |  |  | 0 | missed |",
		},
		"a peer that does not work": {
			result{what: "write", unit: "ms", ours: series{2}, peer: "original", broken: "it throws", goal: 5},
			"| write | 2.0 ms | original | does not work: it throws |  |  |  |",
		},
		"no goal": {
			result{what: "latency", unit: "ms", ours: series{1, 2, 3}},
			"| latency | 1.0 / 2.0 / 3.0 ms |  |  |  |  |  |",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, c.r.row()); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheGeneratorSeesEveryFailure(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case 6: // the connection breaks in the middle, which an HTTP client would hide
			panic(http.ErrAbortHandler)
		case 9: // announced, so it is no failure
			w.Header().Set("Connection", "close")
		case 12:
			stop()
		}
		_, _ = w.Write([]byte("hello"))
	}))
	defer srv.Close()
	got := ask(ctx, srv.URL, "w.example")
	if got.failed != 2 || len(got.took) != 10 || got.texts["hello"] != 10 {
		t.Errorf("got %d failed, %d answered, texts %v; want 2, 10, 10 times hello", got.failed, len(got.took), got.texts)
	}
}

func TestMemoryOfChildren(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc")
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if mb := residentOf(os.Getpid()); mb <= 0 || mb > 1000 {
		t.Errorf("the child has %f MB resident", mb)
	}
}

func TestThePinOfNodeIsTheOneOfTheTests(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../internal/npmtest/npmtest.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), node22.Integrity) || !strings.Contains(string(b), `"`+node22.Version+`"`) {
		t.Errorf("internal/npmtest pins another Node.js than %s", node22.Version)
	}
}

func TestTheLockFileOfTheOriginalHoldsNoAddressOfARegistry(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/original/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), `"resolved"`) || !strings.Contains(string(b), `"node_modules/@tamyla/clodo-framework"`) {
		t.Error("the lock file has a resolved address, or not the package")
	}
}
