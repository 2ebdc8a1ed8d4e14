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
// the exit code. version is what a release build calls itself, "" otherwise.
func Main(args []string, streams term.Streams, version string) (exit int) {
	t := term.New(streams)
	a := &app{term: t, getenv: streams.Getenv, stdin: streams.In, version: version}
	defer func() {
		if p := recover(); p != nil {
			t.ReportPanic(p, debug.Stack())
			exit = int(diag.ExitFailed)
		}
		if err := t.Close(); err != nil && exit == 0 {
			exit = int(diag.ExitFailed)
		}
	}()

	// A misspelt flag ends parsing, but its message must still come in the form and
	// the colours that the rest of the line asks for.
	t.Set(guessSettings(args, streams.Getenv))

	ctx, stop := a.interruptible(context.Background())
	defer stop()
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if a.ctx != nil {
		ctx = a.ctx
	}
	return int(a.finish(cmd.CommandPath(), ended(ctx, err)))
}
