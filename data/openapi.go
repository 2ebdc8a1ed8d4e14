package data

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo"
)

// Info is what an OpenAPI document says of a service as a whole.
type Info struct {
	Title       string
	Version     string // of the API; default: "1.0.0"
	Description string
}

// OpenAPI answers with the OpenAPI 3.1 document of endpoints, made once from their
// models. It leaves out fields=, with which a row is not whole: clients that are made
// from it get whole rows.
//
//	app.Handle("GET /openapi.json", data.OpenAPI(data.Info{Title: "Shop"}, users, orders))
func OpenAPI(info Info, endpoints ...*Endpoint) http.Handler {
	document := document(info, endpoints)
	etag := clodo.StrongETag(document)
	return clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return answer(w, r, document, etag)
	})
}

// The document is put together from texts: as values of Go it would be a twentieth of a
// small service's size. In the texts a word after $ stands for something else.

const documentText = `{"openapi":"3.1.0","info":{"title":$title,"version":$version,"description":$description},"paths":{$paths},"components":{$security"schemas":{` +
	`"Problem":{"type":"object","description":"RFC 9457","required":["title","status"],"properties":{"title":{"type":"string"},"status":{"type":"integer"},` +
	`"detail":{"type":"string"},"code":{"type":"string"},"errors":{"type":"array","items":{"type":"object","required":["field","code","message"],` +
	`"properties":{"field":{"type":"string"},"code":{"type":"string"},"message":{"type":"string"}}}}}},` +
	`"Pagination":{"type":"object","required":["total","limit","offset","hasNext","hasPrev","totalPages","currentPage","next"],"properties":{` +
	`"total":{"type":["integer","null"]},"limit":{"type":"integer"},"offset":{"type":["integer","null"]},"hasNext":{"type":"boolean"},"hasPrev":{"type":"boolean"},` +
	`"totalPages":{"type":["integer","null"]},"currentPage":{"type":["integer","null"]},"next":{"type":["string","null"],"description":"the cursor of the next page"}}}` +
	`$schemas}}}`

const securityText = `"securitySchemes":{"bearer":{"type":"http","scheme":"bearer"}},`

const schemasText = `,"$one":$row,"$oneInput":{"type":"object","additionalProperties":false,"required":[$required],"properties":{$writable}},` +
	`"$onePatch":{"type":"object","additionalProperties":false,"properties":{$writable}},` +
	`"$oneAnswer":{"type":"object","required":["data","success"],"properties":{"success":{"type":"boolean"},"data":{"$ref":"#/components/schemas/$one"}}},` +
	`"$oneList":{"type":"object","required":["data","pagination","success"],"properties":{"success":{"type":"boolean"},` +
	`"data":{"type":"array","items":{"$ref":"#/components/schemas/$one"}},"pagination":{"$ref":"#/components/schemas/Pagination"}}},` +
	`"$oneRows":{"type":"object","required":["data","success"],"properties":{"success":{"type":"boolean"},"data":{"type":"array","items":{"$ref":"#/components/schemas/$one"}}}}`

const readPathsText = `"$path":{"get":{"operationId":"list$many","summary":"A page of rows","tags":["$table"],$guardRead"parameters":[` +
	`{"name":"sort","in":"query","description":"columns with commas, a minus before one for the other way round","schema":{"type":"string"}},` +
	`{"name":"limit","in":"query","description":"rows of a page, at most 1000","schema":{"type":"integer","minimum":1,"default":100}},` +
	`{"name":"offset","in":"query","description":"rows to leave out","schema":{"type":"integer","maximum":1000000}},` +
	`{"name":"cursor","in":"query","description":"pagination.next of a page: the page that follows it","schema":{"type":"string"}},` +
	`{"name":"count","in":"query","description":"also count all rows","schema":{"type":"boolean"}}$include$conditions],` +
	`"responses":{"200":{"description":"done","content":{"application/json":{"schema":{"$ref":"#/components/schemas/$oneList"}}}},$400$denyRead}}$collection},` +
	`"$path/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":$key}],` +
	`"get":{"operationId":"get$one","summary":"A row","tags":["$table"],$guardRead"parameters":[{"name":"If-None-Match","in":"header","description":"an ETag","schema":{"type":"string"}}$include],` +
	`"responses":{$answer,"304":{"description":"the client has it"},$400,$404$denyRead}}$single}$bulk`

const collectionText = `,"post":{"operationId":"create$one","summary":"Makes a row","tags":["$table"],$guardWrite$inputBody,"responses":{"201":$done,$400,$409,$413,$415,$422$denyWrite}}`

const singleText = `,"put":{"operationId":"replace$one","summary":"Writes all fields of a row","tags":["$table"],$guardWrite$ifMatch,$inputBody,"responses":{$answer,$400,$404,$409,$412,$413,$415,$422$denyWrite}},` +
	`"patch":{"operationId":"update$one","summary":"Writes some fields of a row","tags":["$table"],$guardWrite$ifMatch,` +
	`"requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/$onePatch"}}}},"responses":{$answer,$400,$404,$409,$412,$413,$415,$422$denyWrite}},` +
	`"delete":{"operationId":"delete$one","summary":"Deletes a row","tags":["$table"],$guardWrite$ifMatch,"responses":{"204":{"description":"done"},$400,$404,$409,$412$denyWrite}}`

