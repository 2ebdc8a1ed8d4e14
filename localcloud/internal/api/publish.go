package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/cron"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// applying bounds how long the runtime may take to serve a new state.
const applying = 60 * time.Second

// publish makes a change and serves its result, or does neither: readers of the
// store see the change only after the runtime took it.
func (a *API) publish(ctx context.Context, change func(*store.Tx) error) error {
	// Once begun it is finished, even when the client has gone: half a deployment is
	// worse than one nobody waited for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applying)
	defer cancel()
	a.serving.Lock()
	defer a.serving.Unlock()
	applied := false
	var orphans []string
	var served runtime.State
	err := a.store.Write(ctx, func(tx *store.Tx) error {
		before, err := classKeys(tx)
		if err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		after, err := classKeys(tx)
		if err != nil {
			return err
		}
		orphans = slices.DeleteFunc(before, func(key string) bool { return slices.Contains(after, key) })
		s, err := a.state(tx)
		if err != nil {
			return err
		}
		if err := a.runtime.Apply(ctx, s); err != nil {
			return startError(err)
		}
		applied, served = true, s
		return nil
	})
	if err != nil && applied {
		// The change was served but could not be kept (a full disk): serve what is kept.
		return errors.Join(err, a.serve(ctx))
	}
	if err == nil {
		a.crons.Set(jobs(served))
		// A consumer may have come or gone, or be able to take what it could not.
		if err := a.configureQueues(ctx); err != nil {
			a.log.Error("the queues could not be told of a change of the Workers", "error", err)
		}
	}
	if err == nil && len(orphans) > 0 {
		// The Worker is deployed whatever becomes of data that nobody can reach.
		if err := a.runtime.DeleteObjects(orphans...); err != nil {
			a.log.Error("the data of deleted durable object classes stays on disk", "error", err)
		}
	}
	return err
}

// classKeys are the keys of all durable object classes.
func classKeys(tx *store.Tx) ([]string, error) {
	all, err := tx.AllScripts()
	var keys []string
	for _, s := range all {
		for _, class := range s.Classes {
			keys = append(keys, class.Key)
		}
	}
	return keys, err
}

func (c *call) publish(change func(*store.Tx) error) error { return c.API.publish(c.ctx, change) }

// Serve hands the kept state to the runtime. It is how a cloud resumes after a
// restart.
func (a *API) Serve(ctx context.Context) error {
	a.serving.Lock()
	defer a.serving.Unlock()
	if err := a.configureQueues(ctx); err != nil {
		return err
	}
	return a.serve(ctx)
}

func (a *API) serve(ctx context.Context) error {
	return a.store.Read(ctx, func(tx *store.Tx) error {
		s, err := a.state(tx)
		if err != nil {
			return err
		}
		if err := a.runtime.Apply(ctx, s); err != nil {
			return fmt.Errorf("serving the deployed Workers: %w", err)
		}
		a.crons.Set(jobs(s))
		return nil
	})
}

// jobs are the cron triggers of what is served.
func jobs(s runtime.State) []cron.Job {
	var all []cron.Job
	for _, w := range s.Workers {
		for _, expression := range w.Crons {
			all = append(all, cron.Job{Account: w.Account, Script: w.Script, Expression: expression})
		}
	}
	return all
}

// startError says in Cloudflare's terms why Workers do not run.
func startError(err error) error {
	var start *runtime.StartupError
	var unsupported *runtime.UnsupportedError
	switch {
	case errors.As(err, &start):
		code := start.Code
		if code == 0 {
			code = runtime.CodeStartup
		}
		return refuse(http.StatusBadRequest, code, "%s", start.Message)
	case errors.As(err, &unsupported):
		return refuse(http.StatusNotImplemented, 100153, "%s", unsupported.Error())
	}
	return fmt.Errorf("serving the Workers: %w", err)
}

