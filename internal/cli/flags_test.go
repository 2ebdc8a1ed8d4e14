package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

// parse runs a command line up to the seam where the command would begin to work.
func parse[T any](t *testing.T, command func(*app, func(context.Context, *T) (reply, error)) *cobra.Command, args ...string) (T, error) {
	t.Helper()
	a := &app{term: term.New(term.Streams{Getenv: func(string) string { return "" }}), getenv: func(string) string { return "" }}
	var got T
	c := command(a, func(_ context.Context, o *T) (reply, error) {
		got = *o
		return reply{}, nil
	})
	c.SetArgs(append([]string{}, args...)) // of nil it would take those of the test
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetFlagErrorFunc(flagError)
	return got, c.ExecuteContext(t.Context())
}

func TestDeployFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want deployOptions
	}{
		{"nothing named", nil, deployOptions{parallel: 4, services: []string{}}},
		{"services and a message", []string{"api", "web", "-m", "fix 12"}, deployOptions{services: []string{"api", "web"}, parallel: 4, message: "fix 12"}},
		{"everything, one at a time", []string{"--all", "--parallel", "1"}, deployOptions{services: []string{}, all: true, parallel: 1}},
		{"only one plan", []string{"--plan", "p_1"}, deployOptions{services: []string{}, parallel: 4, plan: "p_1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, newDeployCmd, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(deployOptions{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"a service and --all", (&deployOptions{services: []string{"api"}, all: true, parallel: 4}).check(false), "--all and \"api\" contradict each other"},
		{"no target at once", (&deployOptions{parallel: 0}).check(false), "--parallel 0 is less than one"},
		{"resume and a service", (&deployOptions{services: []string{"api"}, resume: true, parallel: 4}).check(false), "--resume goes on"},
		{"resume and dry run", (&deployOptions{resume: true, parallel: 4}).check(true), "--resume cannot be tried"},
		{"a rollback of nothing", (&rollbackOptions{}).check(), "SERVICE is missing"},
		{"one version for two services", (&rollbackOptions{services: []string{"a", "b"}, to: "1"}).check(), "--to needs exactly one service"},
		{"a value on the command line", (&secretSetOptions{service: "api", name: "KEY=topsecret"}).check(), "a value never goes on the command line"},
		{"a name with a space", (&secretSetOptions{service: "api", name: "MY KEY"}).check(), `"MY KEY" cannot be the name of a secret`},
		{"two sources of a value", (&secretSetOptions{service: "api", name: "KEY", fromEnv: "A", fromFile: "b"}).check(), "--from-file and --from-env"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", tt.err, tt.want)
			}
			if got := diag.ExitOf(tt.err); got != diag.ExitUsage {
				t.Errorf("exit %d, want %d", got, diag.ExitUsage)
			}
		})
	}
}

func TestGlobalFlagsAndTheEnvironment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want globals
	}{
		{"a flag wins over variables", []string{"-e", "staging"}, map[string]string{"CLODO_ENV": "production"}, globals{env: "staging", envTyped: true, output: "text"}},
		{"CLODO_ENV wins over CLOUDFLARE_ENV and is not typed", nil, map[string]string{"CLODO_ENV": "staging", "CLOUDFLARE_ENV": "production"}, globals{env: "staging", output: "text"}},
		{"--json is --output json", []string{"--json"}, nil, globals{json: true, output: "json"}},
		{"CLODO_OUTPUT is the default form", nil, map[string]string{"CLODO_OUTPUT": "ndjson"}, globals{output: "ndjson"}},
		{"CLODO_LOG=debug is -v", nil, map[string]string{"CLODO_LOG": "debug"}, globals{verbose: 1, output: "text"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var g globals
			c := &cobra.Command{RunE: func(*cobra.Command, []string) error { return nil }}
			g.define(c.Flags())
			if err := c.ParseFlags(tt.args); err != nil {
				t.Fatal(err)
			}
			if err := g.complete(c, func(name string) string { return tt.env[name] }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, g, cmp.AllowUnexported(globals{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGuessedSettingsSurviveAWrongCommandLine(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	for _, args := range [][]string{{"depoly", "--json"}, {"--nosuch", "--json"}, {"deploy", "-x", "-o", "json"}, {"--help", "--json"}} {
		if got := guessSettings(args, none); got.Format != term.JSON {
			t.Errorf("%q gives the format %q, want json", args, got.Format)
		}
	}
	if got := guessSettings([]string{"-o", "jsno"}, none); got.Format != term.Text {
		t.Errorf("an unknown format gives %q, want text", got.Format)
	}
}
