// Command bench runs clodo and wrangler side by side on this machine and prints how
// they compare: go run ./bench. Rounds are interleaved, so that what else the machine
// does hits both; every timed answer is checked, so that nothing wrong can be fast.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// lab is where the measurements happen: a temporary folder with a stripped clodo,
// and how often each thing is measured.
type lab struct {
	root    string // the repository
	dir     string // removed at the end
	clodo   string // stripped binary
	rounds  int
	peers   []peer
	say     func(format string, a ...any) // progress, on stderr
	haveR2  bool                          // known when storage has started
	results []result
}

// sections are what can be measured, in the order of the table.
func sections() []string {
	return []string{"binary", "deploy", "serve", "reload", "storage", "fleet", "api", "router", "goservice", "validate", "feature", "dev", "scaffold", "data", "original"}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "how often each thing is measured, 1 to 50")
	only := flags.String("only", "", "sections, comma-separated: "+strings.Join(sections(), ","))
	wranglers := flags.String("wrangler", "4.86.0,4.164.0", "peers, comma-separated")
	limit := flags.Duration("timeout", 20*time.Minute, "stop after this time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || *rounds > 50 {
		return fmt.Errorf("-rounds is %d; it goes from 1 to 50", *rounds)
	}
	wanted := sections()
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()

	l := &lab{rounds: *rounds, say: func(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }}
	dir, err := os.MkdirTemp("", "clodo-bench-")
	if err != nil {
		return fmt.Errorf("make a folder to work in: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // only space is lost
	l.dir = dir
	if err := l.prepare(ctx, strings.Split(*wranglers, ",")); err != nil {
		return err
	}
	var failed []error
	for _, name := range wanted {
		measure, ok := map[string]func(context.Context) error{
			"binary": l.binary, "deploy": l.deploy, "serve": l.serve, "reload": l.reload, "storage": l.storage, "fleet": l.fleet, "api": l.api, "router": l.router, "validate": l.validate, "goservice": l.goservice, "feature": l.feature, "dev": l.dev, "scaffold": l.scaffold, "data": l.data, "original": l.original,
		}[name]
		if !ok {
			return fmt.Errorf("there is no section %q; they are %s", name, strings.Join(sections(), ", "))
		}
		if err := measure(ctx); err != nil {
			failed = append(failed, fmt.Errorf("measure %s: %w", name, err))
		}
	}
	l.print(os.Stdout)
	if missed := slices.ContainsFunc(l.results, func(r result) bool { return r.verdict() == "missed" }); missed {
		failed = append(failed, errors.New("a goal was missed"))
	}
	return errors.Join(failed...)
}

// prepare builds what is measured and installs what it is measured against.
func (l *lab) prepare(ctx context.Context, wranglers []string) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	l.root = filepath.Dir(strings.TrimSpace(string(out)))
	l.clodo = filepath.Join(l.dir, "clodo")
	if runtime.GOOS == "windows" {
		l.clodo += ".exe"
	}
	l.say("building clodo, stripped")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", l.clodo, "./cmd/clodo")
	build.Dir, build.Env = l.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build clodo: %w\n%s", err, out)
	}
	for _, version := range wranglers {
		l.say("installing wrangler %s (once)", version)
		p, err := l.install(ctx, version)
		if err != nil {
			return fmt.Errorf("install wrangler %s: %w", version, err)
		}
		l.peers = append(l.peers, p)
	}
	return nil
}