// state is everything that should be served, as tx sees it. The caller holds
// a.serving.
func (a *API) state(tx *store.Tx) (runtime.State, error) {
	var s runtime.State
	accounts, err := tx.Accounts()
	if err != nil {
		return s, err
	}
	subdomains := map[string]string{}
	for _, account := range accounts {
		subdomains[account.ID] = account.Subdomain
	}
	scripts, err := tx.AllScripts()
	if err != nil {
		return s, err
	}
	for _, script := range scripts {
		w, err := a.servedWorker(tx, script, subdomains[script.Account])
		if err != nil {
			return s, err
		}
		if len(w.Versions) > 0 {
			s.Workers = append(s.Workers, w)
		}
	}
	namespaces, err := tx.AllDispatchNamespaces()
	if err != nil {
		return s, err
	}
	for _, n := range namespaces {
		s.Namespaces = append(s.Namespaces, runtime.DispatchNamespace{ID: n.ID, Account: n.Account, Name: n.Name, Trusted: n.Trusted})
	}
	if err := a.addresses(tx, &s); err != nil {
		return s, err
	}
	a.served = map[string]*runtime.Version{}
	for _, w := range s.Workers {
		for _, share := range w.Versions {
			a.served[share.Version.ID] = share.Version
		}
	}
	return s, nil
}

func (a *API) servedWorker(tx *store.Tx, script store.Script, subdomain string) (runtime.Worker, error) {
	w := runtime.Worker{Account: script.Account, Script: script.Name, Classes: runtimeClasses(script.Classes)}
	if script.WorkersDev && subdomain != "" {
		w.WorkersDev = workersDev(script.Name, subdomain)
	}
	if script.Previews && subdomain != "" {
		w.Previews = workersDev(script.Name, subdomain)
	}
	for _, c := range script.Crons {
		w.Crons = append(w.Crons, c.Expression)
	}
	consumers, err := tailConsumers(script.TailConsumers)
	if err != nil {
		a.log.Warn("a Worker has tail consumers that cannot be read", "script", script.Name, "error", err) // they were checked since
	}
	for _, consumer := range consumers {
		w.TailConsumers = append(w.TailConsumers, consumer.Service)
	}
	active, err := tx.ActiveDeployment(script.Account, script.Name)
	if errors.Is(err, store.ErrNotFound) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	for _, share := range active.Versions {
		ready, known := a.served[share.Version]
		if !known {
			v, err := tx.Version(script.Account, script.Name, share.Version)
			if err != nil {
				return w, fmt.Errorf("reading version %s of %s: %w", share.Version, script.Name, err)
			}
			ready = a.runtimeVersion(v)
		}
		w.Versions = append(w.Versions, runtime.Share{Version: ready, Percentage: share.Percentage})
	}
	return w, nil
}

func workersDev(script, subdomain string) string { return script + "." + subdomain + ".workers.dev" }

func (a *API) addresses(tx *store.Tx, s *runtime.State) error {
	zones, err := tx.Zones()
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, z := range zones {
		names[z.ID] = z.Name
	}
	routes, err := tx.AllRoutes()
	if err != nil {
		return err
	}
	for _, r := range routes {
		s.Routes = append(s.Routes, runtime.Route{Zone: names[r.Zone], Pattern: r.Pattern, Account: r.Account, Script: r.Script})
	}
	domains, err := tx.AllDomains()
	if err != nil {
		return err
	}
	for _, d := range domains {
		s.Domains = append(s.Domains, runtime.Domain{Hostname: d.Hostname, Account: d.Account, Script: d.Script})
	}
	return nil
}

func runtimeClasses(in []store.Class) []runtime.Class {
	var out []runtime.Class
	for _, c := range in {
		out = append(out, runtime.Class{Name: c.Name, Key: c.Key, SQLite: c.SQLite})
	}
	return out
}

// runtimeVersion is a version as the runtime wants it, with files in place of
// digests.
func (a *API) runtimeVersion(v store.Version) *runtime.Version {
	out := &runtime.Version{
		ID: v.ID, Tag: v.Annotations["workers/tag"], CreatedOn: v.CreatedOn, MainModule: v.MainModule, BodyPart: v.BodyPart,
		CompatibilityDate: v.CompatibilityDate, CompatibilityFlags: v.CompatibilityFlags, Bindings: v.Bindings,
		Handlers: append([]string{}, v.Handlers...), CPULimit: cpuLimit(v.Limits),
	}
	for _, m := range v.Modules {
		if m.ContentType != sourceMap {
			out.Modules = append(out.Modules, runtime.Module{Name: m.Name, ContentType: m.ContentType, Path: a.store.Blobs.Path(m.Blob)})
		}
	}
	if v.Assets != nil {
		out.Assets = &runtime.Assets{Files: map[string]runtime.AssetFile{}, Config: v.Assets.Config}
		for path, f := range v.Assets.Files {
			out.Assets.Files[path] = runtime.AssetFile{Path: a.store.Blobs.Path(f.Blob), ContentType: f.ContentType}
		}
	}
	return out
}
