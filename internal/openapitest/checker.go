// Package openapitest checks HTTP exchanges against Cloudflare's own OpenAPI document,
// in both directions: what a client sends and what a server answers. Tests import it.
//
// The document comes out of the Cloudflare SDK for Go, whose version go.mod pins; it is
// reduced to the paths of paths.txt, corrected by overlay.json where it is known to be
// wrong, and extended by undocumented.json with the routes that Cloudflare's own tools
// use and the document lacks. A route that is in none of them is a violation.
package openapitest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// base is where the API's paths begin in a URL. Other paths, such as the addresses that
// D1 gives out for imports, are not part of the API.
const base = "/client/v4"

// Checker knows the document. It is safe for concurrent use.
type Checker struct {
	doc    *openapi3.T
	routes []route
}

// route is a path template, split.
type route struct {
	template string
	segments []string
	item     *openapi3.PathItem
}

var load = sync.OnceValues(read)

// Load gives the checker, which all tests of a process share. It ends the test when the
// document cannot be had.
func Load(t testing.TB) *Checker {
	t.Helper()
	c, err := load()
	if err != nil {
		t.Fatalf("load Cloudflare's OpenAPI document: %v", err)
	}
	return c
}

func read() (*Checker, error) {
	b, err := document()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		return nil, fmt.Errorf("read the reduced document: %w", err)
	}
	c := &Checker{doc: doc}
	for template, item := range doc.Paths.Map() {
		c.routes = append(c.routes, route{template, strings.Split(template, "/"), item})
	}
	// Those with words where others have variables come first.
	slices.SortFunc(c.routes, func(a, b route) int { return strings.Compare(b.key(), a.key()) })
	return c, nil
}

// key sorts words behind variables, segment by segment.
func (r route) key() string {
	var b strings.Builder
	for _, s := range r.segments {
		if strings.HasPrefix(s, "{") {
			b.WriteString("/0")
		} else {
			b.WriteString("/1")
		}
	}
	return b.String()
}

// Known reports whether the document, or the table of undocumented routes, has the
// method and path. The path begins behind /client/v4 and may be a template.
func (c *Checker) Known(method, path string) bool {
	_, _, err := c.find(method, path)
	return err == nil
}

// Groups are the permission groups of which a token needs one for an operation, as the
// document names them; none when it does not say.
func (c *Checker) Groups(method, path string) []string {
	r, _, err := c.find(method, path)
	if err != nil {
		return nil
	}
	var groups []string
	listed, _ := r.item.GetOperation(method).Extensions[tokenGroups].([]any)
	for _, g := range listed {
		if name, ok := g.(string); ok {
			groups = append(groups, name)
		}
	}
	slices.Sort(groups)
	return groups
}

// Routes lists "METHOD /path/{template}" of all that is known, sorted.
func (c *Checker) Routes() []string {
	var list []string
	for _, r := range c.routes {
		for method := range r.item.Operations() {
			list = append(list, method+" "+r.template)
		}
	}
	slices.Sort(list)
	return list
}

// Request checks what is sent: route, parameters and body. The error names method,
// path and the JSON pointer of what is wrong; nil is good.
func (c *Checker) Request(req *http.Request, body []byte) error {
	path, in := strings.CutPrefix(req.URL.EscapedPath(), base)
	if !in {
		return nil
	}
	r, vars, err := c.find(req.Method, path)
	if err != nil {
		return err
	}
	op := r.item.GetOperation(req.Method)
	fail := func(err error) error { return fmt.Errorf("request %s %s: %w", req.Method, r.template, err) }
	if err := c.checkParameters(req, r, op, vars); err != nil {
		return fail(err)
	}
	if op.RequestBody == nil {
		if len(body) > 0 {
			return fail(fmt.Errorf("there is a body of %d bytes, and the call has none", len(body)))
		}
		return nil
	}
	if len(body) == 0 && req.Header.Get("Content-Type") == "" {
		if op.RequestBody.Value.Required {
			return fail(fmt.Errorf("there is no body"))
		}
		return nil
	}
	if err := checkBody(op.RequestBody.Value.Content, req.Header.Get("Content-Type"), body, openapi3.VisitAsRequest()); err != nil {
		return fail(err)
	}
	return nil
}

