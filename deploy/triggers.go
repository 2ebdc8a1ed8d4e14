package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// triggers compares what should be attached with what is. As with wrangler, routes
// and domains are ours only when the configuration names at least one, so are the queues
// that the Worker reads from, and crons only when it has a list; workers.dev is decided either way.
func (b *planBuilder) triggers(p *TargetPlan, t project.Target, account LiveAccount, live Worker) {
	w := t.Worker
	before := live.Attached
	after := before
	var routes []Route
	var domains []Domain
	for _, r := range w.Routes {
		if r.CustomDomain {
			domains = b.domain(domains, r.Pattern, r.Pos, p, account)
			continue
		}
		host, _, _ := strings.Cut(r.Pattern, "/")
		if z, ok := b.zone(host, r, account); ok {
			route := Route{ZoneID: z.ID, Pattern: r.Pattern, Script: w.Name}
			i := slices.IndexFunc(account.Routes, func(x Route) bool { return x.ZoneID == z.ID && x.Pattern == r.Pattern })
			if i >= 0 && account.Routes[i].Script != w.Name {
				b.errorf("D213", r.Pos, "a route goes to one Worker only", "remove the route from the other Worker first, or change it here",
					"route %q already goes to %s", r.Pattern, workerWords(account.Routes[i].Script))
			} else if i >= 0 {
				route = account.Routes[i]
			}
			routes = append(routes, route)
			p.addZone(z)
		}
	}
	for _, d := range t.Domains {
		domains = b.domain(domains, d.V, d.Pos, p, account)
	}
	if len(routes)+len(domains) > 0 {
		after.Routes, after.Domains = routes, domains
		for _, r := range before.Routes { // so that a detached route's zone is read again later
			p.addZone(Zone{ID: r.ZoneID, Name: zoneName(account, r.ZoneID)})
		}
	}
	if w.Crons != nil {
		after.Crons = nil
		for _, c := range w.Crons {
			after.Crons = append(after.Crons, c.V)
		}
		slices.Sort(after.Crons)
		after.Crons = slices.Compact(after.Crons)
	}
	after.WorkersDev = len(w.Routes)+len(t.Domains) == 0
	if w.WorkersDev != nil {
		after.WorkersDev = *w.WorkersDev
	}
	if w.PreviewURLs != nil {
		after.PreviewURLs = *w.PreviewURLs
	} else if p.First {
		after.PreviewURLs = after.WorkersDev
	}
	if _, refused := account.Refused[PermWorkersRead]; after.WorkersDev && account.WorkersDev == "" && !refused {
		b.errorf("C044", w.Main.Pos, "Worker names below workers.dev need a subdomain of the account",
			"choose one in the dashboard under Workers & Pages, or set \"workers_dev\": false",
			"account %q has no workers.dev subdomain, and %q is to be reached there", account.Name, w.Name)
	}
	after.Settings = settings(w)
	if len(w.QueueConsumers) > 0 {
		after.Consumers = b.consumers(t, account)
		for _, c := range slices.Concat(before.Consumers, after.Consumers) {
			if !slices.Contains(p.Queues, c.Queue) {
				p.Queues = append(p.Queues, c.Queue)
			}
		}
	}
	p.After = after
	p.Triggers, p.Undo = diff(before, after, p.First)
}

// domain adds hostname to list, unless it is there or there is no zone for it.
func (b *planBuilder) domain(list []Domain, hostname string, pos diag.Position, p *TargetPlan, account LiveAccount) []Domain {
	if slices.ContainsFunc(list, func(d Domain) bool { return d.Hostname == hostname }) {
		return list
	}
	z, ok := b.zone(hostname, project.Route{Pattern: hostname, Pos: pos}, account)
	if !ok {
		return list
	}
	p.addZone(z)
	d := Domain{Hostname: hostname, ZoneID: z.ID, Script: p.Script.Name}
	if i := slices.IndexFunc(account.Domains, func(x Domain) bool { return x.Hostname == hostname }); i >= 0 {
		if account.Domains[i].Script != p.Script.Name {
			b.errorf("D213", pos, "a custom domain belongs to one Worker only", "detach it from the other Worker first, or change it here",
				"%s is the custom domain of %s", hostname, workerWords(account.Domains[i].Script))
			return list
		}
		d = account.Domains[i]
	}
	return append(list, d)
}

func workerWords(script string) string {
	if script == "" {
		return "no Worker: it is there to exclude these requests"
	}
	return fmt.Sprintf("Worker %q", script)
}

