package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/cron"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func triggerEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: scriptPath + "/schedules", Permissions: workersRead, handle: (*call).schedules},
		{Method: "PUT", Pattern: scriptPath + "/schedules", Permissions: scriptsWrite, handle: (*call).putSchedules},
		{Method: "GET", Pattern: scriptPath + "/subdomain", Permissions: scriptsRead, handle: (*call).scriptSubdomain},
		{Method: "POST", Pattern: scriptPath + "/subdomain", Permissions: scriptsWrite, handle: (*call).editScriptSubdomain},
		{Method: "DELETE", Pattern: scriptPath + "/subdomain", Permissions: scriptsWrite, handle: (*call).removeScriptSubdomain},
		{Method: "GET", Pattern: accountPath + "/workers/subdomain", Permissions: workersRead, handle: (*call).subdomain},
		{Method: "PUT", Pattern: accountPath + "/workers/subdomain", Permissions: scriptsWrite, handle: (*call).putSubdomain},
		{Method: "GET", Pattern: accountPath + "/workers/subdomains/{subdomain}", Permissions: scriptsRead, handle: (*call).subdomainIsFree},
		{Method: "GET", Pattern: accountPath + "/workers/account-settings", handle: (*call).accountSettings},
		{Method: "GET", Pattern: accountPath + "/workers/durable_objects/namespaces", Permissions: workersRead, handle: (*call).objectNamespaces},
	}
}

func schedulesJSON(crons []store.Cron) map[string]any {
	listed := []map[string]string{}
	for _, cron := range crons {
		listed = append(listed, map[string]string{"cron": cron.Expression, "created_on": stamp(cron.CreatedOn), "modified_on": stamp(cron.CreatedOn)})
	}
	return map[string]any{"schedules": listed}
}

func (c *call) schedules() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		result = schedulesJSON(s.Crons)
		return err
	})
	return result, err
}

// putSchedules replaces all crons of a Worker.
func (c *call) putSchedules() (any, error) {
	var in []struct {
		Cron string `json:"cron"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	for _, entry := range in {
		if _, err := cron.Parse(entry.Cron); err != nil {
			return nil, refuse(http.StatusBadRequest, 10004, "Cron expression %q: %s.", entry.Cron, err)
		}
	}
	var s store.Script
	err := c.changeScript(func(tx *store.Tx, script *store.Script) error {
		var crons []store.Cron
		for _, entry := range in {
			one := store.Cron{Expression: entry.Cron, CreatedOn: c.now()}
			if i := slices.IndexFunc(script.Crons, func(old store.Cron) bool { return old.Expression == entry.Cron }); i >= 0 {
				one = script.Crons[i]
			}
			if !slices.ContainsFunc(crons, func(other store.Cron) bool { return other.Expression == one.Expression }) {
				crons = append(crons, one)
			}
		}
		if err := c.checkCronCount(tx, script.Name, len(crons)); err != nil {
			return err
		}
		script.Crons = crons
		s = *script
		return nil
	})
	if err != nil {
		return nil, err
	}
	return schedulesJSON(s.Crons), nil
}

// changeScript edits what belongs to the Worker and serves the result.
func (c *call) changeScript(edit func(*store.Tx, *store.Script) error) error {
	_, err := c.exclusive(c.ctx, c.scriptName(), func() (any, error) {
		return nil, c.publish(func(tx *store.Tx) error {
			s, err := c.script(tx)
			if err != nil {
				return err
			}
			if err := edit(tx, &s); err != nil {
				return err
			}
			return tx.PutScript(s)
		})
	})
	return err
}

// FireCron runs a Worker's scheduled handler now, as if its time had come. It is for
// people and tests on this machine; Cloudflare has no such call.
func (a *API) FireCron(w http.ResponseWriter, req *http.Request) {
	w.Header().Set(Header, "1")
	c := &call{API: a, ctx: req.Context(), req: req, w: w, query: req.URL.Query(), vars: map[string]string{
		"account_id": req.PathValue("account_id"), "script_name": req.PathValue("script_name"),
	}}
	a.logged(req, func() error {
		result, err := c.fireCron()
		return send(w, result, err)
	}())
}

func (c *call) fireCron() (any, error) {
	if err := c.authorize(scriptsWrite); err != nil {
		return nil, err
	}
	cron := c.query.Get("cron")
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		if cron == "" && len(s.Crons) > 0 {
			cron = s.Crons[0].Expression
		}
		if !slices.ContainsFunc(s.Crons, func(known store.Cron) bool { return known.Expression == cron }) {
			return refuse(http.StatusNotFound, 10004, "Worker %q has no cron trigger %q.", s.Name, cron)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	at := c.now()
	d, err := c.runtime.DeliverCron(c.ctx, c.account.ID, c.scriptName(), cron, at)
	if err == nil && d.Outcome != "ok" {
		err = fmt.Errorf("its outcome is %s, and the Worker's logs have what was thrown", d.Outcome)
		if d.Error != "" {
			err = fmt.Errorf("its outcome is %s: %s", d.Outcome, d.Error)
		}
	}
	if err != nil {
		return nil, refuse(http.StatusBadGateway, 10013, "The scheduled handler of Worker %q did not end well: %s", c.scriptName(), err)
	}
	return map[string]string{"cron": cron, "scheduled_time": stamp(at)}, nil
}

// The Worker's own address on workers.dev.

func subdomainJSON(s store.Script) map[string]bool {
	return map[string]bool{"enabled": s.WorkersDev, "previews_enabled": s.Previews}
}

func (c *call) scriptSubdomain() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		result = subdomainJSON(s)
		return err
	})
	return result, err
}

func (c *call) editScriptSubdomain() (any, error) {
	var in struct {
		Enabled  *bool `json:"enabled"`
		Previews *bool `json:"previews_enabled"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Enabled == nil {
		return nil, refuse(http.StatusBadRequest, 10001, "The body must say whether the subdomain is `enabled`.")
	}
	if *in.Enabled && c.account.Subdomain == "" {
		return nil, noSubdomain()
	}
	var s store.Script
	err := c.changeScript(func(_ *store.Tx, script *store.Script) error {
		script.WorkersDev, script.Previews = *in.Enabled, *in.Enabled
		if in.Previews != nil {
			script.Previews = *in.Previews
		}
		s = *script
		return nil
	})
	if err != nil {
		return nil, err
	}
	return subdomainJSON(s), nil
}

func noSubdomain() error {
	return refuse(http.StatusBadRequest, 10063, "This account has no workers.dev subdomain.")
}

func (c *call) removeScriptSubdomain() (any, error) {
	err := c.changeScript(func(_ *store.Tx, script *store.Script) error {
		script.WorkersDev, script.Previews = false, false
		return nil
	})
	if err != nil {
		return nil, err
	}
	return subdomainJSON(store.Script{}), nil
}

// objectNamespaces lists the durable object classes of the account.
func (c *call) objectNamespaces() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.Scripts(c.account.ID)
		for _, s := range all {
			for _, class := range s.Classes {
				listed = append(listed, map[string]any{"id": class.Key, "name": s.Name + "_" + class.Name, "script": s.Name, "class": class.Name, "use_sqlite": class.SQLite})
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cut(pages{1, 20, 1000}, c.query, listed)
}
