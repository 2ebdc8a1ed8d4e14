package openapitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object that is being rewritten.
type object = map[string]any

// reduced keeps of the full document what paths.txt names and what that refers to,
// repairs what no validator can read, puts the corrections of overlay.json in, and adds
// the routes of undocumented.json.
func reduced(full []byte) ([]byte, error) {
	var doc object
	if err := json.Unmarshal(full, &doc); err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	paths, err := keptPaths(doc)
	if err != nil {
		return nil, err
	}
	components, err := reached(doc, paths)
	if err != nil {
		return nil, err
	}
	out := object{
		"openapi": doc["openapi"], "info": object{"title": "Cloudflare API, reduced", "version": "4.0.0"},
		"servers": doc["servers"], "security": doc["security"],
		"paths":      repaired(lean(paths, false), false),
		"components": repaired(lean(components, true), false),
	}
	if err := overlaid(out); err != nil {
		return nil, err
	}
	if err := addUndocumented(out); err != nil {
		return nil, err
	}
	plainFailures(out)
	return json.Marshal(out)
}

// plainFailures gives every refusal the one schema that all of them keep to. The
// document joins the shape of a failure with that of a success, so that many refusals
// would need a complete result, and some would have to be successes.
func plainFailures(doc object) {
	for _, item := range doc["paths"].(object) {
		for _, op := range item.(object) {
			operation, _ := op.(object)
			responses, _ := operation["responses"].(object)
			for status, r := range responses {
				response, _ := r.(object)
				content, _ := response["content"].(object)
				if media, ok := content["application/json"].(object); ok && (status[0] == '4' || status[0] == '5') {
					media["schema"] = object{"$ref": "#/components/schemas/undocumented_failure"}
				}
			}
		}
	}
}

// keptPaths are the path items that paths.txt names. A line that matches nothing is an
// error: the document has changed under it.
func keptPaths(doc object) (object, error) {
	all, _ := doc["paths"].(object)
	kept := object{}
	for line := range strings.Lines(pathsText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		re, err := regexp.Compile("^(?:" + line + ")$")
		if err != nil {
			return nil, fmt.Errorf("paths.txt: %w", err)
		}
		n := len(kept)
		for p, item := range all {
			if re.MatchString(p) {
				kept[p] = item
			}
		}
		if len(kept) == n {
			return nil, fmt.Errorf("paths.txt: nothing new matches %s", line)
		}
	}
	return kept, nil
}

// reached are the components that paths refer to, directly or through others.
func reached(doc, paths object) (object, error) {
	all, _ := doc["components"].(object)
	kept := object{"securitySchemes": all["securitySchemes"]}
	todo := references(paths, nil)
	for len(todo) > 0 {
		ref := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		parts := strings.Split(ref, "/")
		if len(parts) != 4 || parts[0] != "#" || parts[1] != "components" {
			return nil, fmt.Errorf("reference %q leads out of the components", ref)
		}
		kind, name := parts[2], unescape(parts[3])
		group, _ := kept[kind].(object)
		if group == nil {
			group = object{}
			kept[kind] = group
		}
		if _, done := group[name]; done {
			continue
		}
		from, _ := all[kind].(object)
		node, ok := from[name]
		if !ok {
			return nil, fmt.Errorf("reference %q leads nowhere", ref)
		}
		group[name] = node
		todo = references(node, todo)
	}
	return kept, nil
}

// references appends all that x refers to, by $ref or by a discriminator's mapping.
func references(x any, list []string) []string {
	switch x := x.(type) {
	case object:
		if ref, ok := x["$ref"].(string); ok {
			list = append(list, ref)
		}
		for k, v := range x {
			if m, ok := v.(object); ok && k == "discriminator" {
				mapping, _ := m["mapping"].(object)
				for _, target := range mapping {
					if s, ok := target.(string); ok && strings.HasPrefix(s, "#") {
						list = append(list, s)
					}
				}
			}
			list = references(v, list)
		}
	case []any:
		for _, v := range x {
			list = references(v, list)
		}
	}
	return list
}

// named are the keys below which an object's own keys are names, not the document's words.
var named = []string{"properties", "schemas", "patternProperties", "mapping", "parameters", "responses", "requestBodies", "headers"}

// tokenGroups is where the document says which permission groups an operation takes.
const tokenGroups = "x-api-token-group"

// lean is x without what only a reader needs. names says that x's keys are names.
func lean(x any, names bool) any {
	switch x := x.(type) {
	case object:
		out := object{}
		for k, v := range x {
			if !names && (strings.HasPrefix(k, "x-") && k != tokenGroups || k == "example" || k == "examples" || k == "externalDocs") {
				continue
			}
			if _, text := v.(string); k == "description" && text && !names {
				v = "-" // responses must have one
			}
			out[k] = lean(v, !names && slices.Contains(named, k))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = lean(v, false)
		}
		return out
	}
	return x
}