func (p *TargetPlan) addZone(z Zone) {
	if !slices.Contains(p.Zones, z) {
		p.Zones = append(p.Zones, z)
	}
}

func zoneName(a LiveAccount, id string) string {
	if i := slices.IndexFunc(a.Zones, func(z Zone) bool { return z.ID == id }); i >= 0 {
		return a.Zones[i].Name
	}
	return ""
}

// zone is the zone of a hostname or route: the one that the route names, else the
// longest that covers it.
func (b *planBuilder) zone(host string, r project.Route, account LiveAccount) (Zone, bool) {
	host = strings.TrimPrefix(strings.TrimPrefix(host, "*"), ".")
	best := Zone{}
	for _, z := range account.Zones {
		switch covers := host == z.Name || strings.HasSuffix(host, "."+z.Name); {
		case r.ZoneID != "" && z.ID == r.ZoneID, r.ZoneName != "" && z.Name == r.ZoneName:
			return z, true
		case r.ZoneID == "" && r.ZoneName == "" && covers && len(z.Name) > len(best.Name):
			best = z
		}
	}
	if best.ID != "" {
		return best, true
	}
	var names []string
	for _, z := range account.Zones {
		names = append(names, z.Name)
	}
	slices.Sort(names)
	why := "zones in this account: " + strings.Join(names, ", ")
	if len(names) == 0 {
		why = "the token sees no zone in this account"
	}
	fix := "add the domain to the account, or correct the hostname"
	if s := nearestHost(host, names); s != "" {
		fix = fmt.Sprintf("did you mean %s?", s)
	}
	b.errorf("C040", r.Pos, why, fix, "no zone in account %q covers %s", account.Name, host)
	return Zone{}, false
}

// nearestHost is host with its domain replaced by the zone that was probably meant.
func nearestHost(host string, zones []string) string {
	labels := strings.Split(host, ".")
	for i := range labels {
		if z := diag.Nearest(strings.Join(labels[i:], "."), zones); z != "" && len(labels)-i == strings.Count(z, ".")+1 {
			return strings.Join(append(labels[:i:i], z), ".")
		}
	}
	return ""
}

// settings is what wrangler writes to script-settings after a version: its defaults
// where the file says nothing.
func settings(w project.Worker) json.RawMessage {
	observability := any(map[string]any{"enabled": false})
	if w.Observability != nil {
		observability = w.Observability
	}
	tails := w.TailConsumers
	if tails == nil {
		tails = []map[string]any{}
	}
	raw, err := json.Marshal(map[string]any{
		"logpush": w.Logpush != nil && *w.Logpush, "observability": observability, "tail_consumers": tails,
	})
	if err != nil {
		panic(fmt.Sprintf("deploy: marshal settings: %v", err)) // made of JSON values only
	}
	return raw
}

// sameSettings compares settings by value; what is not set is the same as off.
func sameSettings(a, b json.RawMessage) bool {
	return bytes.Equal(normalSettings(a), normalSettings(b))
}

