package clodotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
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
func onceEach[V any](f func(string) (V, error)) func(string) (V, error) {
	var all sync.Map
	return func(key string) (V, error) {
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
	start := localcloud.Options{Dir: t.TempDir(), APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0", AIUpstream: o.AIUpstream}
	if o.Host != "" {
		start.Seed.Zones = []string{o.Host}
	}
	cloud, err := localcloud.Start(t.Context(), start)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := cloud.Close(ctx); err != nil {
			t.Errorf("clodotest: closing the local cloud: %v", err)
		}
	})
	u := uploader{ctx: t.Context(), info: cloud.Info()}
	if err := u.services(t, o.Services); err != nil {
		return nil, err
	}
	if err := u.service(s, o, modules); err != nil {
		return nil, err
	}
	a := &App{t: t, host: s.host(o), send: toPort{u.info.Data}, events: workerdEvents{cloud, s.worker.Name}}
	a.ctx = host.WithBindings(t.Context(), cloud.Bindings(s.worker.Name))
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

// forwarder is a Worker that hands its requests to a handler in the test's process.
const forwarder = `export default { fetch(request, env) {
	const url = new URL(request.url);
	const headers = new Headers(request.headers);
	headers.set("clodotest-host", url.host);
	return fetch(env.TO + url.pathname + url.search, { method: request.method, headers, body: request.body, redirect: "manual" });
} }`

// services uploads the Workers that stand for the services of the options.
func (u uploader) services(t testing.TB, all map[string]http.Handler) error {
	for name, handler := range all {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := &http.Server{ReadHeaderTimeout: 30 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host = r.Header.Get("Clodotest-Host")
			r.Header.Del("Clodotest-Host")
			handler.ServeHTTP(w, r)
		})}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		t.Cleanup(func() {
			_ = server.Close() // the test is over
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("clodotest: the service %s: %v", name, err)
			}
		})
		to, err := json.Marshal(map[string]string{"type": "plain_text", "name": "TO", "text": "http://" + listener.Addr().String()})
		if err != nil {
			return err
		}
		if err := u.worker(name, metadata{Main: "main.js", Date: ownDate, Bindings: []json.RawMessage{to}}, []goprogram.Module{{Name: "main.js", ContentType: "application/javascript+module", Bytes: []byte(forwarder)}}); err != nil {
			return err
		}
	}
	return nil
}

// ownDate is the compatibility date of forwarders.
const ownDate = "2026-11-01"

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
