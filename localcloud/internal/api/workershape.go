package api

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// deployedOn is when a Worker was deployed last, "" when it never was.
func deployedOn(tx *store.Tx, s store.Script) (string, error) {
	active, err := tx.ActiveDeployment(s.Account, s.Name)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return stamp(active.CreatedOn), err
}

// workerJSON is a Worker as the newer endpoints tell it; current wrangler reads the
// subdomain from it.
func (c *call) workerJSON(tx *store.Tx, s store.Script) (map[string]any, error) {
	subdomain := map[string]any{"enabled": s.WorkersDev, "previews_enabled": s.Previews}
	if c.account.Subdomain != "" {
		subdomain["url"] = "https://" + workersDev(s.Name, c.account.Subdomain)
		subdomain["preview_url_suffix"] = "-" + workersDev(s.Name, c.account.Subdomain)
	}
	observability, err := wholeObservability(s.Observability)
	if err != nil {
		return nil, err
	}
	consumers, err := tailConsumers(s.TailConsumers)
	if err != nil {
		return nil, err
	}
	tails := []namedWorker{}
	for _, consumer := range consumers {
		tails = append(tails, namedWorker{consumer.Service})
	}
	references, err := referencesTo(tx, s)
	if err != nil {
		return nil, err
	}
	m := map[string]any{
		"id": s.Tag, "name": s.Name, "created_on": stamp(s.CreatedOn), "updated_on": stamp(s.ModifiedOn), "deployed_on": nil,
		"logpush": s.Logpush, "tags": tags(s), "tail_consumers": tails, "subdomain": subdomain,
		"observability": observability, "references": references,
	}
	deployed, err := deployedOn(tx, s)
	if deployed != "" {
		m["deployed_on"] = deployed
	}
	return m, err
}

// wholeObservability has Cloudflare's defaults where a Worker says nothing.
func wholeObservability(given json.RawMessage) (any, error) {
	var said any
	if given != nil {
		if err := json.Unmarshal(given, &said); err != nil {
			return nil, err
		}
	}
	if said == nil {
		said = map[string]any{}
	}
	return mergePatch(map[string]any{
		"enabled": false, "head_sampling_rate": 1,
		"logs":   map[string]any{"enabled": false, "head_sampling_rate": 1, "invocation_logs": true, "persist": true, "destinations": []any{}},
		"traces": map[string]any{"enabled": false, "head_sampling_rate": 1, "persist": true, "destinations": []any{}, "propagation_policy": "authenticated"},
	}, mergePatch(nil, said)), nil
}

// mergePatch applies a JSON merge patch (RFC 7396). Applied to nothing, a patch is
// itself without its nulls.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if fields, ok := target.(map[string]any); ok {
		for name, value := range fields {
			out[name] = value
		}
	}
	for name, value := range changes {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = mergePatch(out[name], value)
		}
	}
	return out
}

// referencesTo is what depends on a Worker being there.
func referencesTo(tx *store.Tx, s store.Script) (map[string]any, error) {
	domains, queues := []map[string]string{}, []map[string]string{}
	all, err := tx.Domains(s.Account)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.Script == s.Name {
			domains = append(domains, map[string]string{"id": d.ID, "hostname": d.Hostname, "zone_id": d.Zone, "zone_name": d.ZoneName, "certificate_id": d.CertID})
		}
	}
	sources, err := tx.Queues(s.Account)
	if err != nil {
		return nil, err
	}
	for _, q := range sources {
		for _, consumer := range q.Consumers {
			if consumer.Type == queue.Worker && consumer.Script == s.Name {
				queues = append(queues, map[string]string{"queue_id": q.ID, "queue_name": q.Name, "queue_consumer_id": consumer.ID})
			}
		}
	}
	users, err := usersOf(tx, s)
	if err != nil {
		return nil, err
	}
	workers, objects := []map[string]string{}, []map[string]string{}
	for _, u := range users {
		if u.binding.Type == "service" {
			workers = append(workers, map[string]string{"id": u.script.Tag, "name": u.script.Name})
			continue
		}
		i := slices.IndexFunc(s.Classes, func(class store.Class) bool { return class.Name == u.binding.ClassName })
		if i >= 0 {
			objects = append(objects, map[string]string{
				"namespace_id": s.Classes[i].Key, "namespace_name": s.Name + "_" + s.Classes[i].Name, "worker_id": u.script.Tag, "worker_name": u.script.Name,
			})
		}
	}
	once := func(a, b map[string]string) bool { return a["id"] == b["id"] }
	return map[string]any{
		"domains": domains, "queues": queues, "workers": slices.CompactFunc(workers, once), "durable_objects": objects, "dispatch_namespace_outbounds": []any{},
	}, nil
}

// user is a binding of another Worker that needs one.
type user struct {
	script  store.Script
	binding binding
}

// usersOf are the bindings that need s, in the newest versions of other Workers.
func usersOf(tx *store.Tx, s store.Script) ([]user, error) {
	var users []user
	err := newestBindings(tx, s.Account, func(other store.Script, b binding) {
		if other.Name != s.Name && (b.Type == "service" && b.Service == s.Name || b.Type == "durable_object_namespace" && b.ScriptName == s.Name) {
			users = append(users, user{other, b})
		}
	})
	return users, err
}

// boundTo names the Workers with such bindings.
func boundTo(tx *store.Tx, s store.Script) ([]string, error) {
	users, err := usersOf(tx, s)
	var names []string
	for _, u := range users {
		names = append(names, u.script.Name)
	}
	return slices.Compact(names), err
}
