package term

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// ReportPanic tells a person that clodo has a bug, and writes what a developer needs
// into a file: the panic and its stack, without arguments or environment, which may
// hold secrets.
func (t *Terminal) ReportPanic(p any, stack []byte) {
	if err := t.Close(); err != nil {
		_ = err // nowhere is left to tell it
	}
	where := "The report could not be written"
	if path, err := t.writeReport(p, stack); err == nil {
		where = path
	}
	fmt.Fprintf(t.Err(), "error[I901]: this is a bug in clodo: %v\n  = why: clodo came to a place that its code holds for impossible\n"+
		"  = fix: send the report to the developers: %s\nWhat was begun may be half done: `clodo status` shows what is live.\n", p, where)
}

func (t *Terminal) writeReport(p any, stack []byte) (path string, err error) {
	f, err := os.CreateTemp("", "clodo-report-*.txt")
	if err != nil {
		return "", fmt.Errorf("write the report: %w", err)
	}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	report := fmt.Sprintf("clodo %s %s %s/%s\n%s\n\n%v\n\n%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		time.Now().UTC().Format(time.RFC3339), p, stack)
	clean, _ := t.secrets.redact([]byte(report), true)
	if _, err := f.Write(clean); err != nil {
		_ = f.Close()
		return "", fmt.Errorf("write the report: %w", err)
	}
	return f.Name(), f.Close()
}
