package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
)

func newDevCmd(a *app, run func(context.Context, []string) (reply, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "dev [SERVICE…]",
		Short: "run services on this machine, and again whenever a file changes",
		Example: "  clodo dev                  all services, until Ctrl-C\n" +
			"  clodo dev orders           one of them\n" +
			"  clodo dev -e staging       as in this environment",
		Long: "Deploys the services to the Cloudflare on this machine and shows what their Workers\n" +
			"do: every request, what is logged, every exception. When a file of a service\n" +
			"changes it is deployed again, in a moment. What cannot be built, or does not pass\n" +
			"its checks, is told here and on the service's pages in a browser; the version\n" +
			"before goes on answering all other requests. Secrets come from .dev.vars beside the\n" +
			"wrangler file. The data is kept from one time to the next.",
		GroupID: blockStart, Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(run),
	}
}

func (a *app) runDev(ctx context.Context, services []string) (reply, error) {
	o := a.options()
	o.APIBaseURL, o.Local = "", true
	if a.globals.dryRun {
		return reply{}, usage("clodo plan --local", "clodo dev has no dry run: it does one thing after the other until it is stopped")
	}
	a.onStop(stopsDev)
	sel := a.selector(services)
	sel.Local = true
	d := &devView{app: a, out: a.term.OutStyle()}
	told := operator.DevOptions{
		Selector: sel, Started: d.started, Generated: d.generated, Deploying: d.deploying, Serving: d.serving, Failed: d.failed, Invoked: d.invoked,
	}
	return reply{Own: true}, operator.Dev(ctx, o, told)
}

// devView shows what happens in `clodo dev`: lines for people, or a line of JSON each.
type devView struct {
	app      *app
	out      term.Style
	services []string // in the order in which they came up: each has its colour
	told     bool     // the addresses were shown
}

// devEvent is a line of `clodo dev --json`.
type devEvent struct {
	Event    string                  `json:"event"` // started, generated, deploying, serving, failed, invoked
	Cloud    *operator.CloudInfo     `json:"cloud,omitempty"`
	Services []string                `json:"services,omitempty"`
	Files    []string                `json:"files,omitempty"`
	URL      string                  `json:"url,omitempty"`
	Changed  *bool                   `json:"changed,omitempty"`
	Seconds  float64                 `json:"seconds,omitempty"`
	Findings []diag.Finding          `json:"findings,omitempty"`
	Invoked  *operator.DevInvocation `json:"invocation,omitempty"`
}

// line writes a line of JSON when that is asked for.
func (d *devView) line(e devEvent) (written bool) {
	if !d.app.term.Machine() {
		return false
	}
	b, err := json.Marshal(e)
	if err != nil {
		return true // it has no such values
	}
	_, _ = d.app.term.Out().Write(append(b, '\n')) // whoever reads may be gone
	return true
}

func (d *devView) started(info operator.CloudInfo) {
	if d.line(devEvent{Event: "started", Cloud: &info}) {
		return
	}
	page := strings.TrimSuffix(info.API, "client/v4")
	d.app.term.Note("A Cloudflare on this machine: databases, requests and logs at %s", page)
}

func (d *devView) generated(files []string) {
	if d.line(devEvent{Event: "generated", Files: files}) {
		return
	}
	d.app.term.Note("%s", d.out.Dim("generated "+strings.Join(files, ", ")))
}

func (d *devView) deploying(services []string) {
	if d.line(devEvent{Event: "deploying", Services: services}) {
		return
	}
	d.app.term.Note("%s", d.out.Dim("deploying "+strings.Join(services, ", ")))
}

func (d *devView) serving(targets []operator.DevTarget) {
	for _, t := range targets {
		if d.line(devEvent{Event: "serving", Services: []string{t.Service}, URL: t.URL, Changed: &t.Changed, Seconds: t.Took.Seconds()}) {
			continue
		}
		state := fmt.Sprintf("live in %d ms", t.Took.Milliseconds())
		if !t.Changed {
			state = "as before"
		}
		fmt.Fprintf(d.app.term.Out(), "%s %s  %s  %s\n", d.out.Green("✓"), d.name(t.Service), t.URL, d.out.Dim(state))
	}
	if !d.told && !d.app.term.Machine() {
		d.app.term.Note("%s", d.out.Dim("Waiting for requests and for changes of files. Ctrl-C stops it."))
	}
	d.told = true
}

