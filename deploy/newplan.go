package deploy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/migrate"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// Request is everything that a plan is made of.
type Request struct {
	Targets   []project.Target
	Waves     []Wave // every target in exactly one
	Artifacts map[project.TargetID]Artifact
	Files     map[project.TargetID]map[string][]migrate.File // by name of the D1 binding
	Secrets   map[project.TargetID][]SecretInfo
	Live      Live
}

// NewPlan compares what is wanted with what is live. It is pure: the same request
// gives the same plan with the same hash. What keeps the plan from being carried out
// is in its Findings.
func NewPlan(r Request) Plan {
	b := &planBuilder{Request: r, made: map[string]bool{}, ran: map[string]bool{}}
	p := Plan{Kind: KindDeploy, Waves: r.Waves}
	for _, w := range r.Waves {
		for _, id := range w.Targets {
			i := slices.IndexFunc(r.Targets, func(t project.Target) bool { return t.TargetID == id })
			p.Targets = append(p.Targets, b.target(r.Targets[i], w.Circle && len(w.Targets) > 1))
		}
	}
	p.Findings = b.found
	return p.sealed()
}

// sealed is p with its hash and id, which do not depend on where files lie on this
// machine.
func (p Plan) sealed() Plan {
	p.ID, p.Hash = "", ""
	anywhere := p
	anywhere.Targets = slices.Clone(p.Targets)
	for i := range anywhere.Targets {
		anywhere.Targets[i].AssetDir = ""
	}
	p.Hash = digestJSON(anywhere)
	p.ID = "p_" + p.Hash[:10]
	return p
}

// planBuilder makes target plans; made and ran keep two targets that share a
// database from both listing its creation or its migrations.
type planBuilder struct {
	Request
	found     []diag.Finding
	made, ran map[string]bool
}

func (b *planBuilder) errorf(code string, pos diag.Position, why, fix, format string, args ...any) {
	b.found = append(b.found, diag.Finding{
		Code: code, Severity: diag.SeverityError, Message: fmt.Sprintf(format, args...), Why: why, Fix: fix, Pos: pos,
	})
}

// AccountName is how ports know the account of a target: the name in the portfolio,
// or "" for the default account.
func AccountName(t project.Target) string {
	if t.Account == nil {
		return ""
	}
	return t.Account.Name
}

// ScriptOf addresses the Worker of a target.
func ScriptOf(t project.Target) Script {
	return Script{Account: AccountName(t), Name: t.Worker.Name}
}

func (b *planBuilder) target(t project.Target, circle bool) TargetPlan {
	account := b.Live.Accounts[AccountName(t)]
	live, exists := account.Workers[t.Worker.Name]
	artifact := b.Artifacts[t.TargetID]
	p := TargetPlan{
		Target: t.TargetID, Script: ScriptOf(t), AccountID: account.ID, Local: t.Local, First: !exists, Base: live.Split,
		Placeholder: circle && !exists, Artifact: artifact.Digest(), AssetDir: artifact.AssetDir, Before: live.Attached,
		HealthStatus: t.Health.Status, HealthPos: t.Health.Pos,
	}
	for _, other := range b.Targets {
		same := other.Environment == t.Environment && other.Customer == t.Customer
		if same && other.Service != t.Service && slices.Contains(t.Needs, other.Service) && !circle {
			p.Needs = append(p.Needs, other.TargetID)
		}
	}
	p.Resources = b.resources(t, account)
	p.Content = contentDigest(t.Worker, artifact, p.Resources, b.Secrets[t.TargetID])
	b.version(&p, t, artifact, live)
	b.migrations(&p, t)
	p.Resources = append(p.Resources, consumed(t, account, p.Resources)...)
	b.triggers(&p, t, account, live)
	addresses(&p, t, account, live)
	b.lines(&p, t, live)
	return p
}

// resources finds the databases, namespaces, buckets and queues that t binds to. A bucket in a
// jurisdiction has to exist: which it is cannot be told by its name.
func (b *planBuilder) resources(t project.Target, account LiveAccount) []ResourcePlan {
	var list []ResourcePlan
	for _, bd := range t.Worker.Bindings {
		kind, there := ResourceKind(bd.Kind), account.Databases
		switch kind {
		case KindD1:
		case KindKV:
			there = account.Namespaces
		case KindQueue:
			there = account.Queues
		case KindR2:
			if there = account.Buckets; bd.Extra["jurisdiction"] != nil {
				continue
			}
		default:
			continue
		}
		r := ResourcePlan{Kind: kind, Binding: bd.Name, Name: resourceName(t.Worker.Name, bd), Pos: bd.Pos}
		if i := slices.IndexFunc(there, func(x Resource) bool { return bd.ID != "" && x.ID == bd.ID }); i >= 0 {
			r.ID = bd.ID
			r.Name = cmp.Or(there[i].Name, r.Name)
		} else if bd.ID != "" && !t.Local {
			b.errorf("D214", bd.Pos, fmt.Sprintf("the account has no %s with this id", kind.words()),
				"correct the id, or remove it: clodo then finds the "+kind.words()+" by its name, or makes it",
				"binding %s points to %s %s, which account %q does not have", bd.Name, kind.words(), bd.ID, account.Name)
		} else if i := slices.IndexFunc(there, func(x Resource) bool { return x.Name == r.Name }); i >= 0 {
			r.ID = there[i].ID
		}
		list = append(list, r)
	}
	return list
}

