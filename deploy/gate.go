package deploy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/project"
)

// Cloudflare's limits that a plan can be measured against.
const (
	maxScriptSize   = 64 << 20 // bytes of all modules, uncompressed
	maxBindings     = 128      // variables and secrets of a paid plan
	maxVariableSize = 5 << 10
	maxAssets       = 100_000 // files of a version on a paid plan
	maxAssetSize    = 25 << 20
	maxScriptName   = 63
)

var scriptName = lazyregexp.New(`^[a-z0-9_][a-z0-9_-]*$`)

// Gate looks for everything that is known to go wrong, without changing anything:
// names, limits, permissions, secrets, what bindings point to. It gives all findings
// at once, NewPlan's included.
func Gate(p Plan, r Request) []diag.Finding {
	b := &planBuilder{Request: r, found: slices.Clone(p.Findings)}
	needed := map[string][]permissionNeed{}
	for _, tp := range p.Targets {
		i := slices.IndexFunc(r.Targets, func(t project.Target) bool { return t.TargetID == tp.Target })
		t := r.Targets[i]
		if s := t.Strategy; s != "" && s != "all-at-once" {
			b.errorf("D210", diag.Position{}, "this version of clodo moves all traffic in one step and would not do what the file says",
				`write "strategy: all-at-once"`, "%s: rollout strategy %q is not available yet", t.TargetID, s)
		}
		b.notYet(t)
		b.names(t)
		b.limits(t, r.Artifacts[t.TargetID])
		b.secrets(t, tp)
		b.services(p, t)
		for _, c := range tp.Changes {
			if perm := permissionFor(c); perm != "" {
				needed[tp.Script.Account] = append(needed[tp.Script.Account], permissionNeed{perm, c})
			}
		}
	}
	b.permissions(needed)
	diag.Sort(b.found)
	return b.found
}

// notYet finds rules in the configuration that this version of clodo would not follow:
// a rule of safety keeps the target from being deployed, the others are told.
func (b *planBuilder) notYet(t project.Target) {
	if t.Policy != "" {
		b.errorf("D217", diag.Position{}, "this version of clodo does not look at policies, and deploying as if it did would be a lie",
			"remove the policy from the environment, or wait for the version that enforces it",
			"%s: policy %q would not be enforced", t.TargetID, t.Policy)
	}
	warn := func(pos diag.Position, fix, format string, args ...any) {
		b.found = append(b.found, diag.Finding{
			Code: "D217", Severity: diag.SeverityWarning, Message: fmt.Sprintf(format, args...), Fix: fix, Pos: pos,
			Why: "this version of clodo does not do that yet",
		})
	}
	if t.Smoke.Run != "" {
		warn(t.Smoke.Pos, "run it yourself after the release", "%s: the smoke test %q is not run", t.TargetID, t.Smoke.Run)
	}
	for _, s := range t.Secrets {
		if len(s.Forbid) > 0 {
			warn(s.Pos, "look at the value yourself", "%s: the value of secret %s is not compared with \"forbid\"", t.TargetID, s.Name)
		}
		if s.Rotate != "" {
			warn(s.Pos, fmt.Sprintf("clodo secret set %s %s", t.Service, s.Name), "%s: secret %s is not rotated", t.TargetID, s.Name)
		}
	}
}

func (b *planBuilder) names(t project.Target) {
	switch name := t.Worker.Name; {
	case !scriptName.MatchString(name):
		b.errorf("C042", t.Worker.Main.Pos, "names of Workers have lower-case letters, digits, - and _", "rename it", "%q is not a name that a Worker can have", name)
	case len(name) > maxScriptName:
		b.errorf("C041", t.Worker.Main.Pos, "names of Workers are part of a hostname", "shorten it",
			"the Worker name %q has %d characters, more than %d", name, len(name), maxScriptName)
	}
}

func (b *planBuilder) limits(t project.Target, a Artifact) {
	pos := t.Worker.Main.Pos
	if a.Size > maxScriptSize {
		b.errorf("C043", pos, "Cloudflare takes at most 64 MiB, uncompressed", "leave out what is not needed, or split the service",
			"%s: the bundle has %.1f MiB, more than 64", t.TargetID, float64(a.Size)/(1<<20))
	}
	vars := 0
	for _, bd := range t.Worker.Bindings {
		if bd.Kind != "plain_text" && bd.Kind != "json" {
			continue
		}
		vars++
		if len(bd.Text) > maxVariableSize {
			b.errorf("C043", bd.Pos, "a variable holds at most 5 KB", "keep large values in KV or in a file of the bundle",
				"variable %s has %d bytes, more than %d", bd.Name, len(bd.Text), maxVariableSize)
		}
	}
	if vars > maxBindings {
		b.errorf("C043", pos, "a Worker has at most 128 variables", "put several values in one JSON variable", "%s has %d variables, more than %d", t.TargetID, vars, maxBindings)
	}
	if len(a.Assets) > maxAssets {
		b.errorf("C043", t.Worker.Assets.Pos, "a version has at most 100,000 files", "leave files out with .assetsignore",
			"%s has %d assets, more than %d", t.TargetID, len(a.Assets), maxAssets)
	}
	for _, f := range a.Assets {
		if f.Size > maxAssetSize {
			b.errorf("C043", t.Worker.Assets.Pos, "an asset has at most 25 MiB", "serve large files from R2, or leave it out with .assetsignore",
				"asset %s has %.1f MiB, more than 25", f.Path, float64(f.Size)/(1<<20))
		}
	}
}

