package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func versionEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "POST", Pattern: scriptPath + "/versions", Permissions: scriptsWrite, handle: (*call).uploadVersion, body: maxUpload},
		{Method: "GET", Pattern: scriptPath + "/versions", Permissions: scriptsRead, handle: (*call).versions},
		{Method: "GET", Pattern: scriptPath + "/versions/{version_id}", Permissions: scriptsRead, handle: (*call).versionDetails},
	}
}

func versionSummary(s store.Script, v store.Version) map[string]any {
	preview := hasPreview(s, v)
	return map[string]any{
		"id": v.ID, "number": v.Number, "annotations": v.Annotations,
		"metadata": map[string]any{
			"created_on": stamp(v.CreatedOn), "modified_on": stamp(v.CreatedOn), "source": v.Source,
			"author_id": localUser, "author_email": localEmail, "hasPreview": preview, "has_preview": preview,
		},
	}
}

// hasPreview reports whether a version answers at a preview URL. As on Cloudflare it does
// not when its Worker has durable objects; here neither when it is bound to others'.
func hasPreview(s store.Script, v store.Version) bool {
	_, bound := bindingOfType(v.Bindings, "durable_object_namespace")
	return s.Previews && len(s.Classes) == 0 && !bound
}

// Previewed is the version that a preview URL of a Worker means: by the 8 digits with
// which its id begins, or by its alias. It is nil when there is none.
func (a *API) Previewed(ctx context.Context, account, script, name string) (*runtime.Version, error) {
	var found *runtime.Version
	err := a.store.Read(ctx, func(tx *store.Tx) error {
		v, err := tx.VersionNamed(account, script, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			found = a.runtimeVersion(v)
		}
		return err
	})
	return found, err
}

func versionJSON(s store.Script, v store.Version) map[string]any {
	m := versionSummary(s, v)
	m["startup_time_ms"] = v.StartupMS
	ran := map[string]any{"compatibility_date": v.CompatibilityDate, "compatibility_flags": flags(&v), "usage_model": "standard"}
	if v.MigrationTag != "" {
		ran["migration_tag"] = v.MigrationTag
	}
	if given(v.Limits) {
		ran["limits"] = v.Limits
	}
	m["resources"] = map[string]any{
		"bindings":       shown(v.Bindings),
		"script":         map[string]any{"etag": v.Etag, "handlers": handlers(&v), "named_handlers": namedHandlers(&v), "last_deployed_from": v.Source},
		"script_runtime": ran,
	}
	return m
}

// versionOf is a version of a Worker, refused in Cloudflare's words when missing.
func (c *call) versionOf(tx *store.Tx, s store.Script, id string) (store.Version, error) {
	v, err := tx.Version(s.Account, s.Name, id)
	if errors.Is(err, store.ErrNotFound) {
		err = refuse(http.StatusNotFound, 10071, "This Worker has no version %q.", id)
	}
	return v, err
}

func (c *call) versions() (any, error) {
	var s store.Script
	var all []store.Version
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		if s, err = c.script(tx); err != nil {
			return err
		}
		all, err = tx.Versions(s.Account, s.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	items := []map[string]any{}
	if c.query.Get("deployable") == "true" {
		for _, v := range all[:min(deployable, len(all))] {
			items = append(items, versionSummary(s, v))
		}
		return map[string]any{"items": items}, nil
	}
	for _, v := range all { // wrangler looks for the secrets in this list
		items = append(items, versionJSON(s, v))
	}
	page, err := cut(pages{1, 10, 100}, c.query, items)
	page.result = map[string]any{"items": page.result}
	return page, err
}

func (c *call) versionDetails() (any, error) {
	var s store.Script
	var v store.Version
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		if s, err = c.script(tx); err != nil {
			return err
		}
		v, err = c.versionOf(tx, s, c.vars["version_id"])
		return err
	})
	if err != nil {
		return nil, err
	}
	return versionJSON(s, v), nil
}

func deploymentJSON(d store.Deployment) map[string]any {
	versions := []map[string]any{}
	for _, v := range d.Versions {
		versions = append(versions, map[string]any{"version_id": v.Version, "percentage": v.Percentage})
	}
	return map[string]any{
		"id": d.ID, "source": d.Source, "strategy": "percentage", "author_email": localEmail, "created_on": stamp(d.CreatedOn),
		"annotations": d.Annotations, "versions": versions,
	}
}

func (c *call) deployments() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		all, err := tx.Deployments(s.Account, s.Name)
		for _, d := range all {
			listed = append(listed, deploymentJSON(d))
		}
		return err
	})
	return map[string]any{"deployments": listed}, err
}

// deployment is the one of the path and whether it is the active one.
func (c *call) deployment(tx *store.Tx) (d store.Deployment, active bool, err error) {
	s, err := c.script(tx)
	if err != nil {
		return d, false, err
	}
	all, err := tx.Deployments(s.Account, s.Name)
	if err != nil {
		return d, false, err
	}
	i := slices.IndexFunc(all, func(d store.Deployment) bool { return d.ID == c.vars["deployment_id"] })
	if i < 0 {
		return d, false, refuse(http.StatusNotFound, 10336, "This Worker has no deployment %q.", c.vars["deployment_id"])
	}
	return all[i], i == 0, nil
}

func (c *call) deploymentDetails() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		d, _, err := c.deployment(tx)
		result = deploymentJSON(d)
		return err
	})
	return result, err
}

func (c *call) deleteDeployment() (any, error) {
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		d, active, err := c.deployment(tx)
		if err != nil {
			return err
		}
		if active {
			return refuse(http.StatusBadRequest, 10338, "The active deployment cannot be deleted.")
		}
		return tx.DeleteDeployment(d.ID)
	})
	return nil, err
}
