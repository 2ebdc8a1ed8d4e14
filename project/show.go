package project

import (
	"slices"

	"github.com/tamylaa/clodo/internal/source"
)

// Shown is the effective configuration as `clodo config show --json` prints it. It
// holds no secret: variables that sound like one are "(hidden)".
type Shown struct {
	Portfolio    string        `json:"portfolio"`
	Root         string        `json:"root"`
	Files        []string      `json:"files"`
	Environments []string      `json:"environments"`
	Customers    []string      `json:"customers,omitempty"`
	Targets      []ShownTarget `json:"targets"`
}

// ShownTarget is one target of Shown.
type ShownTarget struct {
	TargetID
	Worker             string           `json:"worker"`
	Account            string           `json:"account,omitempty"`
	Dir                string           `json:"dir"`
	File               string           `json:"file"`
	Main               string           `json:"main,omitempty"`
	Assets             string           `json:"assets,omitempty"`
	CompatibilityDate  string           `json:"compatibility_date"`
	CompatibilityFlags []string         `json:"compatibility_flags,omitempty"`
	Bindings           []map[string]any `json:"bindings,omitempty"` // as the upload carries them; ids that are looked up are missing
	Domains            []string         `json:"domains,omitempty"`
	Routes             []string         `json:"routes,omitempty"`
	Crons              []string         `json:"crons,omitempty"`
	Needs              []string         `json:"needs,omitempty"`
	Secrets            []string         `json:"secrets,omitempty"`
	Database           string           `json:"database,omitempty"`
	Policy             string           `json:"policy,omitempty"`
	Strategy           string           `json:"strategy,omitempty"`
	Protected          bool             `json:"protected,omitempty"`
	Local              bool             `json:"local,omitempty"`
}

// Show is the effective configuration of targets.
func (p *Portfolio) Show(targets []*Target) Shown {
	out := Shown{Portfolio: p.Name, Root: p.Root, Files: p.Files(), Environments: p.environmentNames(), Targets: []ShownTarget{}}
	for _, c := range p.Customers {
		out.Customers = append(out.Customers, c.Name)
	}
	for _, t := range targets {
		out.Targets = append(out.Targets, p.shown(t))
	}
	return out
}

func (p *Portfolio) shown(t *Target) ShownTarget {
	w := t.Worker
	out := ShownTarget{
		TargetID: t.TargetID, Worker: w.Name, Dir: relative(p.Root, w.Dir), File: w.File, Main: w.Main.V,
		CompatibilityDate: w.CompatibilityDate.V, CompatibilityFlags: w.CompatibilityFlags,
		Needs: t.Needs, Database: t.Database, Policy: t.Policy, Strategy: t.Strategy, Protected: t.Protected, Local: t.Local,
	}
	if t.Account != nil {
		out.Account = t.Account.Name
	}
	if w.Assets != nil && w.Assets.Dir != "" {
		out.Assets = relative(p.Root, w.Assets.Dir)
	}
	for _, b := range w.Bindings {
		m := b.Metadata("")
		switch b.Kind {
		case "plain_text":
			m["text"] = shownVariable(b)
		case "json":
			m["json"] = withoutSecrets(b.JSON)
			if source.Sensitive(b.Name) {
				m["json"] = hidden
			}
		case "d1", "kv_namespace":
			if b.Resource != "" {
				m["resource"] = b.Resource
			}
		}
		out.Bindings = append(out.Bindings, m)
	}
	for _, d := range t.Domains {
		out.Domains = append(out.Domains, d.V)
	}
	for _, r := range w.Routes {
		out.Routes = append(out.Routes, r.Pattern)
	}
	for _, c := range w.Crons {
		out.Crons = append(out.Crons, c.V)
	}
	for _, s := range t.Secrets {
		out.Secrets = append(out.Secrets, s.Name)
	}
	for _, s := range w.RequiredSecrets {
		if !slices.Contains(out.Secrets, s.V) {
			out.Secrets = append(out.Secrets, s.V)
		}
	}
	return out
}
