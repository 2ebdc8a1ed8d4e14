package data

import (
	"maps"
	"strconv"
	"strings"
)

// paths adds the operations of an endpoint.
func (e *description) paths(all object) {
	s := e.schema
	one, many := e.one, e.many
	key := &s.Columns[s.Key]
	id := []any{object{"name": "id", "in": "path", "required": true, "schema": urlSchema(key)}}
	collection := object{"get": e.operation("list"+many, "A page of rows", e.listParameters(), nil, "200", one+"List", "400")}
	row := object{"parameters": id, "get": e.operation("get"+one, "A row", append(e.include(), match("If-None-Match")), nil, "200", one+"Answer", "304", "400", "404")}
	all[e.path], all[e.path+"/{id}"] = collection, row
	if e.options.ReadOnly {
		return
	}
	written := []string{"400", "409", "413", "415", "422"}
	collection["post"] = e.operation("create"+one, "Makes a row", nil, reference(one+"Input"), "201", one+"Answer", written...)
	conditional := []any{match("If-Match")}
	changed := append([]string{"404", "412"}, written...)
	row["put"] = e.operation("replace"+one, "Writes all fields of a row", conditional, reference(one+"Input"), "200", one+"Answer", changed...)
	row["patch"] = e.operation("update"+one, "Writes some fields of a row", conditional, reference(one+"Patch"), "200", one+"Answer", changed...)
	row["delete"] = e.operation("delete"+one, "Deletes a row", conditional, nil, "204", nil, "400", "404", "409", "412")
	keys := object{"name": key.Name + "_in", "in": "query", "required": true, "description": "keys, with commas", "schema": object{"type": "string"}}
	rows := object{"type": "array", "maxItems": MaxBulk, "items": reference(one + "Input")}
	deleted := envelope(object{"data": object{"type": "object", "required": []string{"deleted"}, "properties": object{"deleted": object{"type": "integer"}}}})
	all[e.path+"/bulk"] = object{
		"post":   e.operation("create"+many, "Makes rows, all or none", nil, rows, "201", one+"Rows", written...),
		"put":    e.operation("replace"+many, "Writes all fields of rows, all or none", nil, rows, "200", one+"Rows", written...),
		"delete": e.operation("delete"+many, "Deletes rows", []any{keys}, nil, "200", deleted, "400", "409", "413"),
	}
}

// operation is one of a path. ok is the schema of a good answer: a name, an object, or
// nil for no body. problems are the statuses of others.
func (e *description) operation(id, summary string, parameters []any, body object, status string, ok any, problems ...string) object {
	o := object{"operationId": id, "summary": summary, "tags": []string{e.schema.Table}}
	if len(parameters) > 0 {
		o["parameters"] = parameters
	}
	json := func(schema any) object { return object{"application/json": object{"schema": schema}} }
	if body != nil {
		o["requestBody"] = object{"required": true, "content": json(body)}
	}
	good := object{"description": "done"}
	switch ok := ok.(type) {
	case string:
		good["content"] = json(reference(ok))
	case object:
		good["content"] = json(ok)
	}
	answers := object{status: good}
	writes := !strings.HasPrefix(id, "list") && !strings.HasPrefix(id, "get")
	if e.options.Auth != nil && (writes || !e.options.PublicRead) {
		o["security"] = []object{{"bearer": []string{}}}
		problems = append(problems, "401", "403")
	}
	for _, p := range problems {
		answers[p] = object{"description": problemWords[p]}
		if p != "304" {
			answers[p].(object)["content"] = object{"application/problem+json": object{"schema": reference("Problem")}}
		}
	}
	o["responses"] = answers
	return o
}

// problemWords say when an answer has a status.
var problemWords = map[string]string{
	"304": "the client has it", "400": "the query, the id or the JSON is none", "401": "nobody is signed in", "403": "it is not allowed", "404": "there is no such row",
	"409": "another row has a value, or the row was changed meanwhile", "412": "If-Match does not hold", "413": "too large or too many", "415": "no JSON", "422": "the row is not as it should be",
}

// match is a header with an entity tag.
func match(name string) object {
	return object{"name": name, "in": "header", "schema": object{"type": "string"}, "description": "an ETag"}
}

// urlSchema is the schema of a column's value in a URL.
func urlSchema(c *Column) object {
	o := c.openAPI()
	delete(o, "default")
	if kinds, ok := o["type"].([]string); ok {
		o["type"] = kinds[0]
		if values, ok := o["enum"].([]any); ok {
			o["enum"] = values[:len(values)-1]
		}
	}
	return o
}

func query(name, description string, schema object) any {
	return object{"name": name, "in": "query", "description": description, "schema": schema}
}

// include is the parameter that loads relations, when some are offered.
func (e *description) include() []any {
	if len(e.options.Include) == 0 {
		return nil
	}
	return []any{query(paramInclude, "relations to load, with commas: "+strings.Join(e.options.Include, ", "), object{"type": "string"})}
}

func (e *description) listParameters() []any {
	all := []any{
		query(paramSort, "columns with commas, a minus before one for the other way round", object{"type": "string"}),
		query(paramLimit, "rows of a page; more than "+strconv.Itoa(MaxLimit)+" are "+strconv.Itoa(MaxLimit), object{"type": "integer", "minimum": 1, "default": DefaultLimit}),
		query(paramOffset, "rows to leave out", object{"type": "integer", "maximum": MaxOffset}),
		query(paramCursor, "pagination.next of a page: the page that follows it", object{"type": "string"}),
		query(paramCount, "also count all rows", object{"type": "boolean"}),
	}
	all = append(all, e.include()...)
	reserved := map[string]bool{paramFields: true}
	for _, p := range all {
		reserved[p.(object)["name"].(string)] = true
	}
	for i := range e.schema.Columns {
		c := &e.schema.Columns[i]
		if !e.schema.visible.Has(i) || c.Type == Blob || c.Type == JSON {
			continue
		}
		value := urlSchema(c)
		for _, length := range []string{"minLength", "maxLength", "minimum", "maximum"} {
			delete(value, length) // a row is looked for by any value
		}
		if !reserved[c.Name] {
			all = append(all, query(c.Name, "is", value))
		} else {
			all = append(all, query(c.Name+"_eq", "is", value))
		}
		for _, o := range []struct{ end, words string }{{"ne", "is not"}, {"gt", "is greater than"}, {"gte", "is or is greater than"}, {"lt", "is less than"}, {"lte", "is or is less than"}} {
			all = append(all, query(c.Name+"_"+o.end, o.words, maps.Clone(value)))
		}
		all = append(all, query(c.Name+"_in", "is one of, with commas", object{"type": "string"}))
		if c.Type.isText() {
			all = append(all, query(c.Name+"_like", "has in it", object{"type": "string"}))
		}
	}
	return all
}
