package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
)

// demoOptions are the words and flags of `clodo demo`.
type demoOptions struct {
	dir  string
	exit bool // end after the demo, for build servers
}

// defaultDemoDir is where the demo goes when no folder is named.
const defaultDemoDir = "clodo-demo"

func newDemoCmd(a *app, run func(context.Context, *demoOptions) (reply, error)) *cobra.Command {
	o := &demoOptions{}
	c := &cobra.Command{
		Use:   "demo [DIR]",
		Short: "see it working on this machine, no account needed",
		Example: "  clodo demo                 keeps serving until Ctrl-C\n" +
			"  clodo demo /tmp/try --exit ends when it is done, for build servers",
		Long: "Writes a small portfolio of services in TypeScript and, where Go is installed, one\n" +
			"in Go, starts a Cloudflare on this machine, plans, deploys to two environments,\n" +
			"tests, ships a version that fails and shows it undone. Every line that it prints\n" +
			"was measured.",
		GroupID: blockStart, Args: words(0, "DIR"),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.dir = defaultDemoDir
			if len(args) > 0 {
				o.dir = args[0]
			}
			return run(ctx, o)
		}),
	}
	c.Flags().BoolVar(&o.exit, "exit", false, "end when it is done instead of serving on")
	return c
}

// demoDocument is the answer of `clodo demo --exit --json`.
type demoDocument struct {
	Dir     string `json:"dir"`
	Serving bool   `json:"serving"`
}

func (a *app) runDemo(ctx context.Context, o *demoOptions) (reply, error) {
	if a.globals.dryRun {
		return reply{Result: demoDocument{Dir: o.dir}, Text: func(w io.Writer) {
			fmt.Fprintf(w, "Would write a portfolio into %s and run them on this machine. Nothing was changed.\n", o.dir)
		}}, nil
	}
	a.onStop(stopsDemo)
	stage := &stages{app: a}
	op, err := operator.Demo(ctx, operator.DemoOptions{
		Dir: a.path(o.dir), Heading: stage.begin, Line: func(line string) { a.term.Note("  %s", line) },
		Observe: a.observe, Getenv: a.readSecret,
	})
	stage.end()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	r := reply{Result: demoDocument{Dir: o.dir}}
	if !o.exit {
		writeNext(a.term.Out(), o.dir)
		a.term.Note("\nServing. Ctrl-C stops it.")
		<-ctx.Done()
		return r, nil
	}
	r.Text = func(w io.Writer) {
		fmt.Fprintf(w, "\nThe demo is in %s. Run it on with: clodo demo %s\n", o.dir, o.dir)
	}
	return r, nil
}

func writeNext(w io.Writer, dir string) {
	fmt.Fprintf(w, "\nNext, in another terminal:\n  cd %s\n"+
		"  clodo status --local -e production        what runs where\n"+
		"  clodo config explain api -e production    where every setting comes from\n"+
		"  clodo rollback api --local -e production  the version before, with its routes\n"+
		"Then change services/api/src/index.ts and:\n"+
		"  clodo deploy api --local -e staging\n", dir)
}

// stages shows the stages of the demo: a heading, and the events below it.
type stages struct {
	app  *app
	stop func()
}

func (s *stages) begin(heading string) {
	s.end()
	s.app.term.Note("\n%s", s.app.term.ErrStyle().Bold(heading))
	s.stop = s.app.watch(term.ProgressOptions{})
}

func (s *stages) end() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}
