package localcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// handlerPaths are the paths at a Worker's address that call its other handlers, as
// wrangler's local mode has them: the older and the newer.
var handlerPaths = []string{"/cdn-cgi/handler/", "/cdn-cgi/local/"}

// triggers answers these paths and leaves the rest to next.
func (c *Cloud) triggers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := ""
		for _, prefix := range handlerPaths {
			if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok {
				kind = rest
			}
		}
		if kind != "scheduled" && kind != "email" {
			next.ServeHTTP(w, r)
			return
		}
		account, script, ok := c.workers.Addressed(r.Host, r.URL)
		if !ok {
			next.ServeHTTP(w, r) // which says that nobody is there
			return
		}
		w.Header().Set(api.Header, "1")
		if kind == "email" {
			c.emailTrigger(w, r, account, script)
			return
		}
		c.cronTrigger(w, r, account, script)
	})
}

// cronTrigger runs the scheduled handler: ?cron= is what the handler is told, ?time= the
// Unix milliseconds, and ?format=json makes the answer JSON.
func (c *Cloud) cronTrigger(w http.ResponseWriter, r *http.Request, account, script string) {
	q := r.URL.Query()
	at := c.clock.Now()
	if text := q.Get("time"); text != "" {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			http.Error(w, "time is a number of milliseconds", http.StatusBadRequest)
			return
		}
		at = time.UnixMilli(ms).UTC()
	}
	d, err := c.workers.DeliverCron(r.Context(), account, script, q.Get("cron"), at)
	if err != nil {
		http.Error(w, err.Error(), triggerStatus(err))
		return
	}
	c.options.Log.Info("a cron trigger was fired by hand", "script", script, "cron", q.Get("cron"), "outcome", d.Outcome, "duration", d.Duration, "error", d.Error)
	status := http.StatusOK
	if d.Outcome != "ok" {
		status = http.StatusInternalServerError
	}
	if q.Get("format") == "json" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"outcome": d.Outcome, "noRetry": d.NoRetry}) // the client may be gone
		return
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, d.Outcome) // the client may be gone
}

// emailTrigger gives the body to the email handler: ?from= and ?to= are the envelope.
func (c *Cloud) emailTrigger(w http.ResponseWriter, r *http.Request, account, script string) {
	raw, err := c.readEmail(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q := r.URL.Query()
	m, err := c.receive(r.Context(), account, script, q.Get("from"), q.Get("to"), raw)
	switch {
	case err != nil:
		http.Error(w, err.Error(), emailStatus(err))
	case m.Outcome == "rejected":
		http.Error(w, "Worker rejected email with the following reason: "+m.Reason, http.StatusBadRequest)
	case m.Outcome != "ok":
		http.Error(w, fmt.Sprintf("the email handler ended with %s", m.Outcome), http.StatusInternalServerError)
	default:
		_, _ = io.WriteString(w, "Worker successfully processed email") // the client may be gone
	}
}

func triggerStatus(err error) int {
	if errors.Is(err, runtime.ErrNoHandler) || errors.Is(err, runtime.ErrNotDeployed) {
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}