// repaired is x with the mechanical faults removed that the SDK's generator left:
// types that do not exist, names twice in required, words beside $ref that OpenAPI 3.0
// ignores, and empty schemas that were meant to take null too.
func repaired(x any, names bool) any {
	switch x := x.(type) {
	case object:
		out := object{}
		for k, v := range x {
			if !names && (k == "enum" || k == "default") {
				out[k] = v
				continue
			}
			out[k] = repaired(v, !names && slices.Contains(named, k))
		}
		if names {
			return out
		}
		if out["type"] == "unknown" {
			delete(out, "type")
			out["nullable"] = true
		}
		if list, ok := out["required"].([]any); ok {
			out["required"] = unique(list)
		}
		if ref, ok := out["$ref"]; ok && len(out) > 1 {
			return repairedRef(object{"$ref": ref}, out)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = repaired(v, false)
		}
		return out
	}
	return x
}

// repairedRef moves what stood beside a $ref to where OpenAPI 3.0 reads it.
func repairedRef(ref, beside object) object {
	if beside["nullable"] == true {
		ref = object{"nullable": true, "anyOf": []any{ref, object{"nullable": true, "enum": []any{nil}}}}
	}
	for _, k := range []string{"readOnly", "writeOnly"} {
		if beside[k] != true {
			continue
		}
		if _, plain := ref["$ref"]; plain {
			ref = object{"allOf": []any{ref}}
		}
		ref[k] = true
	}
	return ref
}

func unique(list []any) []any {
	var out []any
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// overlaid puts the corrections of overlay.json into doc. Each must say why.
func overlaid(doc object) error {
	var list []struct {
		At     string `json:"at"`
		Set    any    `json:"set"`
		Delete bool   `json:"delete"`
		Why    string `json:"why"`
	}
	if err := json.Unmarshal(overlayJSON, &list); err != nil {
		return fmt.Errorf("read overlay.json: %w", err)
	}
	for _, e := range list {
		if e.Why == "" {
			return fmt.Errorf("overlay.json: the correction at %s does not say why", e.At)
		}
		parts := strings.Split(e.At, "/")[1:]
		if err := correct(doc, parts, e.Set, e.Delete); err != nil {
			return fmt.Errorf("overlay.json: %s: %w", e.At, err)
		}
	}
	return nil
}

// correct sets or removes the value at a JSON pointer's parts; "-" appends to a list.
func correct(in any, parts []string, v any, remove bool) error {
	key := unescape(parts[0])
	last := len(parts) == 1
	switch in := in.(type) {
	case object:
		if next, ok := in[key].([]any); ok && len(parts) == 2 && parts[1] == "-" {
			in[key] = append(next, v)
			return nil
		}
		switch {
		case last && remove:
			delete(in, key)
			return nil
		case last && reflect.DeepEqual(in[key], v):
			return errors.New("the document says so itself by now")
		case last:
			in[key] = v
			return nil
		}
		return correct(in[key], parts[1:], v, remove)
	case []any:
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(in) {
			return fmt.Errorf("no element %q", key)
		}
		if last {
			in[i] = v
			return nil
		}
		return correct(in[i], parts[1:], v, remove)
	}
	return fmt.Errorf("nothing there at %q", key)
}

// addUndocumented adds the routes of undocumented.json. One that the document knows by
// now is an error: it has become superfluous.
func addUndocumented(doc object) error {
	var more struct {
		Paths   object `json:"paths"`
		Schemas object `json:"schemas"`
	}
	if err := json.Unmarshal(undocumentedJSON, &more); err != nil {
		return fmt.Errorf("read undocumented.json: %w", err)
	}
	paths := doc["paths"].(object)
	schemas := doc["components"].(object)["schemas"].(object)
	for p, item := range more.Paths {
		ops, ok := item.(object)
		if !ok {
			return fmt.Errorf("undocumented.json: %s holds no operations", p)
		}
		have, _ := paths[p].(object)
		if have == nil {
			have = object{}
			paths[p] = have
		}
		for method, op := range ops {
			if _, known := have[method]; known {
				return fmt.Errorf("undocumented.json: the document knows %s %s", method, p)
			}
			if o, _ := op.(object); o == nil || o["summary"] == nil {
				return fmt.Errorf("undocumented.json: %s %s does not say why it is here", method, p)
			}
			have[method] = op
		}
	}
	for name := range more.Schemas {
		if _, known := schemas[name]; known {
			return errors.New("undocumented.json: the document knows schema " + name)
		}
	}
	maps.Copy(schemas, more.Schemas)
	return nil
}

func unescape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}
