package clodo

import (
	"context"
	"net/http"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// ScheduledEvent is a moment at which a cron trigger fired.
type ScheduledEvent struct {
	Cron string    // the expression, as the wrangler file has it
	Time time.Time // that it was meant for, in UTC
}

// ScheduledHandler does what is to be done then. Its error, or panic, fails the invocation,
// which Cloudflare does not repeat.
type ScheduledHandler = func(context.Context, ScheduledEvent) error

// Scheduled registers the handler of a cron trigger; with "" it is for those that no
// other one is for. Like [Router.Handle] it panics when there is one already.
func (a *App) Scheduled(cron string, h ScheduledHandler) {
	host.HandlesScheduled()
	if a.scheduled[cron] != nil {
		panic("clodo: two handlers for the cron trigger " + quoted(cron))
	}
	a.scheduled[cron] = h
	a.events["scheduled"] = a.serveScheduled
}

func (a *App) serveScheduled(_ http.ResponseWriter, r *http.Request, _ *outcome) error {
	at, err := milliseconds(r.URL.Query().Get("time"))
	if err != nil {
		return err
	}
	e := ScheduledEvent{Cron: r.URL.Query().Get("cron"), Time: at}
	h := a.scheduled[e.Cron]
	if h == nil {
		h = a.scheduled[""]
	}
	if h == nil {
		return noHandler("the cron trigger %q", e.Cron)
	}
	return guarded(r.Context(), func() error { return h(r.Context(), e) })
}
