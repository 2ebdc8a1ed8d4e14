package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// The newer endpoints know a Worker by an id that it keeps, or by its name, and may
// make one before it has any code. Terraform's cloudflare_worker is made with them.
func workerEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/workers/workers", Permissions: scriptsRead, handle: (*call).listWorkers},
		{Method: "POST", Pattern: accountPath + "/workers/workers", Permissions: scriptsWrite, handle: (*call).createWorker},
		{Method: "GET", Pattern: workerPath, Permissions: scriptsRead, handle: ofWorker((*call).worker)},
		{Method: "PUT", Pattern: workerPath, Permissions: scriptsWrite, handle: ofWorker((*call).replaceWorker)},
		{Method: "PATCH", Pattern: workerPath, Permissions: scriptsWrite, handle: ofWorker((*call).editWorker)},
		{Method: "DELETE", Pattern: workerPath, Permissions: scriptsWrite, handle: ofWorker((*call).deleteScript)},
	}
}

// ofWorker is a handler that finds its Worker by name, for a path that may have its id.
func ofWorker(handle func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		err := c.store.Read(c.ctx, func(tx *store.Tx) error {
			s, err := c.scriptByNameOrTag(tx)
			c.vars["script_name"] = s.Name
			return err
		})
		if err != nil {
			return nil, err
		}
		return handle(c)
	}
}

// scriptByNameOrTag finds the Worker of a path that takes either.
func (c *call) scriptByNameOrTag(tx *store.Tx) (store.Script, error) {
	all, err := tx.Scripts(c.account.ID)
	if err != nil {
		return store.Script{}, err
	}
	for _, is := range []func(store.Script) bool{
		func(s store.Script) bool { return s.Name == c.vars["worker_id"] },
		func(s store.Script) bool { return s.Tag == c.vars["worker_id"] },
	} {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i], nil
		}
	}
	return store.Script{}, c.noScript()
}

// workerInput is a whole Worker as a client wants it: what is absent is as it would be
// in a new one.
type workerInput struct {
	Name          string          `json:"name"`
	Logpush       bool            `json:"logpush"`
	Tags          []string        `json:"tags"`
	Observability json.RawMessage `json:"observability"`
	Subdomain     struct {
		Enabled  bool  `json:"enabled"`
		Previews *bool `json:"previews_enabled"`
	} `json:"subdomain"`
	TailConsumers []namedWorker `json:"tail_consumers"`
}

type namedWorker struct {
	Name string `json:"name"`
}

// onto makes a Worker what the client wants.
func (in workerInput) onto(tx *store.Tx, account store.Account, s *store.Script) error {
	if in.Subdomain.Enabled && account.Subdomain == "" {
		return noSubdomain()
	}
	consumers := []tailConsumer{}
	for _, other := range in.TailConsumers {
		consumers = append(consumers, tailConsumer{Service: other.Name})
	}
	tails, err := json.Marshal(consumers)
	if err != nil {
		return err
	}
	tags := append([]string{}, in.Tags...)
	rest := scriptSettingsInput{Logpush: &in.Logpush, Tags: &tags, TailConsumers: tails, Observability: in.Observability}
	if rest.Observability == nil {
		rest.Observability = json.RawMessage("null")
	}
	s.WorkersDev, s.Previews = in.Subdomain.Enabled, in.Subdomain.Enabled
	if in.Subdomain.Previews != nil {
		s.Previews = *in.Subdomain.Previews
	}
	return rest.onto(tx, s)
}