// Response checks what is answered to req: status, content type and body.
func (c *Checker) Response(req *http.Request, status int, header http.Header, body []byte) error {
	path, in := strings.CutPrefix(req.URL.EscapedPath(), base)
	if !in {
		return nil
	}
	r, _, err := c.find(req.Method, path)
	if err != nil {
		return err
	}
	op := r.item.GetOperation(req.Method)
	fail := func(err error) error {
		return fmt.Errorf("response %d to %s %s: %w", status, req.Method, r.template, err)
	}
	// The limiter and the front of the API answer everywhere, and with codes below the
	// 1000 that the document demands.
	everywhere := status == http.StatusTooManyRequests || status >= 500
	described := op.Responses.Status(status)
	if described == nil {
		described = op.Responses.Default()
	}
	if everywhere || (described == nil && status >= 400) {
		return wrap(fail, checkJSON(c.doc.Components.Schemas["undocumented_failure"].Value, body, openapi3.VisitAsResponse()))
	}
	if described == nil {
		return fail(fmt.Errorf("the document does not know this status, only %s", strings.Join(op.Responses.Keys(), ", ")))
	}
	if len(described.Value.Content) == 0 {
		if len(body) > 0 {
			return fail(fmt.Errorf("there is a body of %d bytes, and there should be none", len(body)))
		}
		return nil
	}
	if err := checkBody(described.Value.Content, header.Get("Content-Type"), body, openapi3.VisitAsResponse()); err != nil {
		return fail(err)
	}
	return nil
}

// find matches a path with its template.
func (c *Checker) find(method, path string) (route, map[string]string, error) {
	segments := strings.Split(path, "/")
	known := false
	for _, r := range c.routes {
		vars, ok := r.match(segments)
		if !ok {
			continue
		}
		known = true
		if r.item.GetOperation(method) != nil {
			return r, vars, nil
		}
	}
	if known {
		return route{}, nil, fmt.Errorf("%s %s: the path is known, but not with this method", method, path)
	}
	return route{}, nil, fmt.Errorf("%s %s: neither the document nor undocumented.json knows this route", method, path)
}

func (r route) match(segments []string) (map[string]string, bool) {
	// The key of an R2 object is the rest of the path, slashes and all.
	if last := len(r.segments) - 1; r.segments[last] == "{object_key}" && len(segments) > last {
		segments = append(segments[:last:last], strings.Join(segments[last:], "/"))
	}
	if len(segments) != len(r.segments) {
		return nil, false
	}
	vars := map[string]string{}
	for i, want := range r.segments {
		got := segments[i]
		if !strings.HasPrefix(want, "{") {
			if got != want {
				return nil, false
			}
			continue
		}
		if got == "" {
			return nil, false
		}
		value, err := url.PathUnescape(got)
		if err != nil {
			return nil, false
		}
		vars[strings.Trim(want, "{}")] = value
	}
	return vars, true
}

// checkParameters checks path, query and headers. A query parameter that the document
// does not know is wrong too: it may be a misspelt one.
func (c *Checker) checkParameters(req *http.Request, r route, op *openapi3.Operation, vars map[string]string) error {
	known := map[string]bool{}
	for _, p := range slices.Concat(r.item.Parameters, op.Parameters) {
		if p.Value.In == openapi3.ParameterInQuery {
			known[p.Value.Name] = true
		}
	}
	for name := range req.URL.Query() {
		if !known[name] {
			return fmt.Errorf("query parameter %q is not known", name)
		}
	}
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: req, PathParams: vars,
		Route:   &routers.Route{Spec: c.doc, Path: r.template, PathItem: r.item, Method: req.Method, Operation: op},
		Options: &openapi3filter.Options{ExcludeRequestBody: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	})
}

func wrap(with func(error) error, err error) error {
	if err == nil {
		return nil
	}
	return with(err)
}

// checkJSON checks a JSON text against a schema.
func checkJSON(schema *openapi3.Schema, text []byte, as openapi3.SchemaValidationOption) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	return explained(schema.VisitJSON(v, as), as)
}
