package operator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
)

// workbench is Dev at work on a folder.
type workbench struct {
	t       *testing.T
	dir     string
	cloud   operator.CloudInfo
	serving chan operator.DevTarget
	failed  chan error
	invoked chan operator.DevInvocation
	started chan operator.CloudInfo
	told    chan string
}

// newWorkbench writes a portfolio of two services, does what comes before, and starts Dev.
// Its release ends it.
func newWorkbench(t *testing.T, before ...func(dir string)) *workbench {
	t.Helper()
	w := &workbench{
		t: t, dir: t.TempDir(), serving: make(chan operator.DevTarget, 64), failed: make(chan error, 64), invoked: make(chan operator.DevInvocation, 256),
		started: make(chan operator.CloudInfo, 4), told: make(chan string, 64),
	}
	write(t, w.dir, "clodo.yaml", "version: 1\nportfolio: bench\nservices:\n  api: { path: services/api }\n  web: { path: services/web }\n")
	for _, name := range []string{"api", "web"} {
		w.code(name, `new Response("`+name+` one " + env.WORD)`)
		write(t, w.dir, "services/"+name+"/wrangler.jsonc", `{ "name": "`+name+`", "main": "index.js", "compatibility_date": "2026-11-01" }`)
	}
	write(t, w.dir, "services/api/.dev.vars", "WORD=secret")
	ctx, cancel := context.WithCancel(context.Background())
	for _, do := range before {
		do(w.dir)
	}
	ended := make(chan error, 1)
	options := operator.Options{Dir: w.dir, Home: t.TempDir(), Getenv: func(string) string { return "" }, Notice: func(text string) { w.told <- text }}
	go func() {
		ended <- operator.Dev(ctx, options, operator.DevOptions{
			Started: func(info operator.CloudInfo) { w.started <- info },
			Serving: func(targets []operator.DevTarget) {
				for _, one := range targets {
					w.serving <- one
				}
			},
			Failed:  func(_ []string, err error) { w.failed <- err },
			Invoked: func(_ string, e operator.DevInvocation) { w.invoked <- e },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	select {
	case w.cloud = <-w.started:
	case err := <-ended:
		ended <- nil
		t.Fatalf("it did not begin: %v", err)
	}
	return w
}

// code writes a service whose handler's answer is an expression.
func (w *workbench) code(service, answer string) {
	w.t.Helper()
	write(w.t, w.dir, "services/"+service+"/index.js", "export default { fetch(request, env) { console.log(\"asked\"); return "+answer+"; } };\n")
}

func wait[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: nothing came", what)
	}
	return v
}

// ask sends a request to a Worker; accept is what the client wants.
func (w *workbench) ask(script, accept string) (status int, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.cloud.Data, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Host = script + ".localhost"
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (w *workbench) wants(script, want string) {
	w.t.Helper()
	if _, got := w.ask(script, "*/*"); got != want {
		w.t.Errorf("%s says %q, want %q", script, got, want)
	}
}

func TestDevRunsWhatIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	wait(t, "the first service", w.serving)
	wait(t, "the second service", w.serving)
	w.wants("api", "api one secret") // .dev.vars is read
	w.wants("web", "web one undefined")

	write(t, w.dir, "services/api/notes.txt", "of this nobody is told")
	time.Sleep(300 * time.Millisecond) // what would be told of it, would be by then
	w.code("api", `new Response("api two")`)
	if got := wait(t, "a change", w.serving); got.Service != "api" || !got.Changed {
		t.Errorf("got %+v, want api alone", got)
	}
	w.wants("api", "api two")
	w.wants("web", "web one undefined")

	// A mistake is told, is on the pages of its service, and changes nothing else.
	w.code("api", `new Response(`)
	err := wait(t, "the mistake", w.failed)
	if told, ok := errors.AsType[*diag.Error](err); !ok || diag.ExitOf(told) != diag.ExitConfig {
		t.Errorf("got %v, want findings", err)
	}
	w.wants("api", "api two")
	if status, page := w.ask("api", "text/html"); status != http.StatusInternalServerError || !strings.Contains(page, "api does not run as it is now") || !strings.Contains(page, "services/api/index.js:1") {
		t.Errorf("a browser sees %d %s", status, page)
	}
	if status, _ := w.ask("web", "text/html"); status != http.StatusOK {
		t.Errorf("the page of the other service is %d", status)
	}
	w.code("api", `new Response("api three")`)
	wait(t, "the repair", w.serving)
	if _, page := w.ask("api", "text/html"); page != "api three" {
		t.Errorf("a browser sees %s after the repair", page)
	}

	// So it is with what starts and does not work.
	w.code("web", `new Response("down", { status: 503 })`)
	wait(t, "a check that fails", w.failed)
	w.wants("web", "web one undefined")

	// The configuration may be wrong for a while too, and a service more.
	write(t, w.dir, "clodo.yaml", "version: 1\nportfolio: bench\nservices:\n  api: { path: nowhere }\n")
	wait(t, "a mistake in clodo.yaml", w.failed)
	w.wants("api", "api three")
	w.code("more", `new Response("more")`)
	write(t, w.dir, "services/more/wrangler.jsonc", `{ "name": "more", "main": "index.js", "compatibility_date": "2026-11-01" }`)
	write(t, w.dir, "clodo.yaml", "version: 1\nportfolio: bench\nservices:\n  api: { path: services/api }\n  more: { path: services/more }\n")
	for wait(t, "the new service", w.serving).Service != "more" {
	}
	w.wants("more", "more")

	// web was left out, and goes on answering: nothing deletes it.
	for !strings.HasPrefix(wait(t, "the service that left", w.told), "web is no longer in the portfolio") {
	}
	w.wants("web", "web one undefined")
}

// The cloud that Dev found running is another's, who may stop it.
func TestDevGoesOnWhenItsCloudEnds(t *testing.T) {
	t.Parallel()
	var other *operator.Operator
	w := newWorkbench(t, func(dir string) {
		other = open(t, dir)
		if _, err := other.Cloud(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	wait(t, "the first service", w.serving)
	wait(t, "the second service", w.serving)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	w.cloud = wait(t, "another cloud", w.started)
	wait(t, "the first service there", w.serving)
	w.wants("api", "api one secret")
	w.code("api", `new Response("api two")`)
	for got := wait(t, "a change", w.serving); got.Service != "api" || !got.Changed; got = wait(t, "a change", w.serving) {
	}
	w.wants("api", "api two")
}

func TestDevTellsWhatWorkersDo(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	wait(t, "the first service", w.serving)
	wait(t, "the second service", w.serving)
	w.code("api", `request.url.includes("x") ? boom : new Response("fine")`)
	wait(t, "a change", w.serving)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.cloud.Data+"/x?y=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "api.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	for {
		e := wait(t, "the invocation", w.invoked)
		if e.Check {
			continue
		}
		if e.Script != "api" || e.Method != "GET" || !strings.HasSuffix(e.URL, "/x?y=1") || e.Status != 500 || e.Outcome != "exception" ||
			len(e.Logs) != 1 || e.Logs[0].Text != "asked" || len(e.Exceptions) != 1 || !strings.Contains(e.Exceptions[0].Message, "boom") {
			t.Errorf("got %+v", e)
		}
		return
	}
}

func TestDevDoesNotBeginWithAPortfolioThatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "clodo.yaml", "version: 1\nportfolio: bench\nservices:\n  api: { path: nowhere }\n")
	err := operator.Dev(t.Context(), operator.Options{Dir: dir, Home: t.TempDir(), Getenv: func(string) string { return "" }}, operator.DevOptions{})
	if err == nil {
		t.Fatal("it ran")
	}
	if _, err := os.Stat(filepath.Join(dir, ".clodo", "cloud")); err == nil {
		t.Error("a cloud was started")
	}
}