func (c *call) createWorker() (any, error) {
	var in workerInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := checkScriptName(in.Name); err != nil {
		return nil, err
	}
	return c.exclusive(c.ctx, in.Name, func() (any, error) {
		var result any
		err := c.store.Write(c.ctx, func(tx *store.Tx) error {
			switch _, err := tx.Script(c.account.ID, in.Name); {
			case err == nil:
				return refuse(http.StatusConflict, 10040, "A Worker named %q exists already.", in.Name)
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
			if err := c.checkScriptCount(tx); err != nil {
				return err
			}
			s := store.Script{Account: c.account.ID, Name: in.Name, Tag: newID(), CreatedOn: c.now(), ModifiedOn: c.now()}
			if err := in.onto(tx, c.account, &s); err != nil {
				return err
			}
			if err := tx.PutScript(s); err != nil {
				return err
			}
			var err error
			result, err = c.workerJSON(tx, s)
			return err
		})
		return result, err
	})
}

// replaceWorker is PUT: everything that the body lacks is as in a new Worker.
func (c *call) replaceWorker() (any, error) {
	var in workerInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.changeWorker(func(map[string]any) (workerInput, error) { return in, nil })
}

// editWorker is a merge patch on what GET answers.
func (c *call) editWorker() (any, error) {
	var patch map[string]any
	if err := c.decode(&patch); err != nil {
		return nil, err
	}
	return c.changeWorker(func(now map[string]any) (in workerInput, err error) {
		whole, err := json.Marshal(now)
		if err != nil {
			return in, err
		}
		var base any
		if err := json.Unmarshal(whole, &base); err != nil {
			return in, err
		}
		if whole, err = json.Marshal(mergePatch(base, patch)); err != nil {
			return in, err
		}
		if err := json.Unmarshal(whole, &in); err != nil {
			err = refuse(http.StatusBadRequest, 10026, "The request body is not the JSON that was expected: %s.", NotJSON(err))
			return in, err
		}
		return in, nil
	})
}

func (c *call) changeWorker(want func(now map[string]any) (workerInput, error)) (any, error) {
	var result any
	err := c.changeScript(func(tx *store.Tx, s *store.Script) error {
		now, err := c.workerJSON(tx, *s)
		if err != nil {
			return err
		}
		in, err := want(now)
		if err != nil {
			return err
		}
		if err := checkScriptName(in.Name); err != nil {
			return err
		}
		if in.Name != s.Name {
			return refuse(http.StatusNotImplemented, 100153, "The local cloud does not rename Workers: %q stays what it is.", s.Name)
		}
		if err := in.onto(tx, c.account, s); err != nil {
			return err
		}
		s.ModifiedOn = c.now()
		result, err = c.workerJSON(tx, *s)
		return err
	})
	return result, err
}

func (c *call) worker() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		result, err = c.workerJSON(tx, s)
		return err
	})
	return result, err
}

// listWorkers is by page, and sorted by one of four fields; what was never deployed
// comes last.
func (c *call) listWorkers() (any, error) {
	by, order := cmp.Or(c.query.Get("order_by"), "deployed_on"), cmp.Or(c.query.Get("order"), "desc")
	if !slices.Contains([]string{"deployed_on", "updated_on", "created_on", "name"}, by) || order != "asc" && order != "desc" {
		return nil, refuse(http.StatusBadRequest, 10004, "Workers are listed by deployed_on, updated_on, created_on or name, asc or desc, not by %q %q.", by, order)
	}
	var page reply
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.Scripts(c.account.ID)
		if err != nil {
			return err
		}
		key := map[string]string{}
		for _, s := range all {
			fields := map[string]string{"created_on": stamp(s.CreatedOn), "updated_on": stamp(s.ModifiedOn), "name": s.Name}
			if fields["deployed_on"], err = deployedOn(tx, s); err != nil {
				return err
			}
			key[s.Name] = fields[by]
		}
		slices.SortStableFunc(all, func(a, b store.Script) int {
			x, y := key[a.Name], key[b.Name]
			if x == "" || y == "" {
				return cmp.Compare(y, x)
			}
			if order == "desc" {
				x, y = y, x
			}
			return cmp.Compare(x, y)
		})
		if page, err = cut(pages{1, 10, 100}, c.query, all); err != nil {
			return err
		}
		listed := []any{}
		for _, s := range page.result.([]store.Script) {
			one, err := c.workerJSON(tx, s)
			if err != nil {
				return err
			}
			listed = append(listed, one)
		}
		page.result = listed
		return nil
	})
	return page, err
}

// checkScriptName refuses what cannot name a Worker.
func checkScriptName(name string) error {
	if !scriptName.MatchString(name) {
		return refuse(http.StatusBadRequest, 10016, "Worker name %q must be lower-case letters, digits, hyphens and underscores, up to 63, and start with a letter, a digit or an underscore.", strings.ToValidUTF8(name, "�"))
	}
	return nil
}
