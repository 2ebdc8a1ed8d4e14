package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/source"
)

var pathParam = lazyregexp.New(`\{([^{}]*)\}`)

// path reads the operations of one path.
func (r *reader) path(p source.Pair, taken names) {
	item := r.deref(p.Value)
	methods := []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}
	r.known(item, "a path", "$ref summary description servers parameters "+strings.Join(methods, " "))
	if s := item.Get("servers"); s != nil {
		r.open(s.Pos, "the servers of one path are left out", "the client has one base address")
	}
	for _, m := range item.Map() {
		if slices.Contains(methods, m.Key) {
			r.operation(p, m, item.Get("parameters"), taken)
		}
	}
}

func (r *reader) operation(path, method source.Pair, shared *source.Value, taken names) {
	v := method.Value
	r.known(v, "an operation", "tags summary description externalDocs operationId parameters requestBody responses deprecated security")
	name := v.Get("operationId").Str()
	if name == "" {
		name = method.Key + " " + pathParam.ReplaceAllString(path.Key, "by $1")
	}
	op := &Operation{
		Name: taken.unique(pascal(name)), Method: strings.ToUpper(method.Key), Path: path.Key, Pos: method.Pos,
		Doc: strings.TrimSpace(v.Get("summary").Str() + "\n" + v.Get("description").Str()),
	}
	op.ParamsType = r.typeNames.unique(op.Name + "Params")
	r.params(op, shared, v.Get("parameters"))
	if body := r.deref(v.Get("requestBody")); body != nil {
		r.known(body, "a request body", "description content required")
		op.Body = r.content(body.Get("content"), op.Name+" Request")
		if op.Body != nil {
			op.Body.Required = body.Get("required").True()
		}
	}
	r.result(op, v.Get("responses"))
	r.api.Operations = append(r.api.Operations, op)
}

// params are an operation's own parameters over those of its path, the path's first.
func (r *reader) params(op *Operation, lists ...*source.Value) {
	var all []Param
	for _, list := range lists {
		for _, item := range list.List() {
			v := r.deref(item)
			p, ok := r.param(op, v)
			if !ok {
				continue
			}
			at := slices.IndexFunc(all, func(have Param) bool { return have.Name == p.Name && have.In == p.In })
			if at >= 0 {
				all[at] = p
			} else {
				all = append(all, p)
			}
		}
	}
	for _, m := range pathParam.FindAllStringSubmatch(op.Path, -1) {
		at := slices.IndexFunc(all, func(p Param) bool { return p.In == "path" && p.Name == m[1] })
		if at < 0 {
			r.fail("O102", op.Pos, fmt.Sprintf("%s %s has no parameter %q", op.Method, op.Path, m[1]), "the path names it", `add it with "in": "path"`)
			continue
		}
		op.Params = append(op.Params, all[at])
	}
	for _, p := range all {
		if p.In != "path" {
			op.Params = append(op.Params, p)
		} else if !strings.Contains(op.Path, "{"+p.Name+"}") {
			r.fail("O102", op.Pos, fmt.Sprintf("%s %s does not contain the parameter {%s}", op.Method, op.Path, p.Name), "it is declared to be in the path", "")
		}
	}
}

func (r *reader) param(op *Operation, v *source.Value) (Param, bool) {
	if v == nil {
		return Param{}, false
	}
	r.known(v, "a parameter", "name in description required deprecated allowEmptyValue style explode allowReserved schema example examples content")
	p := Param{Name: v.Get("name").Str(), In: v.Get("in").Str(), Doc: v.Get("description").Str(), Required: v.Get("required").True()}
	switch {
	case p.Name == "":
		r.fail("O102", v.Pos, "this parameter has no name", "", "")
		return p, false
	case p.In == "cookie":
		r.open(v.Pos, fmt.Sprintf("the cookie %q is left out", p.Name), "set it in the client's headers")
		return p, false
	case p.In != "path" && p.In != "query" && p.In != "header":
		r.fail("O102", v.Pos, fmt.Sprintf("the parameter %q is in %q", p.Name, p.In), "it can be in path, query, header or cookie", "")
		return p, false
	case p.In == "header" && slices.Contains([]string{"accept", "content-type", "authorization"}, strings.ToLower(p.Name)):
		return p, false // the specification says to ignore them
	}
	p.Schema = r.schema(v.Get("schema"), op.Name+" "+p.Name, nil)
	form := p.Schema.form()
	style := v.Get("style").Str()
	standard := map[string]string{"path": "simple", "header": "simple", "query": "form"}[p.In]
	list := form.Kind == List
	if list {
		form = form.Items.form()
		p.Joined = p.In != "query" || v.Get("explode") != nil && !v.Get("explode").True()
	}
	if !slices.Contains([]Kind{Bool, Int, Float, String, Time, Enum, IntEnum}, form.Kind) || v.Has("content") || style != "" && style != standard {
		if p.Required || p.In == "path" {
			r.fail("O105", v.Pos, fmt.Sprintf("the parameter %q has a form that no client can be made for", p.Name), "understood are single values and lists of them in the usual style", "")
			return p, false
		}
		r.open(v.Pos, fmt.Sprintf("the parameter %q is left out", p.Name), "understood are single values and lists of them in the usual style")
		return p, false
	}
	return p, true
}

// content is the first kind of content that a client can handle: JSON, else raw bytes.
func (r *reader) content(v *source.Value, name string) *Content {
	var first *Content
	for _, p := range v.Map() {
		r.known(p.Value, "content", "schema example examples encoding")
		media := strings.ToLower(strings.TrimSpace(strings.SplitN(p.Key, ";", 2)[0]))
		if first != nil {
			r.open(p.Pos, fmt.Sprintf("content as %s is left out", p.Key), "the client uses "+first.Media)
			continue
		}
		first = &Content{Media: media, Schema: &Schema{Kind: Raw, Pos: p.Pos}}
		if isJSON(media) {
			first.Schema = r.schema(p.Value.Get("schema"), name, nil)
		}
	}
	return first
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json") && media != "application/problem+json"
}

// result is the content of the answers that mean success. Others become errors.
func (r *reader) result(op *Operation, responses *source.Value) {
	r.known(responses, "responses", "default 100 101 200 201 202 203 204 205 206 207 208 226 2XX 300 301 302 303 304 305 307 308 3XX "+
		"400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 416 417 418 421 422 423 424 425 426 428 429 431 451 4XX 500 501 502 503 504 505 506 507 508 510 511 5XX")
	met := false
	for _, p := range responses.Map() {
		if !strings.HasPrefix(p.Key, "2") {
			continue
		}
		v := r.deref(p.Value)
		r.known(v, "a response", "description headers content links")
		if l := v.Get("links"); l != nil {
			r.open(l.Pos, "links of an answer are left out", "the client does not follow them")
		}
		c := r.content(v.Get("content"), op.Name+" Response")
		if met && !sameContent(op.Result, c) {
			r.open(p.Pos, fmt.Sprintf("the answer %s of %s %s has another form than the first", p.Key, op.Method, op.Path), "the client returns the form of the first")
			continue
		}
		op.Result, met = c, true
	}
}

func sameContent(a, b *Content) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Media == b.Media && a.Schema.Kind == b.Schema.Kind && a.Schema.Type == b.Schema.Type
}
