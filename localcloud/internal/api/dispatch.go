package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

const (
	dispatchPath     = accountPath + "/workers/dispatch/namespaces"
	dispatchNamePath = dispatchPath + "/{dispatch_namespace}"
	userWorkersPath  = dispatchNamePath + "/scripts"
	userWorkerPath   = userWorkersPath + "/{script_name}"
)

func dispatchEndpoints() []Endpoint {
	table := []Endpoint{
		{Method: "GET", Pattern: dispatchPath, Permissions: scriptsRead, handle: (*call).dispatchNamespaces},
		{Method: "POST", Pattern: dispatchPath, Permissions: scriptsWrite, handle: (*call).addDispatchNamespace},
		{Method: "GET", Pattern: dispatchNamePath, Permissions: scriptsRead, handle: (*call).dispatchNamespace},
		{Method: "PUT", Pattern: dispatchNamePath, Permissions: scriptsWrite, handle: (*call).editDispatchNamespace},
		{Method: "PATCH", Pattern: dispatchNamePath, Permissions: scriptsWrite, handle: (*call).editDispatchNamespace},
		{Method: "DELETE", Pattern: dispatchNamePath, Permissions: scriptsWrite, handle: (*call).deleteDispatchNamespace},
		{Method: "GET", Pattern: userWorkersPath, Permissions: scriptsRead, handle: (*call).userWorkers},
		{Method: "DELETE", Pattern: userWorkersPath, Permissions: scriptsWrite, handle: (*call).deleteUserWorkers},
		{Method: "GET", Pattern: userWorkerPath, Permissions: scriptsRead, handle: (*call).userWorker},
		{Method: "GET", Pattern: userWorkerPath + "/bindings", Permissions: scriptsRead, handle: (*call).userWorkerBindings},
		{Method: "GET", Pattern: userWorkerPath + "/tags", Permissions: scriptsRead, handle: (*call).userWorkerTags},
		{Method: "PUT", Pattern: userWorkerPath + "/tags", Permissions: scriptsWrite, handle: (*call).putUserWorkerTags},
		{Method: "PUT", Pattern: userWorkerPath + "/tags/{tag}", Permissions: scriptsWrite, handle: (*call).addUserWorkerTag},
		{Method: "DELETE", Pattern: userWorkerPath + "/tags/{tag}", Permissions: scriptsWrite, handle: (*call).removeUserWorkerTag},
		{Method: "PUT", Pattern: userWorkerPath + "/content", Permissions: scriptsWrite, handle: (*call).putContent, body: maxUpload},
		{Method: "GET", Pattern: userWorkerPath + "/content", Permissions: scriptsRead, handle: (*call).scriptContent},
		// The rest is as for any Worker.
		{Method: "PUT", Pattern: userWorkerPath, Permissions: scriptsWrite, handle: (*call).uploadScript, body: maxUpload},
		{Method: "DELETE", Pattern: userWorkerPath, Permissions: scriptsWrite, handle: (*call).deleteScript},
		{Method: "GET", Pattern: userWorkerPath + "/settings", Permissions: scriptsRead, handle: (*call).settings},
		{Method: "PATCH", Pattern: userWorkerPath + "/settings", Permissions: scriptsWrite, handle: (*call).editSettings},
		{Method: "GET", Pattern: userWorkerPath + "/secrets", Permissions: scriptsRead, handle: (*call).secrets},
		{Method: "PUT", Pattern: userWorkerPath + "/secrets", Permissions: scriptsWrite, handle: (*call).putSecret},
		{Method: "GET", Pattern: userWorkerPath + "/secrets/{secret_name}", Permissions: scriptsRead, handle: (*call).secretDetails},
		{Method: "DELETE", Pattern: userWorkerPath + "/secrets/{secret_name}", Permissions: scriptsWrite, handle: (*call).deleteSecret},
		{Method: "PATCH", Pattern: userWorkerPath + "/secrets-bulk", Permissions: scriptsWrite, handle: (*call).editSecrets},
		{Method: "POST", Pattern: userWorkerPath + "/assets-upload-session", Permissions: scriptsWrite, handle: (*call).openAssetsUpload},
	}
	for i, e := range table {
		if e.Pattern != dispatchPath {
			table[i].handle = inNamespace(e.handle)
		}
	}
	return table
}

