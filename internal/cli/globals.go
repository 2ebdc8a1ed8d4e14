package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

// globals are the flags that every command has.
type globals struct {
	env       string
	envTyped  bool // --env stands on the command line itself
	customers []string
	account   string
	config    string
	cwd       string
	output    string
	json      bool
	dryRun    bool
	yes       bool
	noInput   bool
	local     bool
	quiet     bool
	verbose   int
	noColor   bool
	timeout   time.Duration
}

func (g *globals) define(f *pflag.FlagSet) {
	f.StringVarP(&g.env, "env", "e", "", "`environment` (CLODO_ENV, CLOUDFLARE_ENV)")
	f.StringArrayVar(&g.customers, "customer", nil, "`customer`; repeat it, or '*' for all; default: the shared targets")
	f.StringVar(&g.account, "account", "", "Cloudflare account `id` (CLOUDFLARE_ACCOUNT_ID)")
	f.StringVarP(&g.config, "config", "c", "", "`file` to read; default: the nearest clodo.yaml upwards (CLODO_CONFIG)")
	f.StringVarP(&g.cwd, "cwd", "C", "", "run as if started in `dir`")
	f.StringVarP(&g.output, "output", "o", "", "`format`: "+strings.Join(term.Formats(), ", ")+" (CLODO_OUTPUT)")
	f.BoolVar(&g.json, "json", false, "same as --output json")
	f.BoolVarP(&g.dryRun, "dry-run", "n", false, "show what would happen, change nothing")
	f.BoolVarP(&g.yes, "yes", "y", false, "answer yes to confirmations")
	f.BoolVar(&g.noInput, "no-input", false, "never ask; implied without a terminal, in CI and with json")
	f.BoolVar(&g.local, "local", false, "use the Cloudflare on this machine; needs no account")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "answers and problems only")
	f.CountVarP(&g.verbose, "verbose", "v", "each API request on stderr, without tokens (CLODO_LOG=debug)")
	f.BoolVar(&g.noColor, "no-color", false, "no colour (NO_COLOR)")
	f.DurationVar(&g.timeout, "timeout", 0, "stop waiting after this long, such as 90s or 10m")
}

// complete fills in what the environment says and checks what can be checked
// without reading a file.
func (g *globals) complete(cmd *cobra.Command, getenv func(string) string) error {
	changed := func(name string) bool { f := cmd.Flags().Lookup(name); return f != nil && f.Changed }
	g.envTyped = changed("env")
	first := func(value string, names ...string) string {
		for _, n := range names {
			if value == "" {
				value = getenv(n)
			}
		}
		return value
	}
	g.env = first(g.env, "CLODO_ENV", "CLOUDFLARE_ENV")
	g.account = first(g.account, "CLOUDFLARE_ACCOUNT_ID")
	g.config = first(g.config, "CLODO_CONFIG")
	if getenv("CLODO_LOG") == "debug" {
		g.verbose = max(g.verbose, 1)
	}
	g.output = first(g.output, "CLODO_OUTPUT")
	if g.json {
		if changed("output") && g.output != string(term.JSON) {
			return usage("leave out one of the two", "--json and --output %s contradict each other", g.output)
		}
		g.output = string(term.JSON)
	}
	if g.output == "" {
		g.output = string(term.Text)
	}
	if !slices.Contains(term.Formats(), g.output) {
		fix := "one of: " + strings.Join(term.Formats(), ", ")
		if near := diag.Nearest(g.output, term.Formats()); near != "" {
			fix = "did you mean " + near + "?  (" + fix + ")"
		}
		return usage(fix, "there is no output format %q", g.output)
	}
	if g.quiet && g.verbose > 0 && changed("quiet") && changed("verbose") {
		return usage("leave out one of the two", "--quiet and --verbose contradict each other")
	}
	if g.timeout < 0 {
		return usage("a time such as 90s or 10m", "--timeout %s is less than nothing", g.timeout)
	}
	return nil
}

func (g *globals) settings() term.Settings {
	return term.Settings{Format: term.Format(g.output), NoColor: g.noColor, NoInput: g.noInput, Quiet: g.quiet}
}

// guessSettings reads the global flags out of a command line that may be wrong, so
// that what is said about it has the right form.
func guessSettings(args []string, getenv func(string) string) term.Settings {
	var g globals
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.Usage = func() {}
	f.BoolP("help", "h", false, "")
	g.define(f)
	_ = f.Parse(args) // what is wrong with it is said when cobra parses it
	if g.output == "" {
		g.output = getenv("CLODO_OUTPUT")
	}
	if g.json {
		g.output = string(term.JSON)
	}
	if !slices.Contains(term.Formats(), g.output) {
		g.output = string(term.Text)
	}
	return g.settings()
}
