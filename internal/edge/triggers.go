package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
)

// Triggers implements deploy.Triggers.
func (e *Edge) Triggers(ctx context.Context, s deploy.Script, zones []deploy.Zone, queues []string) (deploy.Attached, error) {
	a, err := e.accounts.Account(ctx, s.Account)
	if err != nil {
		return deploy.Attached{}, err
	}
	op := "read what is attached to " + s.Name
	at, err := attachedTo(ctx, a, s.Name)
	if err != nil {
		return deploy.Attached{}, a.translate(err, deploy.PermWorkersRead, op)
	}
	for _, z := range zones {
		routes, err := a.Client.Routes(ctx, z.ID)
		if err != nil {
			return deploy.Attached{}, a.translate(err, deploy.PermRoutes, op)
		}
		for _, r := range routes {
			if r.Script == s.Name {
				at.Routes = append(at.Routes, deploy.Route{ID: r.ID, ZoneID: z.ID, Pattern: r.Pattern, Script: r.Script})
			}
		}
	}
	domains, err := a.Client.Domains(ctx, a.ID, cloudflare.DomainFilter{Service: s.Name})
	if err != nil {
		return deploy.Attached{}, a.translate(err, deploy.PermWorkersRead, op)
	}
	for _, d := range domains {
		at.Domains = append(at.Domains, deploy.Domain{ID: d.ID, Hostname: d.Hostname, ZoneID: d.ZoneID, Script: d.Service})
	}
	if len(queues) == 0 {
		return at, nil
	}
	all, err := cloudflare.Collect(a.Client.Queues(ctx, a.ID))
	if err != nil {
		return deploy.Attached{}, a.translate(err, deploy.PermQueues, op)
	}
	for _, q := range all {
		for _, c := range consumers(q) {
			if c.Script == s.Name && slices.Contains(queues, q.Name) {
				at.Consumers = append(at.Consumers, c)
			}
		}
	}
	return at, nil
}

// SetTrigger implements deploy.Triggers.
func (e *Edge) SetTrigger(ctx context.Context, s deploy.Script, c deploy.TriggerChange) error {
	a, err := e.accounts.Account(ctx, s.Account)
	if err != nil {
		return err
	}
	switch c.Kind {
	case deploy.TriggerRoute:
		return a.setRoute(ctx, s.Name, c)
	case deploy.TriggerDomain:
		return a.setDomain(ctx, s.Name, c)
	case deploy.TriggerCrons:
		crons := c.Crons
		if crons == nil {
			crons = []string{}
		}
		_, err := a.Client.PutSchedules(ctx, a.ID, s.Name, crons)
		return a.translate(err, deploy.PermWorkers, "set the crons of "+s.Name)
	case deploy.TriggerWorkersDev:
		_, err := a.Client.SetScriptSubdomain(ctx, a.ID, s.Name, cloudflare.ScriptSubdomain{Enabled: c.WorkersDev, PreviewsEnabled: c.PreviewURLs})
		return a.translate(err, deploy.PermWorkers, "set workers.dev of "+s.Name)
	case deploy.TriggerSettings:
		return a.setSettings(ctx, s.Name, c.Settings)
	case deploy.TriggerConsumer:
		return a.setConsumer(ctx, c)
	}
	return fmt.Errorf("set a trigger of %s: unknown kind %q", s.Name, c.Kind)
}

func (a *Account) setRoute(ctx context.Context, script string, c deploy.TriggerChange) error {
	want := *c.Route
	op := fmt.Sprintf("%s route %s", c.Action, want.Pattern)
	if c.Action == deploy.Attach {
		_, err := a.Client.CreateRoute(ctx, want.ZoneID, cloudflare.Route{Pattern: want.Pattern, Script: want.Script})
		if !errors.Is(err, cloudflare.CodeRoutePatternExists) {
			return a.translate(err, deploy.PermRoutes, op)
		}
		there, findErr := a.findRoute(ctx, want)
		switch {
		case findErr != nil:
			return a.translate(findErr, deploy.PermRoutes, op)
		case there.Script == want.Script:
			return nil
		}
		if there.Script == "" {
			return fmt.Errorf("%s: this pattern is there and belongs to no Worker: %w", op, deploy.ErrConflict)
		}
		return fmt.Errorf("%s: it belongs to the Worker %q: %w", op, there.Script, deploy.ErrConflict)
	}
	if want.ID == "" {
		there, err := a.findRoute(ctx, want)
		if err != nil {
			return a.translate(err, deploy.PermRoutes, op)
		}
		if there.ID == "" || there.Script != script {
			return nil
		}
		want.ID = there.ID
	}
	err := a.Client.DeleteRoute(ctx, want.ZoneID, want.ID)
	if cloudflare.IsNotFound(err) {
		return nil
	}
	return a.translate(err, deploy.PermRoutes, op)
}

// findRoute is the route of this pattern, zero when there is none.
func (a *Account) findRoute(ctx context.Context, want deploy.Route) (cloudflare.Route, error) {
	routes, err := a.Client.Routes(ctx, want.ZoneID)
	if err != nil {
		return cloudflare.Route{}, err
	}
	for _, r := range routes {
		if r.Pattern == want.Pattern {
			return r, nil
		}
	}
	return cloudflare.Route{}, nil
}

// Cloudflare's answers when a hostname cannot be given to a Worker: 100116 says that
// it is somebody else's.
const codeDomainTaken cloudflare.Code = 100116

func (a *Account) setDomain(ctx context.Context, script string, c deploy.TriggerChange) error {
	want := *c.Domain
	op := fmt.Sprintf("%s domain %s", c.Action, want.Hostname)
	if c.Action == deploy.Attach {
		_, err := a.Client.PutDomain(ctx, a.ID, cloudflare.DomainAttach{Hostname: want.Hostname, Service: want.Script, ZoneID: want.ZoneID})
		if errors.Is(err, codeDomainTaken) || errors.Is(err, cloudflare.CodeDNSRecordConflict) {
			return fmt.Errorf("%s: %w: %w", op, err, deploy.ErrConflict)
		}
		return a.translate(err, deploy.PermWorkers, op)
	}
	if want.ID == "" {
		list, err := a.Client.Domains(ctx, a.ID, cloudflare.DomainFilter{Hostname: want.Hostname})
		if err != nil {
			return a.translate(err, deploy.PermWorkers, op)
		}
		if len(list) == 0 || list[0].Service != script {
			return nil
		}
		want.ID = list[0].ID
	}
	err := a.Client.DeleteDomain(ctx, a.ID, want.ID)
	if cloudflare.IsNotFound(err) {
		return nil
	}
	return a.translate(err, deploy.PermWorkers, op)
}

func (a *Account) setSettings(ctx context.Context, script string, raw json.RawMessage) error {
	var s struct {
		Logpush       bool             `json:"logpush"`
		Observability map[string]any   `json:"observability"`
		TailConsumers []map[string]any `json:"tail_consumers"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("set the settings of %s: %w", script, err)
	}
	if s.Observability == nil {
		s.Observability = map[string]any{"enabled": false} // what wrangler sends for none
	}
	if s.TailConsumers == nil {
		s.TailConsumers = []map[string]any{}
	}
	_, err := a.Client.PatchScriptSettings(ctx, a.ID, script, cloudflare.ScriptSettingsPatch{
		Logpush: &s.Logpush, Observability: s.Observability, TailConsumers: &s.TailConsumers,
	})
	return a.translate(err, deploy.PermWorkers, "set the settings of "+script)
}