// words is what people call the kind.
func (k ResourceKind) words() string {
	switch k {
	case KindD1:
		return "database"
	case KindR2:
		return "bucket"
	case KindQueue:
		return "queue"
	}
	return "kv namespace"
}

// resourceName is the name of what a binding needs: the one in the file, else
// "WORKER-BINDING", as wrangler names what it provisions.
func resourceName(worker string, b project.Binding) string {
	if b.Resource != "" {
		return b.Resource
	}
	return worker + "-" + strings.ReplaceAll(strings.ToLower(b.Name), "_", "-")
}

// version decides whether a new version is needed and which way it goes up.
func (b *planBuilder) version(p *TargetPlan, t project.Target, a Artifact, live Worker) {
	classes := pendingClasses(t.Worker.DOMigrations, live.MigrationTag)
	for _, s := range b.Secrets[t.TargetID] {
		wanted := slices.ContainsFunc(t.Worker.RequiredSecrets, func(v project.Value[string]) bool { return v.V == s.Name }) ||
			slices.ContainsFunc(t.Secrets, func(v project.SecretSpec) bool { return v.Name == s.Name })
		if s.Fingerprint != "" || wanted && !slices.Contains(live.Secrets, s.Name) {
			p.Secrets = append(p.Secrets, s.Name)
		}
	}
	for _, s := range t.Secrets {
		has := slices.Contains(live.Secrets, s.Name) || slices.Contains(p.Secrets, s.Name)
		if s.Generate != "" && !has && a.MainModule != "" {
			p.Generated = append(p.Generated, Generated{s.Name, secret.Kind(s.Generate)})
		}
	}
	missing := len(p.Generated) > 0 || slices.ContainsFunc(p.Secrets, func(name string) bool { return !slices.Contains(live.Secrets, name) })
	if !p.First && classes == nil && !missing && live.Split.single() && contentOf(live.Tag) == p.Content && boundRight(p.Resources, live) {
		p.Secrets = nil
		return
	}
	p.Mode = UploadVersion
	switch {
	case p.First:
		p.Mode = UploadPut
	case classes != nil:
		p.Mode, p.Why = UploadPut, fmt.Sprintf("durable object migration %q takes effect at once", classes["new_tag"])
	case a.ServiceWorker:
		p.Mode, p.Why = UploadPut, "service-worker syntax has no versions"
	}
	ids := map[string]string{}
	for _, r := range p.Resources {
		ids[r.Binding] = r.ID
	}
	raw, err := json.Marshal(metadata(t.Worker, a, ids, classes))
	if err != nil {
		panic(fmt.Sprintf("deploy: marshal metadata: %v", err)) // made of JSON values only
	}
	p.Metadata = raw
}

// boundRight reports whether the live version is bound to the resources that are
// found now; a database that was removed and made again has another id.
func boundRight(resources []ResourcePlan, live Worker) bool {
	for _, r := range resources {
		if bound, ok := live.Bound[r.Binding]; r.ID == "" || ok && bound.ID != r.ID {
			return false
		}
	}
	return true
}

// migrations lists the files that have not run.
func (b *planBuilder) migrations(p *TargetPlan, t project.Target) {
	for _, bd := range t.Worker.Bindings {
		files := b.Files[t.TargetID][bd.Name]
		if bd.Kind != string(KindD1) || len(files) == 0 {
			continue
		}
		i := slices.IndexFunc(p.Resources, func(r ResourcePlan) bool { return r.Binding == bd.Name })
		pending, found := files, []diag.Finding(nil)
		if r := p.Resources[i]; r.ID != "" {
			pending, found = migrate.Pending(files, b.Live.Applied[AppliedKey(p.Script.Account, r.ID, cmp.Or(bd.MigrationsTable, migrate.DefaultTable))], environmentWords(t.TargetID))
		}
		b.found = append(b.found, found...)
		m := MigrationPlan{Binding: bd.Name, Table: cmp.Or(bd.MigrationsTable, migrate.DefaultTable)}
		for _, f := range pending {
			m.Files = append(m.Files, MigrationRef{Name: f.Name, Path: f.Path, Digest: f.Checksum})
		}
		if len(m.Files) > 0 {
			p.Migrations = append(p.Migrations, m)
		}
	}
}

func environmentWords(id project.TargetID) string {
	if id.Environment == "" {
		return "the account"
	}
	return id.Environment
}

