package localcloud

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/tamylaa/clodo/localcloud/internal/api"
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

//go:embed problem.html
var problemHTML string

var problemPage = template.Must(template.New("problem").Parse(problemHTML))

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
			_ = problemPage.Execute(w, map[string]string{"Title": p.Title, "Text": p.Text, "Digest": p.digest()}) // the client may be gone
		}
	})
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
