package openapitest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// moduleTypes are the content types that a part of an upload may have.
var moduleTypes = []string{
	"application/javascript+module", "text/javascript+module", "application/javascript", "text/javascript",
	"text/x-python", "text/x-python-requirement", "application/wasm", "text/plain", "application/octet-stream",
	"application/source-map",
}

// checkBody checks a body against what content allows for its type.
func checkBody(content openapi3.Content, contentType string, body []byte, as openapi3.SchemaValidationOption) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	media := content[kind]
	if media == nil {
		media = content["*/*"]
	}
	if media == nil {
		return fmt.Errorf("content type %q is not known, only %s", kind, strings.Join(slices.Sorted(maps.Keys(content)), ", "))
	}
	switch {
	case media.Schema == nil || media.Schema.Value == nil:
		return nil
	case kind == "multipart/form-data":
		return checkParts(media, params["boundary"], body, as)
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return checkJSON(media.Schema.Value, body, as)
	}
	return nil // octets and text
}

// part is one part of a multipart body.
type part struct {
	name, file, kind string
	content          []byte
}

func readParts(boundary string, body []byte) ([]part, error) {
	var list []part
	for r := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the multipart body: %w", err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return nil, fmt.Errorf("read part %q: %w", p.FormName(), err)
		}
		// FileName cuts directories off, which are part of a module's name.
		_, params, _ := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		list = append(list, part{p.FormName(), params["filename"], p.Header.Get("Content-Type"), b})
	}
}

// checkParts checks a form part by part. Parts that the schema describes as JSON are
// checked against it, whether or not they name a content type (wrangler does not). The
// parts that the schema calls "files" are modules, each named after itself.
func checkParts(media *openapi3.MediaType, boundary string, body []byte, as openapi3.SchemaValidationOption) error {
	schema := media.Schema.Value
	parts, err := readParts(boundary, body)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, p := range parts {
		if seen[p.name] {
			return fmt.Errorf("part %q is there twice", p.name)
		}
		seen[p.name] = true
		property := schema.Properties[p.name]
		encoding := media.Encoding[p.name]
		switch {
		case property != nil && encoding != nil && encoding.ContentType == "application/json":
			if kind, _, _ := mime.ParseMediaType(p.kind); kind != "" && kind != "application/json" {
				return fmt.Errorf("part %q has content type %q instead of application/json", p.name, p.kind)
			}
			if err := checkJSON(property.Value, p.content, as); err != nil {
				return fmt.Errorf("part %q: %w", p.name, err)
			}
		case property != nil:
		case schema.Properties["files"] != nil:
			if err := checkModule(p); err != nil {
				return err
			}
		case schema.AdditionalProperties.Schema == nil && len(schema.Properties) > 0:
			return fmt.Errorf("part %q is not known, only %s", p.name, strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", "))
		}
	}
	for _, name := range schema.Required {
		if !seen[name] {
			return fmt.Errorf("part %q is missing", name)
		}
	}
	return nil
}

func checkModule(p part) error {
	if p.file != p.name {
		return fmt.Errorf("module %q is sent as file %q: both must be the module's name", p.name, p.file)
	}
	kind, _, err := mime.ParseMediaType(p.kind)
	if err != nil || !slices.Contains(moduleTypes, kind) {
		return fmt.Errorf("module %q has content type %q, which is none of %s", p.name, p.kind, strings.Join(moduleTypes, ", "))
	}
	return nil
}
