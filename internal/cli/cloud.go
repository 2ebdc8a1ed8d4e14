package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
)

// cloudOptions are the flags of `clodo cloud` and the commands below it.
type cloudOptions struct {
	state    string
	port     int
	portSet  bool
	zones    []string
	accounts []string // ID=NAME

	seed                string
	rateLimit           string
	faults              []string
	faultSeed           uint64
	timeScale           float64
	aiUpstream, aiToken string
}

func newCloudCmd(a *app) *cobra.Command {
	o := &cloudOptions{}
	cloud := &cobra.Command{
		Use:   "cloud",
		Short: "a Cloudflare on this machine: its API, and the Workers it runs",
		Example: "  clodo cloud                          serve until Ctrl-C\n" +
			"  clodo cloud --port 0 --state DIR --json   for scripts: one line when ready\n" +
			"  clodo cloud --zone example.com\n" +
			"  clodo cloud status\n" +
			"  clodo cloud stop",
		Long: "Speaks the Cloudflare API on a loopback address and runs uploaded Workers on the\n" +
			"real runtime, workerd. Any tool that takes an API address works with it. What it\n" +
			"knows is kept in its state folder and survives a restart. `--local` on other\n" +
			"commands uses the one of the project and starts it in the background if need be.\n" +
			"What goes wrong in it is told on stderr; with -v all that happens, and what Workers\n" +
			"log.",
		GroupID: blockSetup,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
	}
	cloud.RunE = a.do(func(ctx context.Context, _ []string) (reply, error) {
		o.portSet = cloud.Flags().Changed("port")
		if v := a.getenv("CLODO_CLOUD_PORT"); v != "" && !o.portSet {
			port, err := strconv.Atoi(v)
			if err != nil {
				return reply{}, usage("a number from 0 to 65534", "CLODO_CLOUD_PORT cannot be %q", v)
			}
			o.port, o.portSet = port, true
		}
		if o.aiUpstream == "" {
			o.aiUpstream = a.getenv("CLODO_AI_UPSTREAM")
		}
		o.aiToken = a.getenv("CLODO_AI_TOKEN")
		return a.runCloud(ctx, o)
	})
	f := cloud.Flags()
	f.IntVar(&o.port, "port", 0, "the API listens on this `port`, Workers answer on the next one; 0: the system chooses both (CLODO_CLOUD_PORT)")
	f.StringArrayVar(&o.zones, "zone", nil, "create this `zone` when it is missing, NAME or NAME@ACCOUNT_ID; repeat it")
	f.StringArrayVar(&o.accounts, "seed-account", nil, "create this account when it is missing: `id=name`; repeat it")
	f.StringVar(&o.seed, "seed", "", "`file` of accounts, zones, tokens, limits and faults to begin with, YAML or JSON")
	f.StringVar(&o.rateLimit, "rate-limit", "", "`calls/window` that each token has, or off; default: 1200/5m, as at Cloudflare")
	f.StringArrayVar(&o.faults, "fault", nil, "let requests fail as a `rule` says, such as \"POST /zones: lost, p=0.5\"; repeat it")
	f.Uint64Var(&o.faultSeed, "fault-seed", 0, "`number` that decides which requests are struck; the same one strikes the same")
	f.StringVar(&o.aiUpstream, "ai-upstream", "", "the `url` of a server that runs the models of Workers AI: it answers POST URL/MODEL (CLODO_AI_UPSTREAM; its token: CLODO_AI_TOKEN)")
	f.Float64Var(&o.timeScale, "time-scale", 0, "`seconds` that pass for it in one of this machine; default: 1")
	cloud.PersistentFlags().StringVar(&o.state, "state", "", "folder that keeps everything, `dir`; default: the project's own")

	sub := func(use, short string, run func(context.Context, *cloudOptions) (reply, error)) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: words(0), Example: "  clodo cloud " + use,
			RunE: a.do(func(ctx context.Context, _ []string) (reply, error) { return run(ctx, o) }),
		}
	}
	cloud.AddCommand(
		sub("status", "whether it runs, and where", a.runCloudStatus),
		sub("stop", "end it; what it knows is kept", a.runCloudStop),
		sub("env", "the variables that point other tools to it, for eval", a.runCloudEnv),
		newCloudSaveCmd(a, o),
		newCloudRestoreCmd(a, o),
		sub("reset", "forget everything it knows; a running one is stopped first", a.runCloudReset),
	)
	return cloud
}

// cloudDir is the folder of the local cloud that is meant: the project's own, or one
// below the current folder where there is no project.
func (a *app) cloudDir(o *cloudOptions) string {
	dir := o.state
	if dir == "" {
		if own, err := operator.ProjectCloudDir(a.dir()); err == nil {
			return own
		}
		dir = filepath.Join(".clodo", "cloud")
	}
	return a.path(dir)
}

func (o *cloudOptions) cloud(dir string) (operator.CloudOptions, error) {
	c := operator.CloudOptions{StateDir: dir, Port: o.port, AnyPort: o.portSet && o.port == 0, Zones: o.zones}
	c.AIUpstream, c.AIToken = o.aiUpstream, o.aiToken
	c.RateLimit, c.Faults, c.FaultSeed, c.TimeScale = o.rateLimit, o.faults, o.faultSeed, o.timeScale
	c.SeedFile = o.seed
	if o.port < 0 || o.port > 65534 {
		return c, usage("a number from 0 to 65534", "--port %d is no port whose next one exists too", o.port)
	}
	for _, text := range o.accounts {
		id, name, ok := strings.Cut(text, "=")
		if !ok || id == "" || name == "" {
			return c, usage("--seed-account 0a1b2c3d4e5f60718293a4b5c6d7e8f9=main", "--seed-account %q is not ID=NAME", text)
		}
		c.Accounts = append(c.Accounts, operator.CloudAccount{ID: id, Name: name})
	}
	return c, nil
}