// secrets finds required secrets that the Worker does not have and nobody can send.
func (b *planBuilder) secrets(t project.Target, tp TargetPlan) {
	live := b.Live.Accounts[tp.Script.Account].Workers[tp.Script.Name]
	need := slices.Clone(t.Worker.RequiredSecrets)
	for _, s := range t.Secrets {
		need = append(need, project.Value[string]{V: s.Name, Pos: s.Pos})
	}
	for _, g := range tp.Generated {
		if i := slices.IndexFunc(t.Worker.Bindings, func(b project.Binding) bool { return b.Name == g.Name }); i >= 0 {
			b.errorf("C035", t.Worker.Bindings[i].Pos, "a name in env can be one thing only", "give the secret another name, or remove the binding",
				"%s of %s is a %s binding already", g.Name, t.TargetID, t.Worker.Bindings[i].Kind)
		}
	}
	told := map[string]bool{}
	for _, s := range need {
		available := slices.ContainsFunc(b.Secrets[t.TargetID], func(i SecretInfo) bool { return i.Name == s.V })
		generated := slices.ContainsFunc(tp.Generated, func(g Generated) bool { return g.Name == s.V })
		if told[s.V] || available || generated || slices.Contains(live.Secrets, s.V) {
			continue
		}
		told[s.V] = true
		fix := fmt.Sprintf("clodo secret set %s %s", t.Service, s.V)
		if t.Local {
			fix = fmt.Sprintf("write %s=… into %s", s.V, path.Join(path.Dir(t.Worker.File), ".dev.vars"))
		}
		b.errorf("D211", s.Pos, "the Worker does not have it, and there is no value for it on this machine", fix,
			"%s needs the secret %s", t.TargetID, s.V)
	}
}

// services finds bindings to Workers that exist neither live nor in the plan.
func (b *planBuilder) services(p Plan, t project.Target) {
	account := b.Live.Accounts[AccountName(t)]
	for _, bd := range t.Worker.Bindings {
		name := bd.Service
		if bd.Kind == "durable_object_namespace" {
			name = bd.ScriptName
		} else if bd.Kind != "service" {
			continue
		}
		inPlan := slices.ContainsFunc(p.Targets, func(tp TargetPlan) bool {
			return tp.Script == Script{Account: AccountName(t), Name: name}
		})
		if name == "" || inPlan || slices.Contains(account.Scripts, name) {
			continue
		}
		fix := "deploy that Worker first"
		if bd.Portfolio != "" {
			fix = fmt.Sprintf("deploy both: clodo deploy %s %s", bd.Portfolio, t.Service)
		} else if s := diag.Nearest(name, account.Scripts); s != "" {
			fix = fmt.Sprintf("did you mean %q?", s)
		} else if t.Local {
			fix = "deploy both from a folder above them: each project has a local cloud of its own, and that Worker is not in this one"
		}
		b.errorf("D212", bd.Pos, fmt.Sprintf("account %q has no such Worker, and this release does not make it", account.Name), fix,
			"binding %s of %s points to Worker %q, which does not exist", bd.Name, t.TargetID, name)
	}
}

type permissionNeed struct {
	permission Permission
	change     Change
}

// permissionFor is what a token needs for c.
func permissionFor(c Change) Permission {
	switch c.Kind {
	case "database", "migration":
		return PermD1
	case "kv namespace":
		return PermKV
	case "bucket":
		return PermR2
	case "queue", string(TriggerConsumer):
		return PermQueues
	case string(TriggerRoute):
		return PermRoutes
	}
	return PermWorkers
}

// permissions finds what the token is known to lack: permissions that Cloudflare did
// not list, or reads that it refused.
func (b *planBuilder) permissions(needed map[string][]permissionNeed) {
	for name, account := range b.Live.Accounts {
		told := map[Permission]bool{}
		for _, n := range needed[name] {
			if account.Granted == nil || slices.Contains(account.Granted, n.permission) || told[n.permission] {
				continue
			}
			told[n.permission] = true
			b.found = append(b.found, permissionFinding(account.Name, n.permission,
				fmt.Sprintf("the plan would %s %s %q", n.change.Action, n.change.Kind, n.change.Name)))
		}
		for perm, answer := range account.Refused {
			if !told[perm] {
				told[perm] = true
				b.found = append(b.found, permissionFinding(account.Name, perm, answer))
			}
		}
	}
	slices.SortStableFunc(b.found, func(x, y diag.Finding) int { return cmp.Compare(x.Message, y.Message) })
}

func permissionFinding(account string, p Permission, why string) diag.Finding {
	return diag.Finding{
		Code: "A103", Severity: diag.SeverityError,
		Message: fmt.Sprintf("the token may not use %q in account %q", p, account),
		Why:     why,
		Fix:     fmt.Sprintf("add %q to the token at https://dash.cloudflare.com/profile/api-tokens", strings.TrimSpace(string(p))),
	}
}
