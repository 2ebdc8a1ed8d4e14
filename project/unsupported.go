package project

import (
	"fmt"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// refused are wrangler keys that clodo cannot deploy: it says so rather than leave
// them out.
func refused() map[string]string {
	return map[string]string{
		"containers":             "container images are built and pushed with Docker",
		"cloudchamber":           "container images are built and pushed with Docker",
		"site":                   "Workers Sites are deprecated; use assets, which Cloudflare serves itself",
		"pages_build_output_dir": "this is a Pages project; clodo deploys Workers",
		"wasm_modules":           "it belongs to the old service-worker format; import the .wasm file in the code",
		"text_blobs":             "it belongs to the old service-worker format; import the file in the code",
		"data_blobs":             "it belongs to the old service-worker format; import the file in the code",
		"connect":                "connect handlers are not part of an upload's metadata",
		"first_party_worker":     "it is for Cloudflare's own Workers",
	}
}

// unsupported reports what the file asks for and clodo does not do.
func (r *resolver) unsupported(tree *source.Value) {
	for _, p := range tree.Pairs {
		if why, no := refused()[p.Key]; no && !emptyValue(p.Value) {
			r.fail("C016", p.Pos, fmt.Sprintf("clodo cannot deploy %q yet", p.Key), why, "deploy this Worker with wrangler, or remove the key")
		}
	}
	if v := tree.Get("unsafe", "capnp"); v != nil {
		r.fail("C016", v.Pos, "clodo cannot deploy \"unsafe.capnp\" yet", "it needs the capnp compiler", "deploy this Worker with wrangler, or remove the key")
	}
	if v := tree.Get("compliance_region"); v.Str() != "" && v.Str() != "public" {
		r.fail("C016", v.Pos, fmt.Sprintf("clodo cannot deploy to the compliance region %q yet", v.Str()), "it has an API of its own", "deploy this Worker with wrangler")
	}
	if v := tree.Get("main"); strings.HasSuffix(v.Str(), ".py") {
		r.fail("C016", v.Pos, "clodo cannot deploy Python Workers yet", "their packages are installed by another tool", "deploy this Worker with wrangler")
	}
	for _, c := range tree.Get("workflows").List() {
		if c.Get("script_name") == nil {
			r.warn("W020", c.Get("name").At(), fmt.Sprintf("clodo does not register the workflow %q yet", c.Get("name").Str()),
				"the binding is uploaded; the workflow itself is a second call to Cloudflare", "register it once by deploying with wrangler; later deploys leave it alone")
		}
	}
	for _, e := range tree.Get("triggers", "events").List() {
		r.warn("W020", e.Pos, "clodo does not set event triggers yet", "they are not part of the upload", "set them once by deploying with wrangler; later deploys leave them alone")
	}
}

func emptyValue(v *source.Value) bool {
	return v.Kind == source.Null || v.Kind == source.Bool && !v.Bool || v.Kind == source.List && len(v.Items) == 0 || v.Kind == source.Map && len(v.Pairs) == 0
}

// LocalFindings says what the local cloud cannot run in t: an error for every kind
// of binding that it refuses, a warning for one that fails there when it is used.
func (p *Portfolio) LocalFindings(t *Target) []diag.Finding {
	var found []diag.Finding
	for _, b := range t.Worker.Bindings {
		switch runs, fails := locally(b.Kind); {
		case runs && b.Extra["outbound"] != nil:
			found = append(found, p.finding("C017", b.Pos, fmt.Sprintf("the local cloud has no outbound Workers, which the binding %q needs", b.Name),
				"it refuses Workers that have one", "deploy without --local, or leave the outbound Worker out of this environment"))
		case runs:
		case fails:
			f := p.finding("W021", b.Pos, fmt.Sprintf("the binding %q will fail when it is used: the local cloud has no %s", b.Name, b.Kind),
				"the rest of the Worker runs", "test what uses it on an account, or leave the binding out of this environment")
			f.Severity = diag.SeverityWarning
			found = append(found, f)
		default:
			found = append(found, p.finding("C017", b.Pos, fmt.Sprintf("the local cloud has no %s, which the binding %q needs", b.Kind, b.Name),
				"it refuses Workers that have it", "deploy without --local, or leave the binding out of this environment"))
		}
	}
	return found
}
