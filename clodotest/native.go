package clodotest

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/inprocess"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/migrate"
)

// native runs the service in this process.
func (s *service) native(t testing.TB, build func() (http.Handler, error), o Options) (*App, error) {
	a := &App{t: t, host: s.host(o)}
	bindings, err := s.backing(t, o, a)
	if err != nil {
		return nil, err
	}
	a.ctx = host.WithBindings(t.Context(), bindings)
	if err := s.migrate(a.ctx); err != nil {
		return nil, err
	}
	if err := s.holdVariables(t); err != nil {
		return nil, err
	}
	service, err := build()
	if err != nil {
		return nil, err
	}
	var tasks sync.WaitGroup
	t.Cleanup(tasks.Wait) // before the bindings are closed
	bound := func(f http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f(w, r.WithContext(host.WithTasks(host.WithBindings(r.Context(), bindings), &tasks)))
		})
	}
	a.handler = bound(service.ServeHTTP)
	a.send = inprocess.Transport{Handler: a.handler}
	if e, ok := service.(eventHandler); ok {
		a.events = nativeEvents{inprocess.Transport{Handler: bound(e.ServeEvent)}, bindings, s.worker.Name}
	} else {
		a.events = nativeEvents{inprocess.Transport{Handler: http.NotFoundHandler()}, bindings, s.worker.Name}
	}
	return a, nil
}

// backing are the stores of the test, or those of a local cloud, where Workers run beside
// the service.
func (s *service) backing(t testing.TB, o Options, app http.Handler) (backing, error) {
	if len(o.Workers) > 0 {
		return s.beside(t, o, app)
	}
	data, err := localcloud.OpenData(localcloud.DataOptions{Dir: t.TempDir(), AIUpstream: o.AIUpstream})
	if err != nil {
		return backing{}, err
	}
	t.Cleanup(func() {
		if err := data.Close(); err != nil {
			t.Errorf("clodotest: closing the bindings: %v", err)
		}
	})
	metadata, err := s.metadata()
	if err != nil {
		return backing{}, err
	}
	bindings, err := data.Bindings(t.Context(), localcloud.Program{
		Script: s.worker.Name, Bindings: metadata, Service: o.service,
		Without: "name the service that has it in clodotest.Options.Workers",
	})
	if err != nil {
		return backing{}, err
	}
	for name, index := range o.Indexes {
		if err := data.CreateIndex(t.Context(), name, index.Dimensions, index.Metric); err != nil {
			return backing{}, err
		}
	}
	return backing{bindings, data}, s.stores(t.Context(), data, o.Secrets)
}

// service is what answers a service binding; nil is nothing.
func (o Options) service(script, entrypoint string) http.Handler {
	if entrypoint != "" {
		script += "#" + entrypoint
	}
	return o.Services[script]
}

// eventHandler is a service that more happens to than requests, such as a *clodo.App.
type eventHandler interface {
	ServeEvent(http.ResponseWriter, *http.Request)
}

func (s *service) host(o Options) string {
	if o.Host != "" {
		return o.Host
	}
	return s.worker.Name + ".localhost"
}

// migrate applies the migrations of every database.
func (s *service) migrate(ctx context.Context) error {
	for _, b := range s.worker.Bindings {
		if b.Kind != "d1" || b.MigrationsDir == "" {
			continue
		}
		shown, err := filepath.Rel(s.target.Root, b.MigrationsDir)
		if err != nil {
			shown = b.MigrationsDir
		}
		files, found := migrate.ReadDir(b.MigrationsDir, filepath.ToSlash(shown))
		if err := diag.Findings(found); err != nil {
			return err
		}
		db := database{d1.Open(b.Name)}
		if err := migrate.Ensure(ctx, db, b.MigrationsTable); err != nil {
			return err
		}
		for _, f := range files {
			if _, err := migrate.Apply(ctx, db, b.MigrationsTable, "test", f); err != nil {
				return fmt.Errorf("the database of %s: %w", b.Name, err)
			}
		}
	}
	return nil
}

// database is a binding as package migrate wants a database.
type database struct{ db *d1.DB }

// Query implements [migrate.Database]. A text of several statements is one transaction.
func (d database) Query(ctx context.Context, sql string, params ...any) ([]map[string]any, error) {
	result, err := d.db.Prepare(sql).Bind(params...).All(ctx)
	if err != nil {
		return nil, err
	}
	var rows []map[string]any
	for result.Next() {
		row := map[string]any{}
		values := make([]any, len(result.Columns()))
		dest := make([]any, len(values))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := result.Scan(dest...); err != nil {
			return nil, err
		}
		for i, name := range result.Columns() {
			row[name] = values[i]
		}
		rows = append(rows, row)
	}
	return rows, result.Err()
}