const bulkText = `,"$path/bulk":{"post":{"operationId":"create$many","summary":"Makes rows, all or none","tags":["$table"],$guardWrite$rowsBody,"responses":{"201":$doneRows,$400,$409,$413,$415,$422$denyWrite}},` +
	`"put":{"operationId":"replace$many","summary":"Writes all fields of rows, all or none","tags":["$table"],$guardWrite$rowsBody,"responses":{"200":$doneRows,$400,$409,$413,$415,$422$denyWrite}},` +
	`"delete":{"operationId":"delete$many","summary":"Deletes rows","tags":["$table"],$guardWrite"parameters":[{"name":"$keyName_in","in":"query","required":true,"description":"keys, with commas","schema":{"type":"string"}}],` +
	`"responses":{"200":{"description":"done","content":{"application/json":{"schema":{"type":"object","required":["data","success"],"properties":{"success":{"type":"boolean"},` +
	`"data":{"type":"object","required":["deleted"],"properties":{"deleted":{"type":"integer"}}}}}}}},$400,$409,$413$denyWrite}}}`

// common are the words that mean the same for every endpoint, or are made of others.
var common = []string{
	"$inputBody", `"requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/$oneInput"}}}}`,
	"$rowsBody", `"requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"array","maxItems":100,"items":{"$ref":"#/components/schemas/$oneInput"}}}}}`,
	"$ifMatch", `"parameters":[{"name":"If-Match","in":"header","description":"an ETag","schema":{"type":"string"}}]`,
	"$answer", `"200":$done`,
	"$doneRows", `{"description":"done","content":{"application/json":{"schema":{"$ref":"#/components/schemas/$oneRows"}}}}`,
	"$done", `{"description":"done","content":{"application/json":{"schema":{"$ref":"#/components/schemas/$oneAnswer"}}}}`,
	"$400", `"400":{"description":"the query, the id or the JSON is none",$problem}`,
	"$404", `"404":{"description":"there is no such row",$problem}`,
	"$409", `"409":{"description":"another row has a value, or the row was changed meanwhile",$problem}`,
	"$412", `"412":{"description":"If-Match does not hold",$problem}`,
	"$413", `"413":{"description":"too large or too many",$problem}`,
	"$415", `"415":{"description":"no JSON",$problem}`,
	"$422", `"422":{"description":"the row is not as it should be",$problem}`,
}

const (
	denyText    = `,"401":{"description":"nobody is signed in",$problem},"403":{"description":"it is not allowed",$problem}`
	guardText   = `"security":[{"bearer":[]}],`
	problemText = `"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}`
)

