package edge_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

// target is a Worker as a portfolio has it.
func target(name string, routes []project.Route, bindings ...string) project.Target {
	t := project.Target{TargetID: project.TargetID{Service: name}, Worker: project.Worker{Name: name, Routes: routes}}
	for _, kind := range bindings {
		t.Worker.Bindings = append(t.Worker.Bindings, project.Binding{Kind: kind, Name: "B"})
	}
	return t
}

func testLive(t *testing.T, w *world) {
	db := read(w.edge.CreateResource(t.Context(), "", deploy.KindD1, "live-db"))(t)
	kv := read(w.edge.CreateResource(t.Context(), "", deploy.KindKV, "live-kv"))(t)
	read(w.edge.CreateResource(t.Context(), "", deploy.KindQueue, "live-queue"))(t)
	bucket := read(w.edge.CreateResource(t.Context(), "", deploy.KindR2, "live-r2"))(t)
	u := worker("live", "content one", `export class Room { constructor() {} }; export default { fetch() {}, scheduled() {} };`, map[string]any{
		"bindings": []any{
			map[string]any{"type": "d1", "name": "DB", "id": db},
			map[string]any{"type": "kv_namespace", "name": "KV", "namespace_id": kv},
			map[string]any{"type": "durable_object_namespace", "name": "ROOM", "class_name": "Room"},
		},
		"migrations": map[string]any{"new_tag": "v1", "steps": []any{map[string]any{"new_sqlite_classes": []string{"Room"}}}},
	})
	u.Secrets = []string{"API_KEY"}
	v := read(w.edge.Upload(t.Context(), u))(t)
	z := w.zone(t, 59)
	pattern := "zone59.example/live*"
	done(t, w.edge.SetTrigger(t.Context(), u.Script, deploy.TriggerChange{Action: deploy.Attach, Kind: deploy.TriggerRoute, Route: &deploy.Route{
		ZoneID: z.ID, Pattern: pattern, Script: "live",
	}}))
	done(t, w.edge.SetTrigger(t.Context(), u.Script, deploy.TriggerChange{Action: deploy.Update, Kind: deploy.TriggerCrons, Crons: []string{"0 3 * * *"}}))

	live := func() deploy.LiveAccount {
		t.Helper()
		found := read(w.edge.Live(t.Context(), []project.Target{
			target("live", []project.Route{{Pattern: pattern}}, "d1", "kv_namespace", "r2_bucket", "queue"), target("not-there", nil),
		}))(t)
		return found.Accounts[""]
	}
	got := live()
	if got.ID != account || got.Name != "acme" || got.WorkersDev != w.info.WorkersDev || len(got.Zones) != zones || len(got.Refused) > 0 {
		t.Errorf("got account %+v", got)
	}
	if !slices.Contains(got.Scripts, "live") || !slices.Contains(got.Databases, deploy.Resource{Name: "live-db", ID: db}) ||
		!slices.Contains(got.Namespaces, deploy.Resource{Name: "live-kv", ID: kv}) || !slices.Contains(got.Buckets, deploy.Resource{Name: "live-r2", ID: bucket}) || !slices.Contains(got.Queues, deploy.Resource{Name: "live-queue", ID: "live-queue"}) {
		t.Errorf("got scripts %v, databases %v, namespaces %v, buckets %v, queues %v", got.Scripts, got.Databases, got.Namespaces, got.Buckets, got.Queues)
	}
	// With so many zones only those of the targets' hostnames are asked for routes.
	if len(got.Routes) != 1 || got.Routes[0].ID == "" || got.Routes[0].Pattern != pattern || got.Routes[0].Script != "live" {
		t.Errorf("got routes %+v", got.Routes)
	}
	if _, there := got.Workers["not-there"]; there || len(got.Workers) != 1 {
		t.Errorf("got Workers %+v, want only the one that exists", got.Workers)
	}
	worker := got.Workers["live"]
	worker.Attached.Settings = nil
	slices.Sort(worker.Handlers)
	want := deploy.Worker{
		Split: deploy.Split{{Version: v.ID, Percent: 100}}, Tag: "content one", MigrationTag: "v1", Secrets: []string{"API_KEY"},
		Bound:    map[string]deploy.BoundTo{"DB": {Kind: "d1", ID: db}, "KV": {Kind: "kv_namespace", ID: kv}},
		Attached: deploy.Attached{Crons: []string{"0 3 * * *"}, Routes: got.Routes}, Handlers: []string{"fetch", "scheduled"},
	}
	if d := cmp.Diff(want, worker); d != "" {
		t.Errorf("Worker (-want +got):\n%s", d)
	}

	// A changed secret makes a version of its own, whose code is still that upload's.
	read(w.client.PutSecret(t.Context(), account, "live", "LATER", cloudflare.NewSecret("x")))(t)
	after := live().Workers["live"]
	if after.Tag != "content one" || after.Split[0].Version == v.ID {
		t.Errorf("after a secret changed: got tag %q and %v, want the tag of the upload and another version", after.Tag, after.Split)
	}
}

func testLiveRefused(t *testing.T, w *world) {
	read(w.edge.Upload(t.Context(), worker("readable", "one", says("one"), nil)))(t)
	e := w.edgeWith(t, limited, nil)
	got := read(e.Live(t.Context(), []project.Target{target("readable", nil, "d1", "kv_namespace")}))(t).Accounts[""]
	for _, p := range []deploy.Permission{deploy.PermD1, deploy.PermKV} {
		if got.Refused[p] == "" {
			t.Errorf("got %v, want %q among them", got.Refused, p)
		}
	}
	if got.Workers["readable"].Tag != "one" {
		t.Errorf("got Workers %+v, want the one that may be read", got.Workers)
	}
	if _, err := e.CreateResource(t.Context(), "", deploy.KindD1, "forbidden"); !errors.Is(err, deploy.ErrPermission) {
		t.Errorf("got %v, want a missing permission", err)
	}
	if _, err := e.Upload(t.Context(), worker("forbidden", "one", says("one"), nil)); !errors.Is(err, deploy.ErrPermission) {
		t.Errorf("got %v, want a missing permission", err)
	}
	unknown := w.edgeWith(t, "clodo_local_nobody", nil)
	if _, err := unknown.CreateResource(t.Context(), "", deploy.KindD1, "forbidden"); !errors.Is(err, deploy.ErrPermission) {
		t.Errorf("got %v, want a permission error", err)
	}
}
