package edge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
)

// zone is a zone of the cloud by its number.
func (w *world) zone(t *testing.T, n int) deploy.Zone {
	t.Helper()
	name := fmt.Sprintf("zone%02d.example", n)
	list := read(cloudflare.Collect(w.client.Zones(t.Context(), cloudflare.ZoneFilter{Name: name})))(t)
	return deploy.Zone{ID: list[0].ID, Name: name}
}

func testAttach(t *testing.T, w *world) {
	s := deploy.Script{Name: "attached"}
	read(w.edge.Upload(t.Context(), worker(s.Name, "one", says("attached"), nil)))(t)
	z := w.zone(t, 1)
	route := deploy.Route{ZoneID: z.ID, Pattern: "zone01.example/attached/*", Script: s.Name}
	domain := deploy.Domain{ZoneID: z.ID, Hostname: "attached.zone01.example", Script: s.Name}
	change := func(a deploy.Action) {
		t.Helper()
		for range 2 {
			done(t, w.edge.SetTrigger(t.Context(), s, deploy.TriggerChange{Action: a, Kind: deploy.TriggerRoute, Route: &route}))
			done(t, w.edge.SetTrigger(t.Context(), s, deploy.TriggerChange{Action: a, Kind: deploy.TriggerDomain, Domain: &domain}))
		}
	}
	attached := func() deploy.Attached { return read(w.edge.Triggers(t.Context(), s, []deploy.Zone{z}, nil))(t) }

	change(deploy.Detach)
	change(deploy.Attach)
	at := attached()
	if len(at.Routes) != 1 || len(at.Domains) != 1 || at.Routes[0].ID == "" || at.Domains[0].ID == "" {
		t.Fatalf("got %+v, want a route and a domain with ids", at)
	}
	got := at
	got.Routes[0].ID, got.Domains[0].ID = "", ""
	if d := cmp.Diff([]deploy.Route{route}, got.Routes) + cmp.Diff([]deploy.Domain{domain}, got.Domains); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, url := range []string{"https://zone01.example/attached/x", "https://attached.zone01.example/"} {
		if a := w.answer(t, url, nil); a.Body != "attached" {
			t.Errorf("%s: got %+v", url, a)
		}
	}
	change(deploy.Detach)
	change(deploy.Attach)
	at = attached() // with their ids
	route.ID, domain.ID = at.Routes[0].ID, at.Domains[0].ID
	change(deploy.Detach)
	if at := attached(); len(at.Routes)+len(at.Domains) > 0 {
		t.Errorf("after detaching: got %+v", at)
	}
}

func testConflicts(t *testing.T, w *world) {
	owner, other := deploy.Script{Name: "owner"}, deploy.Script{Name: "other"}
	for _, s := range []deploy.Script{owner, other} {
		read(w.edge.Upload(t.Context(), worker(s.Name, "one", says(s.Name), nil)))(t)
	}
	z := w.zone(t, 2)
	set := func(s deploy.Script, a deploy.Action, hostname string) []error {
		route := deploy.Route{ZoneID: z.ID, Pattern: hostname + "/*", Script: s.Name}
		domain := deploy.Domain{ZoneID: z.ID, Hostname: hostname, Script: s.Name}
		return []error{
			w.edge.SetTrigger(t.Context(), s, deploy.TriggerChange{Action: a, Kind: deploy.TriggerRoute, Route: &route}),
			w.edge.SetTrigger(t.Context(), s, deploy.TriggerChange{Action: a, Kind: deploy.TriggerDomain, Domain: &domain}),
		}
	}
	done(t, errors.Join(set(owner, deploy.Attach, "zone02.example")...))
	for _, err := range set(other, deploy.Attach, "zone02.example") {
		if !errors.Is(err, deploy.ErrConflict) || !strings.Contains(err.Error(), `"owner"`) {
			t.Errorf("got %v, want a conflict that names the owner", err)
		}
	}
	done(t, errors.Join(set(other, deploy.Detach, "zone02.example")...))
	if at := read(w.edge.Triggers(t.Context(), owner, []deploy.Zone{z}, nil))(t); len(at.Routes) != 1 || len(at.Domains) != 1 {
		t.Errorf("detaching for another Worker took it from its owner: %+v", at)
	}

	read(w.client.CreateRoute(t.Context(), z.ID, cloudflare.Route{Pattern: "zone02.example/static/*"}))(t)
	err := w.edge.SetTrigger(t.Context(), owner, deploy.TriggerChange{Action: deploy.Attach, Kind: deploy.TriggerRoute, Route: &deploy.Route{
		ZoneID: z.ID, Pattern: "zone02.example/static/*", Script: owner.Name,
	}})
	if !errors.Is(err, deploy.ErrConflict) || !strings.Contains(err.Error(), "no Worker") {
		t.Errorf("a route that excludes: got %v, want a conflict", err)
	}
	read(w.client.CreateDNSRecord(t.Context(), z.ID, cloudflare.DNSRecord{Type: "A", Name: "old.zone02.example", Content: "192.0.2.1", TTL: 1}))(t)
	if err := set(owner, deploy.Attach, "old.zone02.example")[1]; !errors.Is(err, deploy.ErrConflict) {
		t.Errorf("a hostname with a DNS record: got %v, want a conflict", err)
	}
	elsewhere := deploy.Domain{ZoneID: z.ID, Hostname: "www.elsewhere.example", Script: owner.Name}
	err = w.edge.SetTrigger(t.Context(), owner, deploy.TriggerChange{Action: deploy.Attach, Kind: deploy.TriggerDomain, Domain: &elsewhere})
	if err == nil || errors.Is(err, deploy.ErrConflict) || errors.Is(err, deploy.ErrUnknownOutcome) {
		t.Errorf("a hostname that is not in the zone: got %v, want a refusal", err)
	}
}

