package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
)

func TestBackgroundCloudIsToldEverything(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		o    operator.CloudOptions
		want []string
	}{
		{"the usual ports", operator.CloudOptions{StateDir: "s"}, []string{"cloud", "--state", "s", "--json"}},
		{
			"any ports, zones and accounts",
			operator.CloudOptions{StateDir: "s", AnyPort: true, Zones: []string{"a.com", "b.com"}, Accounts: []operator.CloudAccount{{ID: "0a", Name: "main"}}},
			[]string{"cloud", "--state", "s", "--json", "--port", "0", "--zone", "a.com", "--zone", "b.com", "--seed-account", "0a=main"},
		},
		{"a port", operator.CloudOptions{StateDir: "s", Port: 9000}, []string{"cloud", "--state", "s", "--json", "--port", "9000"}},
		{
			"manners",
			operator.CloudOptions{StateDir: "s", SeedFile: "seed.yaml", RateLimit: "off", Faults: []string{"*: reset"}, FaultSeed: 7, TimeScale: 60},
			[]string{"cloud", "--state", "s", "--json", "--seed", "seed.yaml", "--rate-limit", "off", "--fault", "*: reset", "--fault-seed", "7", "--time-scale", "60"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, cloudArgs(tt.o)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBackgroundCloudIsReadyWhenItSaysSo(t *testing.T) {
	t.Parallel()
	ended := make(chan error)
	path := filepath.Join(t.TempDir(), cloudLog)
	write(t, path, "installing the runtime\n{\"api\":\"http://127.0.0.1:1/client/v4\"}\n")
	if err := waitReady(t.Context(), path, ended); err != nil {
		t.Fatal(err)
	}
	write(t, path, `{"api":"http://127.0.0.1:1`) // half a line
	close(ended)
	if err := waitReady(t.Context(), path, ended); err == nil {
		t.Error("half a ready line counted as ready")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := waitReady(stopped, path, make(chan error)); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: got %v", err)
	}
}

func TestBackgroundCloudThatEndsTellsWhy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, log, wantCode, want string
		wantExit                  diag.Exit
	}{
		{
			"in its own words, where it left a document",
			"{\n  \"schema\": \"clodo.cloud/v1\", \"exit\": 9,\n  \"errors\": [{\"code\": \"N201\", \"message\": \"npm is missing\", \"fix\": \"install it\"}]\n}\n",
			"N201", "npm is missing", diag.ExitUnavailable,
		},
		{"with the last line of its log, where it did not", "starting\nout of memory\n", "U013", "its last words: out of memory", diag.ExitFailed},
		{"with nothing", "", "U013", "it ended at once", diag.ExitFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), cloudLog)
			write(t, path, tt.log)
			ended := make(chan error)
			close(ended)
			var got *diag.Error
			if err := waitReady(t.Context(), path, ended); !errors.As(err, &got) {
				t.Fatalf("got %v, want a *diag.Error", err)
			}
			if got.Code != tt.wantCode || got.Exit != tt.wantExit || !strings.Contains(got.Message+got.Why, tt.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
