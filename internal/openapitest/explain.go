package openapitest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// explained turns a validator's error, which prints whole schemas and values, into the
// JSON pointer of what is wrong and the reason, down into the alternatives that were
// tried.
func explained(err error, as openapi3.SchemaValidationOption) error {
	if err == nil {
		return nil
	}
	reasons := reasonsOf(err, "", as, 0)
	if len(reasons) == 0 {
		return err
	}
	const most = 6
	if len(reasons) > most {
		reasons = append(reasons[:most], "…")
	}
	return errors.New(strings.Join(reasons, "; "))
}

func reasonsOf(err error, at string, as openapi3.SchemaValidationOption, depth int) []string {
	var many openapi3.MultiError
	if errors.As(err, &many) && depth < 8 {
		var list []string
		for _, one := range many {
			list = append(list, reasonsOf(one, at, as, depth+1)...)
		}
		return list
	}
	var se *openapi3.SchemaError
	if !errors.As(err, &se) {
		return []string{fmt.Sprintf("%s: %v", orRoot(at), err)}
	}
	for _, key := range se.JSONPointer() {
		at += "/" + strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
	}
	if depth < 8 {
		var below []string
		for _, s := range alternatives(se) {
			if err := s.VisitJSON(se.Value, as); err != nil {
				below = append(below, reasonsOf(err, at, as, depth+1)...)
			}
		}
		if len(below) > 0 {
			return below
		}
	}
	return []string{orRoot(at) + ": " + se.Reason}
}

// alternatives are the schemas of which a value had to match one, or all: just the
// named one where a discriminator tells.
func alternatives(se *openapi3.SchemaError) []*openapi3.Schema {
	if se.Schema == nil {
		return nil
	}
	var list []*openapi3.Schema
	switch se.SchemaField {
	case "anyOf", "oneOf":
		refs := append(append(openapi3.SchemaRefs{}, se.Schema.AnyOf...), se.Schema.OneOf...)
		wanted := ""
		if d := se.Schema.Discriminator; d != nil {
			if v, ok := se.Value.(map[string]any); ok {
				name, _ := v[d.PropertyName].(string)
				wanted = d.Mapping[name].Ref
			}
		}
		for _, ref := range refs {
			if wanted == "" || ref.Ref == wanted {
				list = append(list, ref.Value)
			}
		}
	case "allOf":
		for _, ref := range se.Schema.AllOf {
			list = append(list, ref.Value)
		}
	}
	return list
}

func orRoot(pointer string) string {
	if pointer == "" {
		return "/"
	}
	return pointer
}