// fill puts what words stand for into a text: pairs of a word and its meaning, in which
// later words may occur.
func fill(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func document(info Info, endpoints []*Endpoint) []byte {
	if info.Version == "" {
		info.Version = "1.0.0"
	}
	var paths, schemas []string
	security := ""
	named := map[string]bool{}
	for _, e := range endpoints {
		one, many := camel(e.schema.Name), camel(e.schema.Table)
		if named[one] { // a model that is mounted twice
			one, many = camel(e.path)+one, camel(e.path)
		}
		if one == many {
			many += "List"
		}
		named[one] = true
		if e.options.Auth != nil {
			security = securityText
		}
		paths = append(paths, e.openAPIPaths(one, many))
		schemas = append(schemas, e.openAPISchemas(one))
	}
	return []byte(fill(documentText, "$paths", strings.Join(paths, ","), "$schemas", strings.Join(schemas, ""), "$security", security,
		"$title", literalText(info.Title), "$version", literalText(info.Version), "$description", literalText(info.Description)))
}

// literalText is a JSON string in which no word stands for something else.
func literalText(s string) string {
	return strings.ReplaceAll(string(appendText(nil, s)), "$", `\u0024`)
}

// openAPIPaths are the paths of an endpoint.
func (e *Endpoint) openAPIPaths(one, many string) string {
	text, write := readPathsText, []string{"$collection", collectionText, "$single", singleText, "$bulk", bulkText}
	if e.options.ReadOnly {
		write = []string{"$collection", "", "$single", "", "$bulk", ""}
	}
	guardRead, denyRead, guardWrite, denyWrite := "", "", "", ""
	if e.options.Auth != nil {
		guardWrite, denyWrite = guardText, denyText
		if !e.options.PublicRead {
			guardRead, denyRead = guardText, denyText
		}
	}
	include := ""
	if len(e.options.Include) > 0 {
		include = `,{"name":"include","in":"query","description":"relations to load, with commas: ` + strings.Join(e.options.Include, ", ") + `","schema":{"type":"string"}}`
	}
	key := &e.schema.Columns[e.schema.Key]
	text = fill(text, write...)
	text = fill(text, common...)
	return fill(text, "$guardRead", guardRead, "$denyRead", denyRead, "$guardWrite", guardWrite, "$denyWrite", denyWrite, "$problem", problemText,
		"$include", include, "$conditions", e.openAPIConditions(), "$keyName", key.Name, "$key", key.openAPI(true), "$path", strings.Trim(literalText(e.path), `"`), "$table", e.schema.Table, "$one", one, "$many", many)
}

// openAPIConditions are the parameters that rows are chosen by.
func (e *Endpoint) openAPIConditions() string {
	var b strings.Builder
	for i := range e.schema.Columns {
		c := &e.schema.Columns[i]
		if !e.schema.visible.Has(i) || c.Type == Blob || c.Type == JSON {
			continue
		}
		is, value := c.Name, c.openAPI(true)
		if slices.Contains([]string{paramSort, paramFields, paramInclude, paramLimit, paramOffset, paramCursor, paramCount}, c.Name) {
			is += "_eq"
		}
		add := func(name, schema string) {
			b.WriteString(`,{"name":"` + name + `","in":"query","schema":` + schema + `}`)
		}
		add(is, value)
		for _, o := range []string{"_ne", "_gt", "_gte", "_lt", "_lte"} {
			add(c.Name+o, value)
		}
		add(c.Name+"_in", `{"type":"string"}`)
		if c.Type.isText() {
			add(c.Name+"_like", `{"type":"string"}`)
		}
	}
	return b.String()
}

// openAPISchemas are those of an endpoint's model: a row as it is read, as it is made,
// and as it is changed.
func (e *Endpoint) openAPISchemas(one string) string {
	s := e.schema
	var writable, required []string
	for i := range s.Columns {
		c := &s.Columns[i]
		if !s.writable.Has(i) {
			continue
		}
		writable = append(writable, c.quoted+c.openAPI(false))
		if c.Required {
			required = append(required, `"`+c.Name+`"`)
		}
	}
	var related []string
	for _, name := range e.options.Include {
		r := s.Relation(name)
		theirs := r.Target.openAPI()
		if r.Kind == HasMany || r.Kind == ManyToMany {
			theirs = `{"type":"array","items":` + theirs + `}`
		}
		related = append(related, `"`+name+`":`+theirs)
	}
	return fill(schemasText, "$row", s.openAPI(related...), "$required", strings.Join(required, ","), "$writable", strings.Join(writable, ","), "$one", one)
}

// openAPI is the schema of a row that is read, with further properties.
func (s *Schema) openAPI(more ...string) string {
	var properties, required []string
	for i := range s.Columns {
		if c := &s.Columns[i]; s.visible.Has(i) {
			properties = append(properties, c.quoted+c.openAPI(false))
			required = append(required, `"`+c.Name+`"`)
		}
	}
	return `{"type":"object","required":[` + strings.Join(required, ",") + `],"properties":{` + strings.Join(append(properties, more...), ",") + `}}`
}

// openAPI is the JSON Schema of a column, or of its values in a URL, of which there is no
// null and which may be any that rows are looked for by.
func (c *Column) openAPI(inURL bool) string {
	nullable := c.Nullable && !inURL
	kind, more := "string", ""
	switch c.Type {
	case UUID:
		more = `,"format":"uuid"`
	case Datetime:
		more = `,"format":"date-time"`
	case Blob:
		more = `,"contentEncoding":"base64"`
	case Boolean:
		kind = "boolean"
	case Integer:
		kind = "integer"
	case Real:
		kind = "number"
	case Enum:
		values := make([]string, len(c.Values), len(c.Values)+1)
		for i, v := range c.Values {
			values[i] = literalText(v)
		}
		if nullable {
			values = append(values, "null")
		}
		more = `,"enum":[` + strings.Join(values, ",") + "]"
	case JSON:
		return "{}"
	}
	if inURL {
		return `{"type":"` + kind + `"` + more + `}`
	}
	least, most := "minimum", "maximum"
	if c.Type == Text {
		least, most = "minLength", "maxLength"
		switch c.Pattern {
		case "email":
			more = `,"format":"email"`
		case "url":
			more = `,"format":"uri"`
		}
	}
	if c.Type != Blob { // whose length is not that of its base64
		more += limitText(least, c.Min) + limitText(most, c.Max)
	}
	if c.Default != nil && c.Type != Datetime {
		more += `,"default":` + c.defaultText()
	}
	if nullable {
		return `{"type":["` + kind + `","null"]` + more + `}`
	}
	return `{"type":"` + kind + `"` + more + `}`
}

func limitText(name string, v *float64) string {
	if v == nil {
		return ""
	}
	return `,"` + name + `":` + strconv.FormatFloat(*v, 'f', -1, 64)
}

// defaultText is the default as JSON.
func (c *Column) defaultText() string {
	switch c.Type {
	case Integer:
		return strconv.FormatInt(c.preset.number, 10)
	case Real:
		return string(appendFloat(nil, c.preset.real))
	case Boolean:
		return strconv.FormatBool(c.preset.flag)
	}
	return literalText(c.preset.text)
}

// camel is a name or a path with a capital letter for each of its words.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r >= 0x80 || !alphanumeric(byte(r)) }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
