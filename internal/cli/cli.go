// Package cli is the clodo command: it parses, asks, calls package operator and
// shows what came back. Everything it can do, a Go program can do with operator.
package cli

import (
	"context"
	"runtime/debug"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

// Main runs the command line in args, without the name of the program, and gives
// the exit code. version is what a release build calls itself, "" otherwise. After a
// second Ctrl-C it returns at once, and the process is to end.
func Main(args []string, streams term.Streams, version string) int {
	t := term.New(streams)
	a := &app{term: t, getenv: streams.Getenv, stdin: streams.In, version: version}

	// A misspelt flag ends parsing, but its message must still come in the form and
	// the colours that the rest of the line asks for.
	t.Set(guessSettings(args, streams.Getenv))

	ctx, now, stop := a.interruptible(context.Background())
	defer stop()
	ended := make(chan diag.Exit, 1)
	go func() { ended <- a.execute(ctx, args) }()
	var exit diag.Exit
	select {
	case exit = <-ended:
	case <-now:
		t.Note("%s", a.ctrlC().second)
		exit = diag.ExitInterrupted
	}
	if err := t.Close(); err != nil && exit == diag.ExitOK {
		exit = diag.ExitFailed
	}
	return int(exit)
}

// execute runs the command and shows its answer.
func (a *app) execute(ctx context.Context, args []string) (exit diag.Exit) {
	defer func() {
		if p := recover(); p != nil {
			a.term.ReportPanic(p, debug.Stack())
			exit = diag.ExitFailed
		}
	}()
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return a.finish(cmd.CommandPath(), ended(ctx, err))
}
