package cli

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

// app is one run of the command.
type app struct {
	term    *term.Terminal
	getenv  func(string) string
	stdin   io.Reader
	version string
	globals globals

	stopNotes atomic.Pointer[stopNotes] // said on Ctrl-C
	progress  term.Progress             // shows events while a plan is made or carried out
	reply     reply
	replied   bool
}

// reply is what a command answers.
type reply struct {
	Result   any             // fields of the JSON document
	Text     func(io.Writer) // the answer for people
	Findings []diag.Finding  // warnings and notes; errors come as the error
	Exit     diag.Exit       // when it is not the error's
	Own      bool            // the command wrote its own JSON
	Table    [][]string      // headings and rows for GitHub's page of the step
	Outputs  []output        // what GitHub's later steps may read
}

// output is a value that later steps of a GitHub job may read.
type output struct{ Name, Value string }

// do makes cobra's RunE of a function that answers.
func (a *app) do(run func(ctx context.Context, args []string) (reply, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel := limited(cmd.Context(), a.globals.timeout)
		defer cancel()
		r, err := run(ctx, args)
		a.reply, a.replied = r, true
		return ended(ctx, err)
	}
}

// options are the operator's options that the command line and the environment ask for.
func (a *app) options() operator.Options {
	o := operator.Options{
		Dir:        a.dir(),
		Config:     a.globals.config,
		Local:      a.globals.local,
		AccountID:  a.globals.account,
		Home:       a.getenv("CLODO_HOME"),
		StartCloud: a.startCloud,
		Observe:    a.observe,
		Notice:     func(line string) { a.term.Note("%s", line) },
		Getenv:     a.readSecret,
	}
	if o.Config != "" {
		o.Config = a.path(o.Config)
	}
	if a.globals.verbose > 0 {
		o.HTTPClient = tracedClient(a.term)
	}
	if !o.Local {
		o.APIBaseURL = a.getenv("CLOUDFLARE_API_BASE_URL")
	}
	return o
}

func (a *app) dir() string {
	if a.globals.cwd == "" {
		return "."
	}
	return a.globals.cwd
}

// path is a file or folder that was named on the command line, as seen from --cwd.
func (a *app) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.dir(), name)
}

// open makes the operator of the portfolio that the command line means.
func (a *app) open() (*operator.Operator, error) { return operator.New(a.options()) }

// selector is which targets the words of the command line mean.
func (a *app) selector(words []string) project.Selector {
	return project.Selector{
		Services:    words,
		Environment: a.globals.env,
		Customers:   a.globals.customers,
		Local:       a.globals.local,
	}
}

// everywhere calls read with what the command line selects: a command that only reads
// means every environment when none is named and several are there. Each has an
// operator of its own, because they may be on different Cloudflares.
func (a *app) everywhere(ctx context.Context, services []string, read func(*operator.Operator, project.Selector) error) error {
	op, err := a.open()
	if err != nil {
		return err
	}
	defer op.Close()
	sel := a.selector(services)
	if _, err = op.Targets(ctx, sel); !unclearEnvironment(err) {
		return read(op, sel)
	}
	var errs []error
	told := map[diag.Finding]bool{} // a token that is missing is missing in all of them
	for _, env := range op.Portfolio().Environments {
		sel.Environment = env.Name
		for _, e := range diag.Errors(a.readIn(sel, read)) {
			if len(e.Findings) > 0 || !told[e.Finding] {
				errs = append(errs, e)
			}
			told[e.Finding] = true
		}
	}
	return errors.Join(errs...)
}

func (a *app) readIn(sel project.Selector, read func(*operator.Operator, project.Selector) error) error {
	op, err := a.open()
	if err != nil {
		return err
	}
	defer op.Close()
	return read(op, sel)
}

// unclearEnvironment reports whether err says that an environment must be named.
func unclearEnvironment(err error) bool {
	unclear, ok := errors.AsType[*diag.Error](err)
	return ok && unclear.Code == "U002"
}

func (a *app) observe(e deploy.Event) {
	if a.progress != nil {
		a.progress.Event(e)
	}
}

// watch shows events until the function it gives is called.
func (a *app) watch(o term.ProgressOptions) (stop func()) {
	p := a.term.Progress(o)
	a.progress = p
	return func() {
		a.progress = nil
		p.Close()
	}
}

// passing is how events are shown while a plan is made: the plan tells the result.
func passing() term.ProgressOptions { return term.ProgressOptions{Passing: true} }

// readSecret reads a variable that a token reference names and hides its value from
// then on. What is known to be no secret stays readable.
func (a *app) readSecret(name string) string {
	value := a.getenv(name)
	public := []string{"HOME", "USER", "LOGNAME", "USERNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "HOSTNAME", "PATH", "CI", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_BASE_URL"}
	if value != "" && !slices.Contains(public, name) && !strings.HasPrefix(name, "CLODO_") && !strings.HasPrefix(name, "XDG_") &&
		!strings.HasPrefix(value, localToken) {
		a.term.Hide(value)
	}
	return value
}

// localToken begins the tokens of a local cloud, which are no secrets.
const localToken = "clodo_local_"
