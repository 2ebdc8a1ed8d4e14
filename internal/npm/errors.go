package npm

import (
	"fmt"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

func missing(npm, name string, err error) error {
	return &diag.Error{
		Finding: diag.Finding{
			Code: "N201", Severity: diag.SeverityError,
			Message: fmt.Sprintf("%q is not on this machine, and %s is installed with it", npm, name),
			Why:     err.Error(),
			Fix:     "install Node.js with npm, or set CLODO_WORKERD to a workerd binary",
		},
		State: diag.NothingChanged, Exit: diag.ExitUnavailable, Err: err,
	}
}

// npm names its failures by code; these are the ones with an answer of their own.
var (
	integrityPattern = lazyregexp.New(`\bEINTEGRITY\b`)
	requestPattern   = lazyregexp.New(`(?m)(request to .*, reason: .*)$`) // the one line that says why, before a stack
	networkPattern   = lazyregexp.New(`\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR|E5\d\d)\b`)
)

func failure(name, output string, err error) error {
	e := &diag.Error{State: diag.NothingChanged, Exit: diag.ExitUnavailable, Err: err}
	e.Severity = diag.SeverityError
	e.Why = lastLines(output, 6)
	switch {
	case integrityPattern.MatchString(output):
		e.Code = "N203"
		e.Message = fmt.Sprintf("%s from the npm registry is not the one that clodo pins", name)
		e.Fix = "look at which registry npm uses (`npm config get registry`), or set CLODO_WORKERD to a workerd binary that you trust"
		e.Exit = diag.ExitFailed
	case networkPattern.MatchString(output):
		e.Code = "N202"
		e.Message = fmt.Sprintf("the npm registry did not answer, so %s is not installed", name)
		if line := requestPattern.FindStringSubmatch(output); line != nil {
			e.Why = line[1]
		}
		e.Fix = "connect to the network once, or set CLODO_WORKERD to a workerd binary"
		e.Retryable = true
	default:
		e.Code = "N204"
		e.Message = fmt.Sprintf("npm did not install %s", name)
		e.Fix = "repair what npm says, or set CLODO_WORKERD to a workerd binary"
		e.Exit = diag.ExitFailed
	}
	return e
}

// lastLines is the end of what npm printed, without its pointer to a log file.
func lastLines(output string, n int) string {
	var kept []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.Contains(line, "A complete log of this run") {
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept[max(0, len(kept)-n):], "\n")
}
