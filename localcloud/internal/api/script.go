package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func scriptEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/workers/scripts", Permissions: scriptsRead, handle: (*call).scripts},
		{Method: "PUT", Pattern: scriptPath, Permissions: scriptsWrite, handle: (*call).uploadScript, body: maxUpload},
		{Method: "GET", Pattern: scriptPath, Permissions: scriptsRead, handle: (*call).scriptContent},
		{Method: "GET", Pattern: scriptPath + "/content/v2", Permissions: scriptsRead, handle: (*call).scriptContent},
		{Method: "DELETE", Pattern: scriptPath, Permissions: scriptsWrite, handle: (*call).deleteScript},
		{Method: "GET", Pattern: scriptPath + "/references", Permissions: scriptsRead, handle: (*call).references},
		{Method: "GET", Pattern: accountPath + "/workers/services/{script_name}", Permissions: scriptsRead, handle: (*call).service},
		{Method: "DELETE", Pattern: accountPath + "/workers/services/{script_name}", Permissions: scriptsWrite, handle: (*call).deleteScript},
	}
}

// scriptJSON is a Worker as lists and uploads tell it; v is the version that counts.
func scriptJSON(s store.Script, v *store.Version) map[string]any {
	m := map[string]any{
		"id": s.OwnName(), "tag": s.Tag, "tags": tags(s), "created_on": stamp(s.CreatedOn), "modified_on": stamp(s.ModifiedOn),
		"logpush": s.Logpush, "usage_model": "standard", "has_assets": false, "has_modules": false,
		"handlers": []string{}, "named_handlers": []any{}, "tail_consumers": []any{},
	}
	if given(s.TailConsumers) {
		m["tail_consumers"] = s.TailConsumers
	}
	if s.MigrationTag != "" {
		m["migration_tag"] = s.MigrationTag
	}
	if given(s.Observability) {
		m["observability"] = s.Observability
	}
	if v == nil {
		return m
	}
	m["etag"], m["has_assets"], m["has_modules"] = v.Etag, v.Assets != nil, v.MainModule != ""
	m["handlers"], m["named_handlers"] = handlers(v), namedHandlers(v)
	m["compatibility_date"], m["compatibility_flags"] = v.CompatibilityDate, flags(v)
	m["last_deployed_from"] = v.Source
	return m
}

func tags(s store.Script) []string {
	if s.Tags == nil {
		return []string{}
	}
	return s.Tags
}

func handlers(v *store.Version) []string {
	if v.Handlers == nil {
		return []string{}
	}
	return v.Handlers
}

func flags(v *store.Version) []string {
	if v.CompatibilityFlags == nil {
		return []string{}
	}
	return v.CompatibilityFlags
}

func namedHandlers(v *store.Version) []map[string]any {
	out := []map[string]any{}
	for _, name := range sortedNames(v.NamedHandlers) {
		found := v.NamedHandlers[name]
		if found == nil {
			found = []string{}
		}
		out = append(out, map[string]any{"name": name, "handlers": found})
	}
	return out
}

// latestOf is the newest version of a Worker, or nil.
func latestOf(tx *store.Tx, s store.Script) (*store.Version, error) {
	v, err := tx.LatestVersion(s.Account, s.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &v, err
}

// newestBindings calls each with every binding in the newest version of each Worker of an
// account.
func newestBindings(tx *store.Tx, account string, each func(store.Script, binding)) error {
	all, err := tx.Scripts(account)
	if err != nil {
		return err
	}
	for _, s := range all {
		v, err := latestOf(tx, s)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		for _, raw := range v.Bindings {
			var b binding
			if json.Unmarshal(raw, &b) == nil {
				each(s, b)
			}
		}
	}
	return nil
}

// latest is the Worker of the path and its newest version, nil when it has none.
func (c *call) latest() (s store.Script, v *store.Version, err error) {
	err = c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		if s, err = c.script(tx); err != nil {
			return err
		}
		v, err = latestOf(tx, s)
		return err
	})
	return s, v, err
}

