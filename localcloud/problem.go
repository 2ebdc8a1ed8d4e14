package localcloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/markup"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// Problem is why the newest source of a Worker does not run. While a Worker has one,
// browsers that ask it for a page are shown the problem instead; all other requests
// go to the version that runs, and are answered with ProblemHeader.
type Problem struct {
	Title string `json:"title"`
	Text  string `json:"text"` // shown as it is, in a fixed-width font
}

// ProblemHeader is in the answers of a Worker that has a Problem: its digest.
const ProblemHeader = "X-Clodo-Problem"

func (p Problem) digest() string {
	sum := sha256.Sum256([]byte(p.Title + "\x00" + p.Text))
	return hex.EncodeToString(sum[:8])
}

// problems are those of all Workers. They are not kept over a restart.
type problems struct {
	mu    sync.RWMutex
	known map[scriptID]Problem
}

type scriptID struct{ account, script string }

func (ps *problems) set(id scriptID, p Problem) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.known == nil {
		ps.known = map[scriptID]Problem{}
	}
	ps.known[id] = p
}

func (ps *problems) remove(id scriptID) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.known, id)
}

func (ps *problems) clear() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	clear(ps.known)
}

// problemOf is the problem of the Worker that a request is for. A Worker that never ran is
// known by its name in the host alone.
func (c *Cloud) problemOf(r *http.Request) (Problem, bool) {
	c.problems.mu.RLock()
	defer c.problems.mu.RUnlock()
	if len(c.problems.known) == 0 {
		return Problem{}, false
	}
	if account, script, ok := c.workers.Addressed(r.Host, r.URL); ok {
		p, ok := c.problems.known[scriptID{account, script}]
		return p, ok
	}
	name, ok := strings.CutSuffix(runtime.Hostname(r.Host), ".localhost")
	for id, p := range c.problems.known {
		if ok && id.script == name {
			return p, true
		}
	}
	return Problem{}, false
}

// withProblems shows browsers why the newest source of a Worker does not run.
func (c *Cloud) withProblems(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := c.problemOf(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set(ProblemHeader, p.digest())
		if !wantsPage(r) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set(api.Header, "1")
		h.Set("Content-Type", "text/html; charset=UTF-8")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusInternalServerError)
		if r.Method != http.MethodHead {
			var b markup.Builder
			p.write(&b)
			_, _ = b.WriteTo(w) // the client may be gone
		}
	})
}

// write writes the page of a problem, which looks whether that is still there.
func (p Problem) write(b *markup.Builder) {
	b.Print(`<!doctype html>
<html lang="en" data-problem="%s">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 60rem; padding: 0 1rem }
  h1 { font-size: 1.25rem; color: light-dark(#b3261e, #f2b8b5) }
  pre { font: 14px/1.5 ui-monospace, monospace; padding: 1rem; overflow-x: auto; border-left: 4px solid light-dark(#b3261e, #f2b8b5); background: light-dark(#f6f6f6, #1f1f1f) }
  p { color: light-dark(#555, #aaa) }
</style>
<h1>%s</h1>
<pre>%s</pre>
<p>This page goes away by itself when the source is repaired. Requests other than a browser's for a page are answered by the version that ran before, if there is one.</p>
<script>
  const look = () => fetch(location.href, { method: "HEAD", headers: { accept: "text/html" }, cache: "no-store" });
  setInterval(async () => {
    try {
      if ((await look()).headers.get("x-clodo-problem") !== document.documentElement.dataset.problem) location.reload();
    } catch {} // the local cloud is gone, or has not begun again
  }, 500);
</script>
</html>
`, p.digest(), p.Title, p.Title, p.Text)
}

// wantsPage reports whether a browser asks for a page to show, or the page of a problem
// whether that is still there.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (c *Cloud) putProblem(w http.ResponseWriter, r *http.Request) {
	var p Problem
	if read(w, r, &p) {
		c.problems.set(scriptID{r.PathValue("account_id"), r.PathValue("script_name")}, p)
		answer(w, http.StatusOK, p)
	}
}

func (c *Cloud) deleteProblem(w http.ResponseWriter, r *http.Request) {
	c.problems.remove(scriptID{r.PathValue("account_id"), r.PathValue("script_name")})
	answer(w, http.StatusOK, map[string]any{})
}

// SetProblem gives a Worker of the running cloud that info describes a Problem; nil
// takes it away.
func SetProblem(ctx context.Context, info Info, account, script string, p *Problem) error {
	path := "/local/accounts/" + url.PathEscape(account) + "/workers/scripts/" + url.PathEscape(script) + "/problem"
	if p == nil {
		return control(ctx, info.API, info.APIToken, http.MethodDelete, path, nil, nil)
	}
	return control(ctx, info.API, info.APIToken, http.MethodPut, path, p, nil)
}
