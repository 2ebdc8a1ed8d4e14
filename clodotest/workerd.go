package clodotest

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/goprogram"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/localcloud"
)

// compiled is the service in a folder, compiled once in a process.
var compiled = onceEach(func(dir string) ([]goprogram.Module, error) {
	return goprogram.Compile(context.Background(), dir, nil)
})

// onceEach is f, called once for each argument.
func onceEach[K comparable, V any](f func(K) (V, error)) func(K) (V, error) {
	var all sync.Map
	return func(key K) (V, error) {
		once, _ := all.LoadOrStore(key, sync.OnceValues(func() (V, error) { return f(key) }))
		return once.(func() (V, error))()
	}
}

// workerd runs the service on the Workers runtime, in a local cloud of its own.
func (s *service) workerd(t testing.TB, o Options) (*App, error) {
	if filepath.Ext(s.worker.Main.V) != ".go" {
		return nil, fmt.Errorf("main of %s is %q, and no Go program", s.worker.File, s.worker.Main.V)
	}
	modules, err := compiled(filepath.Join(s.worker.Dir, filepath.Dir(filepath.FromSlash(s.worker.Main.V))))
	if err != nil {
		return nil, err
	}
	// The service has its own there; the test may look at them as it does natively.
	if err := s.holdVariables(t); err != nil {
		return nil, err
	}
	u, _, err := s.cloud(t, o)
	if err != nil {
		return nil, err
	}
	if err := u.service(s, o, code{goprogram.Main, modules, nil}); err != nil {
		return nil, err
	}
	a := &App{t: t, host: s.host(o), send: toPort{u.info.Data}, events: workerdEvents{u.cloud, s.worker.Name}}
	a.ctx = host.WithBindings(t.Context(), u.cloud.Bindings(s.worker.Name))
	return a, s.migrate(a.ctx)
}

// toPort sends every request to one address, whatever its host is.
type toPort struct{ address string }

// RoundTrip sends a request.
func (p toPort) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	out.URL.Scheme, out.URL.Host = "http", p.address[len("http://"):]
	res, err := http.DefaultTransport.RoundTrip(out)
	if err == nil {
		res.Request = r
	}
	return res, err
}

// workerdEvents asks the cloud to deliver events.
type workerdEvents struct {
	cloud  *localcloud.Cloud
	script string
}

func (w workerdEvents) scheduled(ctx context.Context, cron string, at time.Time) error {
	return w.cloud.FireCron(ctx, w.script, cron, at)
}

func (w workerdEvents) deliver(ctx context.Context, queue string, all []message) (handled, error) {
	messages := make([]localcloud.QueueMessage, len(all))
	for i, m := range all {
		messages[i] = localcloud.QueueMessage{ID: m.ID, Body: m.Bytes}
		if m.Text != nil {
			messages[i].Text, messages[i].Body = true, []byte(*m.Text)
		}
	}
	d, err := w.cloud.DeliverBatch(ctx, w.script, queue, messages)
	h := handled{Ack: d.Acked}
	for _, id := range d.Retried {
		h.Retry = append(h.Retry, again{ID: id})
	}
	if d.Err != nil {
		h.Error = d.Err.Error()
	}
	return h, err
}