// script is the Worker of the path.
func (c *call) script(tx *store.Tx) (store.Script, error) {
	s, err := tx.Script(c.account.ID, c.scriptName())
	if errors.Is(err, store.ErrNotFound) {
		err = c.noScript()
	}
	return s, err
}

func (c *call) scripts() (any, error) {
	return c.listScripts(func(tx *store.Tx) ([]store.Script, error) { return tx.Scripts(c.account.ID) }, scriptJSON)
}

// listScripts shows those of all that the tags of the query match, with their newest
// versions.
func (c *call) listScripts(all func(*store.Tx) ([]store.Script, error), show func(store.Script, *store.Version) map[string]any) (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		scripts, err := all(tx)
		if err != nil {
			return err
		}
		for _, s := range scripts {
			if !tagsMatch(c.query.Get("tags"), s.Tags) {
				continue
			}
			v, err := latestOf(tx, s)
			if err != nil {
				return err
			}
			listed = append(listed, show(s, v))
		}
		return nil
	})
	return listed, err
}

// tagsMatch reads a filter such as "a:yes,b:no".
func tagsMatch(filter string, have []string) bool {
	if filter == "" {
		return true
	}
	for part := range strings.SplitSeq(filter, ",") {
		tag, want, _ := strings.Cut(part, ":")
		if slices.Contains(have, tag) == (want == "no") {
			return false
		}
	}
	return true
}

func (c *call) deleteScript() (any, error) {
	return c.exclusive(c.ctx, c.scriptName(), func() (any, error) {
		err := c.publish(func(tx *store.Tx) error {
			s, err := c.script(tx)
			if err != nil {
				return err
			}
			if c.query.Get("force") != "true" {
				if err := checkUnused(tx, s); err != nil {
					return err
				}
			}
			if err := dropDomainRecords(tx, s); err != nil {
				return err
			}
			if err := dropConsumers(tx, s); err != nil {
				return err
			}
			return tx.DeleteScript(s.Account, s.Name)
		})
		return nil, err
	})
}

// checkUnused refuses to delete a Worker that a queue, or another Worker, would miss.
func checkUnused(tx *store.Tx, s store.Script) error {
	consumer, err := consumes(tx, s.Account, s.Name)
	if err != nil {
		return err
	}
	if consumer {
		return refuse(http.StatusBadRequest, 10064, "Worker %q is still in use as a consumer for a queue. Remove the consumer first, or use force=true.", s.Name)
	}
	bound, err := boundTo(tx, s)
	if err != nil {
		return err
	}
	tailed, err := tailedBy(tx, s.Account, s.Name)
	if err != nil {
		return err
	}
	users := append(bound, tailed...)
	slices.Sort(users)
	if users = slices.Compact(users); len(users) > 0 {
		return refuse(http.StatusBadRequest, 10142, "Worker %q is referenced by %s. Use force=true to delete it all the same.", s.Name, strings.Join(users, ", "))
	}
	return nil
}

func (c *call) references() (any, error) {
	incoming := []map[string]string{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		users, err := boundTo(tx, s)
		for _, name := range users {
			incoming = append(incoming, map[string]string{"service": name, "environment": "production", "name": name})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"services":        map[string]any{"incoming": incoming, "outgoing": []any{}},
		"durable_objects": []any{}, "dispatch_outbounds": []any{},
	}, nil
}

// service is the older view of a Worker that clients ask for before a deploy.
func (c *call) service() (any, error) {
	s, v, err := c.latest()
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return nil, refuse(http.StatusNotFound, 10090, "This Worker does not exist on your account.")
	}
	if err != nil {
		return nil, err
	}
	environment := map[string]any{"environment": "production", "created_on": stamp(s.CreatedOn), "modified_on": stamp(s.ModifiedOn), "script": scriptJSON(s, v)}
	return map[string]any{
		"id": s.Name, "created_on": stamp(s.CreatedOn), "modified_on": stamp(s.ModifiedOn), "usage_model": "standard",
		"default_environment": environment, "environments": []any{environment},
	}, nil
}
