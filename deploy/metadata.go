package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/project"
)

// keptBindings are the types of bindings that a new version takes over from the one
// before, as wrangler always asks.
var keptBindings = []string{"secret_text", "secret_key"}

// metadata is the `metadata` part of an upload as wrangler would send it for w,
// without ids that are not in ids (by binding name) and without annotations.
// migrations is the durable object steps that the live Worker does not have yet.
func metadata(w project.Worker, a Artifact, ids map[string]string, migrations map[string]any) map[string]any {
	m := map[string]any{"compatibility_flags": orEmpty(w.CompatibilityFlags)}
	if w.CompatibilityDate.V != "" {
		m["compatibility_date"] = w.CompatibilityDate.V
	}
	if len(a.AssetConfig) > 0 {
		m["assets"] = map[string]any{"config": a.AssetConfig}
	}
	if a.MainModule == "" {
		return m // assets only: Cloudflare takes nothing else
	}
	if a.ServiceWorker {
		m["body_part"] = a.MainModule
	} else {
		m["main_module"] = a.MainModule
	}
	bindings := make([]map[string]any, 0, len(w.Bindings))
	for _, b := range w.Bindings {
		bindings = append(bindings, b.Metadata(ids[b.Name]))
	}
	m["bindings"] = append(bindings, partBindings(a)...)
	m["keep_bindings"] = keptBindings
	if w.KeepVars {
		m["keep_bindings"] = append([]string{"plain_text", "json"}, keptBindings...)
	}
	if migrations != nil {
		m["migrations"] = migrations
	}
	for key, v := range map[string]map[string]any{"observability": w.Observability, "placement": w.Placement, "limits": w.Limits} {
		if v != nil {
			m[key] = v
		}
	}
	if w.TailConsumers != nil {
		m["tail_consumers"] = w.TailConsumers
	}
	if w.Logpush != nil {
		m["logpush"] = *w.Logpush
	}
	maps.Copy(m, w.Metadata) // last, as wrangler lays unsafe.metadata over all else
	return m
}

// Metadata is the `metadata` part of the upload of a, as it can be known without an
// account: ids of databases and namespaces that no file pins are missing, as are the
// annotations of a release, and durable object steps are those of a new Worker.
func Metadata(w project.Worker, a Artifact) (json.RawMessage, error) {
	return json.MarshalIndent(metadata(w, a, nil, pendingClasses(w.DOMigrations, "")), "", "  ")
}

// partBindings makes the further modules of a service worker, which cannot import
// them, globals of the names that the build gave them.
func partBindings(a Artifact) []map[string]any {
	if !a.ServiceWorker {
		return nil
	}
	kinds := map[string]string{"application/wasm": "wasm_module", "text/plain": "text_blob", "application/octet-stream": "data_blob"}
	var list []map[string]any
	for _, p := range a.Modules {
		if kind, ok := kinds[p.ContentType]; ok {
			list = append(list, map[string]any{"name": p.Name, "type": kind, "part": p.Name})
		}
	}
	return list
}

// withIDs fills the ids of resources into metadata that a plan holds, and adds the
// annotations of a release.
func withIDs(raw json.RawMessage, ids map[string]string, tag, message string) (json.RawMessage, error) {
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("read metadata of the plan: %w", err)
	}
	list, _ := m["bindings"].([]any)
	for _, v := range list {
		b, _ := v.(map[string]any)
		name, _ := b["name"].(string)
		key := map[any]string{"d1": "id", "kv_namespace": "namespace_id"}[b["type"]]
		if id, ok := ids[name]; ok && key != "" {
			b[key] = id
		}
	}
	m["annotations"] = map[string]any{"workers/tag": tag, "workers/message": message}
	return json.Marshal(m)
}

// contentDigest is the identity of everything that makes a version what it is: the
// bytes, and the metadata with resources by name, so that it is the same before and
// after a database is made. Durable object steps are left out: they are done once.
func contentDigest(w project.Worker, a Artifact, resources []ResourcePlan, secrets []SecretInfo) string {
	ids := map[string]string{}
	for _, r := range resources {
		ids[r.Binding] = string(r.Kind) + ":" + r.Name
	}
	var prints []string
	for _, s := range secrets {
		if s.Fingerprint != "" {
			prints = append(prints, s.Name+"="+s.Fingerprint)
		}
	}
	slices.Sort(prints)
	return digestJSON(struct {
		Artifact string
		Metadata map[string]any
		Secrets  []string
	}{a.Digest(), metadata(w, a, ids, nil), prints})[:32]
}

// tagPrefix begins the workers/tag of every version that clodo makes; the 1 is the
// version of the format: "clodo/1 RELEASE PLAN CONTENT", 71 of 100 bytes.
const tagPrefix = "clodo/1 "

func versionTag(release, plan, content string) string {
	return tagPrefix + release + " " + plan + " " + content
}

// contentOf is the content digest in a tag that versionTag made, else "".
func contentOf(tag string) string {
	rest, ok := strings.CutPrefix(tag, tagPrefix)
	if fields := strings.Fields(rest); ok && len(fields) == 3 {
		return fields[2]
	}
	return ""
}

// pendingClasses is the durable object migrations after the tag that the live Worker
// has, as the upload sends them; nil when there are none.
func pendingClasses(all []project.DOMigration, live string) map[string]any {
	steps := all
	if i := slices.IndexFunc(all, func(m project.DOMigration) bool { return m.Tag == live }); live != "" && i >= 0 {
		steps = all[i+1:]
	}
	if len(steps) == 0 {
		return nil
	}
	m := map[string]any{"new_tag": steps[len(steps)-1].Tag}
	if live != "" {
		m["old_tag"] = live
	}
	var list []map[string]any
	for _, s := range steps {
		s.Tag = ""
		raw, err := json.Marshal(s)
		if err != nil {
			panic(fmt.Sprintf("deploy: marshal durable object migration: %v", err))
		}
		var step map[string]any
		if err := json.Unmarshal(raw, &step); err != nil {
			panic(fmt.Sprintf("deploy: read durable object migration: %v", err))
		}
		delete(step, "tag")
		list = append(list, step)
	}
	m["steps"] = list
	return m
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
