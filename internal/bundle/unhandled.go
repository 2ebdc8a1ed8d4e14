package bundle

import (
	"bytes"

	"github.com/tamylaa/clodo/diag"
)

// warnUnhandled names what happens to a Worker in Go and is no matter of the program:
// one that handles an event imports a function of the shim, whose name says so.
func (b *build) warnUnhandled(program []byte) {
	warn := func(pos diag.Position, what, method, imported string) {
		if bytes.Contains(program, []byte(imported)) {
			return
		}
		b.warnings = append(b.warnings, diag.Finding{
			Code: "B129", Severity: diag.SeverityWarning, Pos: pos, Message: what + ", which the program does not handle",
			Why: "It never calls " + method + ", so every such event fails.",
			Fix: "register a handler with " + method + ", or remove it from " + b.worker.File,
		})
	}
	if crons := b.worker.Crons; len(crons) > 0 {
		warn(crons[0].Pos, "cron triggers fire", "clodo.App.Scheduled", "handles_scheduled")
	}
	if len(b.worker.QueueConsumers) > 0 {
		warn(diag.Position{File: b.worker.File}, "messages of a queue are delivered", "clodo.App.Queue", "handles_queue")
	}
}