// cloudGarbage is how much garbage a local cloud lets be, in percent of what lives.
// Requests leave much and little lives, so that Go's own 100 collects every few hundred
// of them; this costs some 10 MB and saves a fifth of the processor time.
const cloudGarbage = 300

func (a *app) runCloud(ctx context.Context, o *cloudOptions) (reply, error) {
	if o.seed != "" {
		o.seed = a.path(o.seed)
	}
	c, err := o.cloud(a.cloudDir(o))
	if err != nil {
		return reply{}, err
	}
	if a.globals.dryRun {
		return reply{Result: cloudState{State: c.StateDir}, Text: func(w io.Writer) {
			fmt.Fprintf(w, "Would serve a local cloud from %s. Nothing was changed.\n", c.StateDir)
		}}, nil
	}
	c.Log = a.cloudLog()
	a.onStop(stopsCloud)
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(cloudGarbage)
	}
	err = operator.ServeCloud(ctx, c, func(info operator.CloudInfo) { a.writeReady(info, c.StateDir) })
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // Ctrl-C is how it is meant to end
	}
	return reply{Own: true}, err
}

// cloudLog puts what the local cloud has to tell on stderr: what went wrong, and with
// --verbose each cron trigger, batch of messages, email and fault too. A cloud in the
// background has stderr in its log file.
func (a *app) cloudLog() *slog.Logger {
	level := slog.LevelWarn
	if a.globals.verbose > 0 {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(a.term.Err(), &slog.HandlerOptions{Level: level}))
}

// startHint is the command that starts the local cloud of these flags.
func (o *cloudOptions) startHint() string {
	if o.state != "" {
		return "clodo cloud --state " + o.state
	}
	return "clodo cloud"
}

// writeReady says where the cloud answers: one line of JSON for scripts, which is a
// contract without the envelope of other documents.
func (a *app) writeReady(info operator.CloudInfo, dir string) {
	if a.term.Machine() {
		_, _ = a.term.Out().Write(append(encode(info), '\n'))
		return
	}
	writeCloud(a.term.Out(), a.term.OutStyle(), info, dir)
	a.term.Note("\nFor wrangler, SDKs and Terraform:\n%s\nCtrl-C stops it; what it knows is kept.", exports(info))
}

func writeCloud(w io.Writer, style term.Style, info operator.CloudInfo, dir string) {
	port := ""
	if u, err := url.Parse(info.Data); err == nil && u.Port() != "" {
		port = ":" + u.Port()
	}
	for _, l := range []struct{ name, value string }{
		{"API", info.API},
		{"Workers", "http://WORKER.localhost" + port},
		{"Page", strings.TrimSuffix(info.API, "client/v4")},
		{"Account", info.AccountID},
		{"Token", info.APIToken},
		{"Zones", strings.Join(info.Zones, ", ")},
		{"Apart", strings.Join(info.Isolated, "\n          ")},
		{"State", dir},
	} {
		if l.value != "" {
			fmt.Fprintf(w, "%s  %s\n", style.Bold(fmt.Sprintf("%-8s", l.name)), l.value)
		}
	}
}

// cloudState is the answer of the commands below `clodo cloud`.
type cloudState struct {
	State   string              `json:"state"` // folder
	Running bool                `json:"running"`
	Cloud   *operator.CloudInfo `json:"cloud,omitempty"`
}

func (a *app) runCloudStatus(ctx context.Context, o *cloudOptions) (reply, error) {
	dir := a.cloudDir(o)
	info, running, err := operator.CloudStatus(ctx, dir)
	if err != nil {
		return reply{}, err
	}
	state := cloudState{State: dir, Running: running}
	if running {
		state.Cloud = &info
	}
	return reply{Result: state, Text: func(w io.Writer) {
		if !running {
			fmt.Fprintf(w, "No local cloud runs for %s. Start it with: %s\n", dir, o.startHint())
			return
		}
		writeCloud(w, a.term.OutStyle(), info, dir)
	}}, nil
}

func (a *app) runCloudStop(ctx context.Context, o *cloudOptions) (reply, error) {
	dir := a.cloudDir(o)
	if a.globals.dryRun {
		return cloudReply(dir, "Would stop the local cloud of %s. Nothing was changed."), nil
	}
	ran, err := operator.StopCloud(ctx, dir)
	if err != nil {
		return reply{}, err
	}
	if !ran {
		return cloudReply(dir, "No local cloud runs for %s."), nil
	}
	return cloudReply(dir, "The local cloud of %s is stopped; what it knows is kept."), nil
}

func (a *app) runCloudReset(ctx context.Context, o *cloudOptions) (reply, error) {
	dir := a.cloudDir(o)
	if a.globals.dryRun {
		return cloudReply(dir, "Would forget everything in %s. Nothing was changed."), nil
	}
	if err := a.agree(ctx, term.Question{
		Text: "Forget every Worker, database and value in " + dir + "?", Why: "it cannot be undone", Instead: "--yes",
	}); err != nil {
		return reply{}, err
	}
	was, err := operator.ResetCloud(ctx, dir)
	if err != nil {
		return reply{}, err
	}
	if !was {
		return cloudReply(dir, "There is no local cloud in %s: nothing was forgotten."), nil
	}
	return cloudReply(dir, "The local cloud of %s is as new."), nil
}

func cloudReply(dir, sentence string) reply {
	return reply{Result: cloudState{State: dir}, Text: func(w io.Writer) { fmt.Fprintf(w, sentence+"\n", dir) }}
}