var dispatchName = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$`)

// inNamespace looks the dispatch namespace of the path up first.
func inNamespace(handle func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
			c.dispatch, err = tx.DispatchNamespace(c.account.ID, c.vars["dispatch_namespace"])
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			err = refuse(http.StatusNotFound, 100119, "There is no dispatch namespace %q.", c.vars["dispatch_namespace"])
		}
		if err != nil {
			return nil, err
		}
		return handle(c)
	}
}

func (c *call) namespaceJSON(tx *store.Tx, n store.DispatchNamespace) (map[string]any, error) {
	all, err := tx.UserWorkers(n)
	return map[string]any{
		"namespace_id": n.ID, "namespace_name": n.Name, "script_count": len(all), "trusted_workers": n.Trusted,
		"created_on": stamp(n.CreatedOn), "created_by": localUser, "modified_on": stamp(n.ModifiedOn), "modified_by": localUser,
	}, err
}

func (c *call) dispatchNamespaces() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.DispatchNamespaces(c.account.ID)
		for _, n := range all {
			m, countErr := c.namespaceJSON(tx, n)
			if countErr != nil {
				return countErr
			}
			listed = append(listed, m)
		}
		return err
	})
	return listed, err
}

func (c *call) dispatchNamespace() (any, error) {
	var m map[string]any
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		m, err = c.namespaceJSON(tx, c.dispatch)
		return err
	})
	return m, err
}

func (c *call) addDispatchNamespace() (any, error) {
	c.dispatch = store.DispatchNamespace{ID: newUUID(), Account: c.account.ID, CreatedOn: c.now()}
	return c.changeDispatchNamespace()
}

func (c *call) editDispatchNamespace() (any, error) { return c.changeDispatchNamespace() }

// changeDispatchNamespace takes what the body says over into c.dispatch and keeps it.
func (c *call) changeDispatchNamespace() (any, error) {
	var in struct {
		Name    *string `json:"name"`
		Trusted *bool   `json:"trusted_workers"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	n := c.dispatch
	n.ModifiedOn = c.now()
	if in.Name != nil {
		n.Name = *in.Name
	}
	if in.Trusted != nil {
		n.Trusted = *in.Trusted
	}
	if !dispatchName.MatchString(n.Name) {
		return nil, refuse(http.StatusBadRequest, 10005, "The name of a dispatch namespace is letters, digits, hyphens and underscores, up to 63, got %.80q.", n.Name)
	}
	var m map[string]any
	err := c.publish(func(tx *store.Tx) error {
		if err := tx.PutDispatchNamespace(n); errors.Is(err, store.ErrExists) {
			return refuse(http.StatusConflict, 10040, "There is a dispatch namespace %q already.", n.Name)
		} else if err != nil {
			return err
		}
		var err error
		m, err = c.namespaceJSON(tx, n)
		return err
	})
	return m, err
}

// deleteDispatchNamespace deletes the Workers of the namespace with it.
func (c *call) deleteDispatchNamespace() (any, error) {
	return nil, c.publish(func(tx *store.Tx) error { return tx.DeleteDispatchNamespace(c.dispatch) })
}

func (c *call) userWorkerJSON(s store.Script, v *store.Version) map[string]any {
	return map[string]any{
		"script": scriptJSON(s, v), "dispatch_namespace": c.dispatch.Name,
		"created_on": stamp(s.CreatedOn), "modified_on": stamp(s.ModifiedOn),
	}
}

func (c *call) userWorkers() (any, error) {
	return c.listScripts(func(tx *store.Tx) ([]store.Script, error) { return tx.UserWorkers(c.dispatch) }, c.userWorkerJSON)
}

func (c *call) userWorker() (any, error) {
	s, v, err := c.latest()
	if err != nil {
		return nil, err
	}
	return c.userWorkerJSON(s, v), nil
}

// maxBulkDelete is how many Workers one call deletes when it does not say.
const maxBulkDelete = 100

// deleteUserWorkers deletes those that the tags match; its answer has no envelope.
func (c *call) deleteUserWorkers() (any, error) {
	if c.query.Get("tags") == "" {
		return nil, refuse(http.StatusBadRequest, 10003, "The parameter \"tags\" says which Workers to delete; it is missing.")
	}
	limit, err := number(c.query, "limit", maxBulkDelete, 1, 1000)
	if err != nil {
		return nil, err
	}
	type gone struct {
		ID string `json:"id"`
	}
	out := struct {
		Deleted []gone `json:"deleted"`
		Count   int    `json:"deleted_count"`
		More    bool   `json:"has_more"`
	}{Deleted: []gone{}}
	err = c.publish(func(tx *store.Tx) error {
		all, err := tx.UserWorkers(c.dispatch)
		if err != nil {
			return err
		}
		for _, s := range all {
			if !tagsMatch(c.query.Get("tags"), s.Tags) {
				continue
			}
			if out.More = out.Count == limit; out.More {
				break
			}
			if err := tx.DeleteScript(s.Account, s.Name); err != nil {
				return err
			}
			out.Deleted, out.Count = append(out.Deleted, gone{uuidOf(s.Tag)}), out.Count+1
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return reply{write: func(w http.ResponseWriter) error { return sendJSON(w, http.StatusOK, out) }}, nil
}

// uuidOf writes 32 hex digits as a UUID.
func uuidOf(id string) string {
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

func (c *call) userWorkerBindings() (any, error) {
	_, v, err := c.latest()
	if err != nil || v == nil {
		return []json.RawMessage{}, err
	}
	return shown(v.Bindings), nil
}

func (c *call) userWorkerTags() (any, error) {
	var s store.Script
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		s, err = c.script(tx)
		return err
	})
	return tags(s), err
}

// retag changes the tags of the Worker of the path.
func (c *call) retag(edit func([]string) []string) ([]string, error) {
	var s store.Script
	_, err := c.exclusive(c.ctx, c.scriptName(), func() (any, error) {
		return nil, c.store.Write(c.ctx, func(tx *store.Tx) (err error) {
			if s, err = c.script(tx); err != nil {
				return err
			}
			s.Tags, s.ModifiedOn = edit(tags(s)), c.now()
			if err := checkTags(s.Tags); err != nil {
				return err
			}
			return tx.PutScript(s)
		})
	})
	return s.Tags, err
}

func (c *call) putUserWorkerTags() (any, error) {
	in := []string{}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.retag(func([]string) []string { return slices.Compact(slices.Sorted(slices.Values(in))) })
}

func (c *call) addUserWorkerTag() (any, error) {
	_, err := c.retag(func(have []string) []string {
		if slices.Contains(have, c.vars["tag"]) {
			return have
		}
		return append(have, c.vars["tag"])
	})
	return nil, err
}

func (c *call) removeUserWorkerTag() (any, error) {
	_, err := c.retag(func(have []string) []string {
		return slices.DeleteFunc(slices.Clone(have), func(t string) bool { return t == c.vars["tag"] })
	})
	return nil, err
}
