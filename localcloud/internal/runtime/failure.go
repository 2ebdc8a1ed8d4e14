package runtime

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/workerd"
)

// absentEntrypoint is how workerd says that a binding names an entrypoint that is
// not there: it does not start then.
var absentEntrypoint = lazyregexp.New(`refers to service "([^"]*)" with a named entrypoint "([^"]*)", but`)

// absentIn are the entrypoints that a failed start complains of.
func absentIn(err error) []workerd.Designator {
	var failed *workerd.StartError
	if !errors.As(err, &failed) {
		return nil
	}
	var all []workerd.Designator
	for _, m := range absentEntrypoint.FindAllStringSubmatch(failed.Text, -1) {
		all = append(all, workerd.Designator{Service: m[1], Entrypoint: m[2]})
	}
	return all
}

// startupError tells a failed start in the words of the runtime about the Worker,
// without the names that only this package knows.
func startupError(err error) error {
	var failed *workerd.StartError
	if !errors.As(err, &failed) {
		return err
	}
	var kept []string
	for line := range strings.Lines(failed.Text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "service probe:") {
			break // says the same again
		}
		if strings.Contains(line, ": warning: ") {
			continue
		}
		kept = append(kept, servicePrefix.ReplaceAllString(line, ""))
	}
	message := strings.TrimSpace(strings.Join(kept, "\n"))
	if message == "" {
		message = failed.Text
	}
	return &StartupError{Message: message, Code: CodeStartup}
}

// brokenIn are the Workers that a failed start complains of, and what they did.
func brokenIn(err error) map[string]string {
	var failed *workerd.StartError
	if !errors.As(err, &failed) {
		return nil
	}
	all := map[string]string{}
	for line := range strings.Lines(failed.Text) {
		if m := serviceFailure.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			all[m[1]] = fmt.Sprintf("the Worker %q does not start: %s", m[2], m[3])
		}
	}
	return all
}

var serviceFailure = lazyregexp.New(`^service (worker:([^@]*)@[^:]*): (.*)$`)

var servicePrefix = lazyregexp.New(`^service (?:worker|assets):[^@]*@[^:]*: `)