func (d *devView) failed(services []string, err error) {
	var findings []diag.Finding
	for _, p := range diag.Errors(err) {
		findings = append(findings, p.Details()...)
	}
	if d.line(devEvent{Event: "failed", Services: services, Findings: findings}) {
		return
	}
	what := "does not run as it is now; the version before, if there is one, still does"
	if len(services) > 1 {
		what = "do not run as they are now; the versions before, where there are any, still do"
	}
	fmt.Fprintf(d.app.term.Out(), "%s %s  %s\n", d.out.Red("✗"), d.name(services...), what)
	_ = d.app.findingRenderer().Render(d.app.term.Err(), findings) // a stderr that is gone leaves nobody to tell
}

// invoked shows what a Worker was asked and did, and what it had to say.
func (d *devView) invoked(service string, e operator.DevInvocation) {
	if d.line(devEvent{Event: "invoked", Services: []string{service}, Invoked: &e}) {
		return
	}
	var b strings.Builder
	begin := d.out.Dim(e.Time.Local().Format(time.TimeOnly)) + " " + d.name(service) + " "
	if e.Missed > 0 {
		fmt.Fprintf(&b, "%s%s\n", begin, d.out.Yellow(fmt.Sprintf("%d invocations came too fast to be shown", e.Missed)))
	}
	b.WriteString(begin + d.summary(e) + "\n")
	for _, l := range e.Logs {
		text := l.Text
		switch l.Level {
		case "error":
			text = d.out.Red(text)
		case "warn":
			text = d.out.Yellow(text)
		}
		writeIndented(&b, begin+"  ", text)
	}
	for _, x := range e.Exceptions {
		text := x.Name + ": " + x.Message
		if strings.Contains(x.Stack, x.Message) {
			text = x.Stack
		}
		writeIndented(&b, begin+"  ", d.out.Red(text))
	}
	_, _ = d.app.term.Out().Write([]byte(b.String())) // whoever reads may be gone
}

func writeIndented(b *strings.Builder, begin, text string) {
	for line := range strings.Lines(text) {
		b.WriteString(begin + strings.TrimRight(line, "\n") + "\n")
	}
}

// summary is an invocation in one line.
func (d *devView) summary(e operator.DevInvocation) string {
	what := e.Trigger
	if e.Method != "" {
		what = e.Method + " " + pathOf(e.URL)
	}
	if e.Status != 0 {
		what += " " + d.status(e.Status)
	}
	if e.Outcome != "ok" {
		what += " " + d.out.Red(e.Outcome)
	}
	if e.Check {
		what += d.out.Dim(" clodo's check")
	}
	if e.Took >= 0 {
		what += " " + d.out.Dim(fmt.Sprintf("%.1f ms", float64(e.Took)/float64(time.Millisecond)))
	}
	return what
}

func (d *devView) status(code int) string {
	text := fmt.Sprint(code)
	switch {
	case code >= 500:
		return d.out.Red(text)
	case code >= 400:
		return d.out.Yellow(text)
	}
	return d.out.Green(text)
}

// pathOf leaves out of a URL what everybody knows.
func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.RequestURI()
}

// name is services in their colours, padded so that what follows is aligned.
func (d *devView) name(services ...string) string {
	paints := []func(string) string{d.out.Cyan, d.out.Green, d.out.Yellow, d.out.Bold}
	width, all := 0, make([]string, len(services))
	for i, s := range services {
		if !slices.Contains(d.services, s) {
			d.services = append(d.services, s)
		}
		all[i] = paints[slices.Index(d.services, s)%len(paints)](s)
		width += len(s)
	}
	longest := 0
	for _, s := range d.services {
		longest = max(longest, len(s))
	}
	return strings.Join(all, ", ") + strings.Repeat(" ", max(0, longest-width))
}