func normalSettings(raw json.RawMessage) []byte {
	var s struct {
		Logpush       bool             `json:"logpush"`
		Observability map[string]any   `json:"observability"`
		TailConsumers []map[string]any `json:"tail_consumers"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return raw
		}
	}
	if on, _ := s.Observability["enabled"].(bool); !on && len(s.Observability) <= 1 {
		s.Observability = nil
	}
	if len(s.TailConsumers) == 0 {
		s.TailConsumers = nil
	}
	out, err := json.Marshal(s)
	if err != nil {
		return raw
	}
	return out
}

// diff is the calls that turn before into after, and for each the call that takes it
// back. New things are attached before old ones are detached. The first upload of a
// Worker carries its settings itself.
func diff(before, after Attached, first bool) (do, undo []TriggerChange) {
	change := func(c, back TriggerChange) { do, undo = append(do, c), append(undo, back) }
	if !first && !sameSettings(before.Settings, after.Settings) {
		change(TriggerChange{Action: Update, Kind: TriggerSettings, Settings: after.Settings},
			TriggerChange{Action: Update, Kind: TriggerSettings, Settings: normalOr(before.Settings)})
	}
	domain := func(a Action, d Domain) TriggerChange {
		return TriggerChange{Action: a, Kind: TriggerDomain, Domain: &d}
	}
	route := func(a Action, r Route) TriggerChange {
		return TriggerChange{Action: a, Kind: TriggerRoute, Route: &r}
	}
	newDomain := func(list []Domain, d Domain) bool {
		return !slices.ContainsFunc(list, func(x Domain) bool { return x.Hostname == d.Hostname })
	}
	newRoute := func(list []Route, r Route) bool {
		return !slices.ContainsFunc(list, func(x Route) bool { return x.Pattern == r.Pattern && x.ZoneID == r.ZoneID })
	}
	for _, d := range after.Domains {
		if newDomain(before.Domains, d) {
			change(domain(Attach, d), domain(Detach, d))
		}
	}
	for _, r := range after.Routes {
		if newRoute(before.Routes, r) {
			change(route(Attach, r), route(Detach, r))
		}
	}
	if before.WorkersDev != after.WorkersDev || before.PreviewURLs != after.PreviewURLs {
		change(TriggerChange{Action: Update, Kind: TriggerWorkersDev, WorkersDev: after.WorkersDev, PreviewURLs: after.PreviewURLs},
			TriggerChange{Action: Update, Kind: TriggerWorkersDev, WorkersDev: before.WorkersDev, PreviewURLs: before.PreviewURLs})
	}
	if !slices.Equal(sorted(before.Crons), sorted(after.Crons)) {
		change(TriggerChange{Action: Update, Kind: TriggerCrons, Crons: after.Crons},
			TriggerChange{Action: Update, Kind: TriggerCrons, Crons: before.Crons})
	}
	attach, detach := consumerChanges(before.Consumers, after.Consumers)
	for _, c := range attach {
		change(c[0], c[1])
	}
	for _, r := range before.Routes {
		if newRoute(after.Routes, r) {
			change(route(Detach, r), route(Attach, r))
		}
	}
	for _, d := range before.Domains {
		if newDomain(after.Domains, d) {
			change(domain(Detach, d), domain(Attach, d))
		}
	}
	for _, c := range detach {
		change(c[0], c[1])
	}
	return do, undo
}

func normalOr(settings json.RawMessage) json.RawMessage {
	if len(settings) == 0 {
		return json.RawMessage(`{"logpush":false,"observability":{"enabled":false},"tail_consumers":[]}`)
	}
	return settings
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// done reports whether a already is as c makes it.
func (c TriggerChange) done(a Attached) bool {
	switch c.Kind {
	case TriggerRoute:
		has := slices.ContainsFunc(a.Routes, func(r Route) bool { return r.Pattern == c.Route.Pattern && r.ZoneID == c.Route.ZoneID })
		return has == (c.Action == Attach)
	case TriggerDomain:
		has := slices.ContainsFunc(a.Domains, func(d Domain) bool { return d.Hostname == c.Domain.Hostname })
		return has == (c.Action == Attach)
	case TriggerCrons:
		return slices.Equal(sorted(a.Crons), sorted(c.Crons))
	case TriggerWorkersDev:
		return a.WorkersDev == c.WorkersDev && a.PreviewURLs == c.PreviewURLs
	case TriggerSettings:
		return sameSettings(a.Settings, c.Settings)
	case TriggerConsumer:
		return c.consumerDone(a)
	}
	return false
}

// Name is what c changes, such as a route's pattern.
func (c TriggerChange) Name() string {
	switch c.Kind {
	case TriggerRoute:
		return c.Route.Pattern
	case TriggerDomain:
		return c.Domain.Hostname
	case TriggerConsumer:
		return c.Consumer.Queue
	}
	return string(c.Kind)
}

// line is c in a plan; back takes it back.
func (c TriggerChange) line(back TriggerChange, before Attached) Change {
	l := Change{Step: StepTriggers, Action: c.Action, Kind: string(c.Kind), Name: c.Name(), Undo: string(back.Action)}
	switch c.Kind {
	case TriggerCrons:
		l.Before, l.After, l.Undo = strings.Join(before.Crons, ", "), strings.Join(c.Crons, ", "), "put the old list back"
	case TriggerWorkersDev:
		l.Before, l.After = devWords(before.WorkersDev, before.PreviewURLs), devWords(c.WorkersDev, c.PreviewURLs)
		l.Undo = l.Before
	case TriggerSettings:
		l.Before, l.After, l.Undo = string(before.Settings), string(c.Settings), "put the old settings back"
	case TriggerConsumer:
		l.Before, l.After, l.Undo = c.consumerWords(back)
	}
	return l
}

func devWords(on, previews bool) string {
	switch {
	case on && previews:
		return "on, with preview URLs"
	case on:
		return "on"
	case previews:
		return "off, with preview URLs"
	}
	return "off"
}
