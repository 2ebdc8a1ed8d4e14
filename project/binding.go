package project

import "maps"

// Metadata is the binding as the upload's metadata carries it, in the words of
// Cloudflare's API. id is the id of the database or namespace when the file pins
// none: d1 and kv_namespace need one, every other kind ignores it.
func (b Binding) Metadata(id string) map[string]any {
	if b.ID != "" {
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
		m["namespace_id"] = id
	case "d1", "hyperdrive":
		m["id"] = id
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