// lines writes what p does, in the order in which it is done.
func (b *planBuilder) lines(p *TargetPlan, t project.Target, live Worker) {
	add := func(c Change) { p.Changes = append(p.Changes, c) }
	if p.Placeholder {
		add(Change{
			Step: StepResource, Action: Create, Kind: "worker", Name: p.Script.Name, After: "placeholder that serves nothing, because it is in a circle of service bindings",
			Undo: "remove the Worker", Pos: t.Worker.Main.Pos,
		})
	}
	for _, r := range p.Resources {
		key := p.Script.Account + "/" + string(r.Kind) + "/" + r.Name
		if r.ID != "" || b.made[key] {
			continue
		}
		b.made[key] = true
		add(Change{Step: StepResource, Action: Create, Kind: r.Kind.words(), Name: r.Name, After: r.use(), Undo: "kept: data is never removed", Pos: r.Pos})
	}
	for _, m := range p.Migrations {
		i := slices.IndexFunc(p.Resources, func(r ResourcePlan) bool { return r.Binding == m.Binding })
		for _, f := range m.Files {
			key := p.Script.Account + "/" + p.Resources[i].Name + "/" + m.Table + "/" + f.Name
			if b.ran[key] {
				continue
			}
			b.ran[key] = true
			add(Change{Step: StepMigrate, Action: Migrate, Kind: "migration", Name: f.Name, After: "in database " + p.Resources[i].Name, Undo: "kept: data never goes back by itself", Pos: diag.Position{File: f.Path}})
		}
	}
	if p.Mode != UploadNone {
		c := Change{Step: StepUpload, Action: Send, Kind: "version", Name: p.Script.Name, After: "content " + p.Content[:12], Pos: t.Worker.Main.Pos}
		switch {
		case p.First && p.Placeholder:
			c.Kind = "worker"
			c.Undo = "remove the Worker"
		case p.First:
			c.Action, c.Kind, c.Undo = Create, "worker", "remove the Worker"
		case p.Mode == UploadPut:
			c.Before, c.After, c.Undo = splitWords(p.Base), c.After+", live at once: "+p.Why, "shift back to "+splitWords(p.Base)
		default:
			c.Before = splitWords(p.Base)
		}
		add(c)
		for _, name := range p.Secrets {
			before := ""
			if slices.Contains(live.Secrets, name) {
				before = "set"
			}
			add(Change{Step: StepUpload, Action: Send, Kind: "secret", Name: name, Before: before, After: "travels with the upload"})
		}
		for _, g := range p.Generated {
			c := Change{Step: StepUpload, Action: Create, Kind: "secret", Name: g.Name, After: fmt.Sprintf("will be generated: %d bits", g.Kind.Bits())}
			if !p.First {
				c.Undo = "it stays in the version, which does not serve"
			}
			add(c)
		}
	}
	if p.SmokeDev && !p.After.WorkersDev {
		add(Change{Step: StepSmoke, Action: Attach, Kind: string(TriggerWorkersDev), Name: hostOf(p.SmokeURL), After: "for the smoke test", Undo: "detach"})
	}
	if p.shifts() {
		if p.SmokeURL != "" {
			add(Change{Step: StepSmoke, Action: Shift, Kind: "traffic", Name: p.Script.Name, Before: splitWords(p.Base), After: "the same, and the new version at 0%", Undo: "shift back to " + splitWords(p.Base)})
		}
		after := "new version 100%"
		if p.Existing != "" {
			after = splitWords(Split{{Version: p.Existing, Percent: 100}})
		}
		add(Change{Step: StepShift, Action: Shift, Kind: "traffic", Name: p.Script.Name, Before: splitWords(p.Base), After: after, Undo: "shift back to " + splitWords(p.Base)})
	}
	for i, c := range p.Triggers {
		add(c.line(p.Undo[i], p.Before))
	}
	if p.SmokeDev && !p.After.WorkersDev {
		add(Change{Step: StepTriggers, Action: Detach, Kind: string(TriggerWorkersDev), Name: hostOf(p.SmokeURL), Before: "for the smoke test", Undo: "nothing to undo"})
	}
}

// shifts reports whether traffic is moved by a deployment: an upload by PUT serves
// at once.
func (p *TargetPlan) shifts() bool { return p.Mode == UploadVersion || p.Existing != "" }

// single reports whether one version serves everything.
func (s Split) single() bool {
	return slices.ContainsFunc(s, func(x Share) bool { return x.Percent == 100 })
}

// splitWords is a split for people.
func splitWords(s Split) string {
	if len(s) == 0 {
		return "nothing"
	}
	var parts []string
	for _, share := range s {
		parts = append(parts, fmt.Sprintf("%s %g%%", shortID(share.Version), share.Percent))
	}
	return strings.Join(parts, " + ")
}

func shortID(version string) string { return version[:min(8, len(version))] }