func testUpdates(t *testing.T, w *world) {
	s := deploy.Script{Name: "updated"}
	if _, err := w.edge.Triggers(t.Context(), s, nil, nil); !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("a Worker that does not exist: got %v, want not found", err)
	}
	read(w.edge.Upload(t.Context(), worker(s.Name, "one", `export default { fetch() {}, scheduled() {} };`, nil)))(t)
	read(w.edge.Upload(t.Context(), worker("watcher", "one", `export default { tail() {} };`, nil)))(t)
	settings := json.RawMessage(`{"logpush":true,"observability":{"enabled":true,"head_sampling_rate":0.5},"tail_consumers":[{"service":"watcher"}]}`)
	for _, c := range []deploy.TriggerChange{
		{Action: deploy.Update, Kind: deploy.TriggerCrons, Crons: []string{"*/5 * * * *", "0 3 * * *"}},
		{Action: deploy.Update, Kind: deploy.TriggerWorkersDev, WorkersDev: true, PreviewURLs: true},
		{Action: deploy.Update, Kind: deploy.TriggerSettings, Settings: settings},
	} {
		done(t, w.edge.SetTrigger(t.Context(), s, c))
	}
	got := read(w.edge.Triggers(t.Context(), s, nil, nil))(t)
	slices.Sort(got.Crons)
	want := deploy.Attached{Crons: []string{"*/5 * * * *", "0 3 * * *"}, WorkersDev: true, PreviewURLs: true}
	if d := cmp.Diff(decoded(t, settings), decoded(t, got.Settings)); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	got.Settings = nil
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, c := range []deploy.TriggerChange{
		{Action: deploy.Update, Kind: deploy.TriggerCrons},
		{Action: deploy.Update, Kind: deploy.TriggerWorkersDev},
		{Action: deploy.Update, Kind: deploy.TriggerSettings, Settings: json.RawMessage(`{"logpush":false,"observability":null,"tail_consumers":null}`)},
	} {
		done(t, w.edge.SetTrigger(t.Context(), s, c))
	}
	got = read(w.edge.Triggers(t.Context(), s, nil, nil))(t)
	got.Settings = nil
	if d := cmp.Diff(deploy.Attached{}, got); d != "" {
		t.Errorf("after switching off (-want +got):\n%s", d)
	}
}

func testConsumers(t *testing.T, w *world) {
	s := deploy.Script{Name: "reader"}
	for _, name := range []string{s.Name, "rival"} {
		read(w.edge.Upload(t.Context(), worker(name, "one", `export default { queue() {} };`, nil)))(t)
	}
	for _, queue := range []string{"read-jobs", "read-dead"} {
		read(w.edge.CreateResource(t.Context(), "", deploy.KindQueue, queue))(t)
	}
	set := func(a deploy.Action, c deploy.Consumer) error {
		return w.edge.SetTrigger(t.Context(), deploy.Script{Name: c.Script}, deploy.TriggerChange{Action: a, Kind: deploy.TriggerConsumer, Consumer: &c})
	}
	attached := func(queues ...string) []deploy.Consumer {
		return read(w.edge.Triggers(t.Context(), s, nil, queues))(t).Consumers
	}
	want := deploy.DefaultConsumer("read-jobs", s.Name)
	for range 2 {
		done(t, set(deploy.Attach, want))
		if d := cmp.Diff([]deploy.Consumer{want}, attached("read-jobs", "read-dead")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	want = deploy.Consumer{Queue: "read-jobs", Script: s.Name, DeadLetter: "read-dead", BatchSize: 2, WaitMS: 0, Retries: 1, RetryDelay: 7, Concurrent: 3}
	done(t, set(deploy.Update, want))
	if d := cmp.Diff([]deploy.Consumer{want}, attached("read-jobs")); d != "" {
		t.Errorf("after an update (-want +got):\n%s", d)
	}
	if got := attached(); got != nil {
		t.Errorf("nobody asked for %+v", got)
	}
	if err := set(deploy.Attach, deploy.DefaultConsumer("read-jobs", "rival")); !errors.Is(err, deploy.ErrConflict) {
		t.Errorf("a queue that another Worker reads from: got %v, want a conflict", err)
	}
	if err := set(deploy.Attach, deploy.DefaultConsumer("nowhere", s.Name)); !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("a queue that does not exist: got %v, want not found", err)
	}
	done(t, set(deploy.Detach, deploy.DefaultConsumer("read-jobs", "rival"))) // it never was attached
	done(t, set(deploy.Detach, deploy.DefaultConsumer("nowhere", s.Name)))
	for range 2 {
		done(t, set(deploy.Detach, want))
		if got := attached("read-jobs"); got != nil {
			t.Errorf("after detaching: %+v", got)
		}
	}
}
