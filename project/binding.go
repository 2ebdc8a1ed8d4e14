package project

import "maps"

// Metadata is the binding as the upload's metadata carries it, in the words of
// Cloudflare's API. id is the id of its database or namespace, where it has been
// looked up; with "" it is the one that the file pins, if any.
func (b Binding) Metadata(id string) map[string]any {
	if id == "" {
		id = b.ID
	}
	m := map[string]any{"name": b.Name, "type": b.Kind}
	maps.Copy(m, b.Extra)
	set := func(key, value string) {
		if value != "" {
			m[key] = value
		}
	}
	switch b.Kind {
	case "plain_text":
		m["text"] = b.Text
	case "json":
		m["json"] = b.JSON
	case "kv_namespace":
		set("namespace_id", id)
	case "d1":
		set("id", id)
	case "hyperdrive":
		set("id", b.ID)
	case "r2_bucket":
		set("bucket_name", b.Resource)
	case "queue":
		set("queue_name", b.Resource)
	case "analytics_engine":
		set("dataset", b.Resource)
	case "vectorize":
		set("index_name", b.Resource)
	case "workflow":
		set("workflow_name", b.Resource)
	}
	set("service", b.Service)
	set("entrypoint", b.Entrypoint)
	set("class_name", b.ClassName)
	set("script_name", b.ScriptName)
	return m
}
