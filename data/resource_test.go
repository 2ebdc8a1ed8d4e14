package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unsafe"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

// service is REST over the test's models, whose answers are held against its own OpenAPI
// document.
type service struct {
	t       *testing.T
	w       *world
	app     *clodo.Router
	router  routers.Router
	people  *Store[person]
	posts   *Store[post]
	tags    *Store[tagg]
	checked int
}

func newService(t *testing.T) *service {
	t.Helper()
	w := newWorld(t)
	s := &service{
		t: t, w: w, app: clodo.NewRouter(),
		people: NewStore(Define(Options[person]{Rules: []Rule[person]{{Name: "admins are old", Field: "age", Check: func(p *person) error {
			if p.Role == "admin" && (p.Age == nil || *p.Age < 18) {
				return errors.New("Field 'age' must be at least 18 for an admin")
			}
			return nil
		}}}}), w.db, StoreOptions{}),
		posts: NewStore(Define(Options[post]{}), w.db, StoreOptions{}),
		tags:  NewStore(Define(Options[tagg]{}), w.db, StoreOptions{}),
	}
	auth := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer good" {
				clodo.WriteError(w, r, clodo.Errorf(401, "credentials_missing", "The request has no credentials."))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	api := s.app.Group("/api")
	endpoints := []*Endpoint{
		Resource(api, "/people", s.people, ResourceOptions{Include: []string{"posts", "profile"}}),
		Resource(api, "posts/", s.posts, ResourceOptions{Include: []string{"author"}, Auth: auth, PublicRead: true}),
		Resource(api, "/tags", s.tags, ResourceOptions{Auth: auth}),
		Resource(api, "/labels", s.tags, ResourceOptions{ReadOnly: true}),
	}
	s.app.Handle("GET /openapi.json", OpenAPI(Info{Title: "Test"}, endpoints...))
	res := s.send("GET", "/openapi.json", "")
	document, err := openapi3.NewLoader().LoadFromData(res.Body.Bytes())
	fatal(t, err)
	fatal(t, document.Validate(t.Context(), openapi3.IsOpenAPI31OrLater(), openapi3.EnableSchemaFormatValidation()))
	s.router, err = legacy.NewRouter(document)
	fatal(t, err)
	return s
}

// send sends a request, with header fields, each a name and a value. What the document
// knows is checked against it: good requests as they are sent, and all answers.
func (s *service) send(method, target, body string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	request := func() *http.Request {
		r := httptest.NewRequestWithContext(s.w, method, target, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	res := httptest.NewRecorder()
	s.app.ServeHTTP(res, request())
	if s.router == nil {
		return res
	}
	route, parameters, err := s.router.FindRoute(request())
	if err != nil || strings.Contains(target, "fields=") || strings.Contains(body, "created_at") { // of which the document does not speak
		return res
	}
	s.checked++
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: request(), PathParams: parameters, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(s.w, in); err != nil && res.Code < 300 {
		s.t.Errorf("%s %s was taken, and the document does not know it: %v", method, target, err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.Code, Header: res.Header(), Options: options, Body: io.NopCloser(bytes.NewReader(res.Body.Bytes()))}
	if method != http.MethodHead {
		if err := openapi3filter.ValidateResponse(s.w, out); err != nil {
			s.t.Errorf("%s %s: %d %s: %v", method, target, res.Code, res.Body, err)
		}
	}
	return res
}

// told is what is wrong by an answer: its status, its code, and each field with its code.
func told(res *httptest.ResponseRecorder) string {
	var p struct {
		Code   string
		Errors []clodo.Field
	}
	_ = json.Unmarshal(res.Body.Bytes(), &p)
	text := fmt.Sprint(res.Code, " ", p.Code)
	for _, f := range p.Errors {
		text += " " + f.Name + ":" + f.Code
	}
	return text
}

func TestARowOverHTTP(t *testing.T) {
	t.Parallel()
	s := newService(t)
	made := s.send("POST", "/api/people", `{"email":"ann@example.com","name":"Ann","age":30,"picture":"AP8="}`)
	location := made.Header().Get("Location")
	if made.Code != 201 || !strings.HasPrefix(location, "/api/people/") || made.Header().Get("Etag") != `W/"1"` || strings.Contains(made.Body.String(), "secret") {
		t.Fatalf("%d %v %s", made.Code, made.Header(), made.Body)
	}
	if got := s.send("GET", location, ""); got.Code != 200 || got.Body.String() != made.Body.String() || got.Header().Get("Etag") != `W/"1"` {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := s.send("HEAD", location, ""); got.Code != 200 || got.Body.Len() != 0 || got.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d %s", got.Code, got.Body)
	}
	if got := s.send("GET", location, "", "If-None-Match", `W/"1"`); got.Code != 304 || got.Body.Len() != 0 {
		t.Errorf("304: %d %s", got.Code, got.Body)
	}
	id := location[len("/api/people/"):]
	steps := []struct {
		name, method, target, body string
		header                     []string
		want                       string
	}{
		{"some fields", "GET", location + "?fields=email,age", "", nil, `{"success":true,"data":{"email":"ann@example.com","age":30}}`},
		{"a patch", "PATCH", location, `{"age":31}`, []string{"If-Match", `W/"1"`}, "200 "},
		{"a patch of what has changed", "PATCH", location, `{"age":32}`, []string{"If-Match", `"1"`}, "412 precondition_failed"},
		{"a patch that knows the version", "PATCH", location, `{"age":32,"version":2}`, nil, "200 "},
		{"one that knows an old version", "PATCH", location, `{"age":33,"version":2}`, nil, "409 version_conflict"},
		{"one that says two versions", "PATCH", location, `{"age":33,"version":2}`, []string{"If-Match", `"3"`}, "412 precondition_failed"},
		{"a patch of nothing", "PATCH", location, `{}`, nil, "200 "},
		{"a rule over the whole row", "PATCH", location, `{"age":17,"role":"admin"}`, nil, "422 validation_failed age:CUSTOM_RULE_VIOLATION"},
		{"a rule that needs what is there", "PATCH", location, `{"role":"admin"}`, nil, "200 "},
		{"then", "PATCH", location, `{"age":5}`, nil, "422 validation_failed age:CUSTOM_RULE_VIOLATION"},
		{"what is read-only is left alone", "PATCH", location, `{"created_at":"2001-01-01T00:00:00Z"}`, nil, "200 "},
		{"a whole row", "PUT", location, `{"id":"` + id + `","email":"ann@example.com","age":20,"version":6}`, nil, "200 "},
		{"a whole row of an old version", "PUT", location, `{"email":"ann@example.com","version":6}`, nil, "409 version_conflict"},
		{"a whole row without what is required", "PUT", location, `{}`, nil, "422 validation_failed email:REQUIRED_FIELD_MISSING"},
		{"another key than the path's", "PUT", location, `{"id":"x","email":"a"}`, nil, "422 validation_failed id:KEY_MISMATCH"},
		{"a hidden field", "PATCH", location, `{"secret":"x"}`, nil, "422 validation_failed secret:UNKNOWN_FIELD"},
		{
			"everything wrong", "PATCH", location, `{"age":151,"role":"root","score":"x","nope":1,"email":null}`, nil,
			"422 validation_failed email:REQUIRED_FIELD_MISSING age:RANGE_VIOLATION score:INVALID_TYPE role:ENUM_VIOLATION nope:UNKNOWN_FIELD",
		},
		{"no JSON", "PATCH", location, `{"age":`, nil, "400 invalid_json"},
		{"nothing", "PATCH", location, ``, []string{"Content-Type", "application/json"}, "400 empty_body"},
		{"a form", "PATCH", location, `age=5`, []string{"Content-Type", "application/x-www-form-urlencoded"}, "415 unsupported_media_type"},
		{"too much", "POST", "/api/people", `{"email":"` + strings.Repeat("a", 1<<20) + `"}`, nil, "413 too_large"},
		{"an address that another row has", "POST", "/api/people", `{"email":"ann@example.com"}`, nil, "409 unique_violation email:UNIQUE_VIOLATION"},
		{"an array is no row", "POST", "/api/people", `[{"email":"c"}]`, nil, "400 invalid_json"},
		{"nobody", "GET", "/api/people/nobody", "", nil, "404 not_found"},
		{"nobody to change", "PATCH", "/api/people/nobody", `{}`, nil, "404 not_found"},
		{"nobody to replace", "PUT", "/api/people/nobody", `{"email":"x"}`, nil, "404 not_found"},
		{"nobody to delete", "DELETE", "/api/people/nobody", "", nil, "404 not_found"},
		{"nobody who matches", "DELETE", "/api/people/nobody", "", []string{"If-Match", "*"}, "412 precondition_failed"},
		{"an id that is none", "GET", "/api/labels/x", "", nil, "400 invalid_id id:INVALID_TYPE"},
		{"an id beyond all numbers", "GET", "/api/labels/9223372036854775807", "", nil, "404 not_found"},
		{"a new one beyond all numbers", "POST", "/api/posts", `{"id":9007199254740993,"title":"x"}`, []string{"Authorization", "Bearer good"}, "422 validation_failed id:RANGE_VIOLATION"},
		{"more than any number", "GET", "/api/posts?id_gt=9007199254740992", "", nil, "400 invalid_query id:INVALID_TYPE"},
		{"one of them is", "GET", "/api/posts?id_in=1,-9007199254740992", "", nil, "400 invalid_query id:INVALID_TYPE"},
		{"the largest number", "GET", "/api/posts?id_in=9007199254740991,-9007199254740991&fields=id", "", nil, `{"success":true,"data":[],"pagination":{"total":null,"limit":100,"offset":0,"totalPages":null,"currentPage":1,"hasNext":false,"hasPrev":false,"next":null}}`},
		{"SQL for an id", "GET", "/api/people/'%20OR%201=1--", "", nil, "404 not_found"},
		{"a row is no list", "GET", location + "?age=5", "", nil, "400 invalid_query query:NOT_A_LIST"},
		{"a relation that is not offered", "GET", "/api/posts?include=tags", "", nil, "400 invalid_query include:UNKNOWN_RELATION"},
		{"fields that are none", "GET", location + "?fields=secret,x", "", nil, "400 invalid_query fields:UNKNOWN_FIELD fields:UNKNOWN_FIELD"},
		{"deleted, when it is as it was", "DELETE", location, "", []string{"If-Match", `"1"`}, "412 precondition_failed"},
		{"deleted", "DELETE", location, "", []string{"If-Match", `"7"`}, "204 "},
		{"gone", "GET", location, "", nil, "404 not_found"},
		{"another method", "POST", location, "{}", nil, "405 method_not_allowed"},
		{"what is read-only", "POST", "/api/labels", "{}", nil, "405 method_not_allowed"},
		{"without credentials", "POST", "/api/posts", `{"title":"x"}`, nil, "401 credentials_missing"},
		{"with any credentials", "POST", "/api/posts", `{"title":"x"}`, []string{"Authorization", "x"}, "401 credentials_missing"},
		{"with the right ones", "POST", "/api/posts", `{"title":"x"}`, []string{"Authorization", "Bearer good"}, "201 "},
		{"reading needs none here", "GET", "/api/posts/1?fields=title", "", nil, `{"success":true,"data":{"title":"x"}}`},
		{"and there it does", "GET", "/api/tags", "", nil, "401 credentials_missing"},
	}
	for _, step := range steps {
		res := s.send(step.method, step.target, step.body, step.header...)
		got := told(res)
		if strings.HasPrefix(step.want, "{") {
			got = res.Body.String()
		}
		if got != step.want {
			t.Errorf("%s: %s\nwant %s\nbody %s", step.name, got, step.want, res.Body)
		}
	}
	var n int
	fatal(t, s.w.db.Prepare("SELECT count(*) FROM people").First(s.w, &n))
	if n != 1 {
		t.Errorf("%d rows were written", n)
	}
	if s.checked < 40 {
		t.Errorf("%d answers were held against the document", s.checked)
	}
}

// A model without a version has the whole row for a tag, and a change is made only to
// the row that the client saw.
func TestAConditionHoldsWithoutAVersion(t *testing.T) {
	t.Parallel()
	s := newService(t)
	auth := []string{"Authorization", "Bearer good"}
	s.send("POST", "/api/posts", `{"title":"one"}`, auth...)
	seen := s.send("GET", "/api/posts/1", "").Header().Get("Etag")
	with := func(tag string) []string { return append([]string{"If-Match", tag}, auth...) }
	if got := told(s.send("PATCH", "/api/posts/1", `{"title":"two"}`, with(seen)...)); got != "200 " {
		t.Error(got)
	}
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		body := `{"title":"three"}`
		if method == "DELETE" {
			body = ""
		}
		if got := told(s.send(method, "/api/posts/1", body, with(seen)...)); got != "412 precondition_failed" {
			t.Errorf("%s: %s", method, got)
		}
	}
	row, err := s.posts.fresh(s.w, int64(1))
	fatal(t, err)
	l := s.posts.lockOn(row) // as if the check had been made
	_, err = s.posts.Patch(s.w, post{ID: 1, Title: "meanwhile"}, "title")
	fatal(t, err)
	if err := s.posts.delete(s.w, int64(1), l); !errors.Is(err, ErrConflict) {
		t.Errorf("a row that changed after the check was deleted: %v", err)
	}
	if _, err := s.posts.change(s.w, row, s.posts.schema.changeable(), l); !errors.Is(err, ErrConflict) {
		t.Errorf("a row that changed after the check was written: %v", err)
	}
}

// Of every type the value that is guarded is the value that the database has.
func TestWhatIsGuardedIsComparedAsItIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := NewStore(Define(Options[person]{}), w.db, StoreOptions{})
	made, err := people.Create(w, person{Email: "a\"é", Name: ptr("n"), Age: ptr(3), Score: 0.1, Role: "admin", Active: true, Picture: []byte{0, 171}, Secret: "s"})
	fatal(t, err)
	_, err = w.db.Exec(w, "UPDATE people SET updated_at = '2026-01-31 12:00:00'")
	fatal(t, err)
	row, err := people.fresh(w, made.ID)
	fatal(t, err)
	all := people.schema.changeable()
	changed, err := people.change(w, row, all, people.lockAll(row))
	fatal(t, err)
	for name, change := range map[string]func(*person){
		"email": func(p *person) { p.Email = "b" }, "name": func(p *person) { p.Name = nil }, "age": func(p *person) { p.Age = ptr(4) }, "score": func(p *person) { p.Score = 0.2 },
		"active": func(p *person) { p.Active = false }, "picture": func(p *person) { p.Picture[1] = 172 }, "updated_at": func(p *person) { p.UpdatedAt = p.CreatedAt.AddDate(1, 0, 0) },
	} {
		other := people.schema.copies([]unsafe.Pointer{changed}, people.schema.All())[0]
		change((*person)(other))
		if _, err := people.change(w, changed, all, lock{guard: all, was: other}); !errors.Is(err, ErrConflict) {
			t.Errorf("another %s is taken for the same: %v", name, err)
		}
	}
}

// lockAll is the lock of a model without a version.
func (t *table) lockAll(p row) lock {
	return lock{guard: t.schema.changeable(), was: t.schema.copies([]row{p}, t.schema.All())[0]}
}

func TestAListOverHTTP(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for i := range 42 {
		_, err := s.people.Create(s.w, person{ID: fmt.Sprintf("p%02d", i), Email: fmt.Sprint(i), Age: ptr(i), Role: "member"})
		fatal(t, err)
	}
	_, err := s.posts.Create(s.w, post{AuthorID: ptr("p05"), Title: "by five"})
	fatal(t, err)
	list := func(query string) (ids []string, pagination string, next string) {
		t.Helper()
		res := s.send("GET", "/api/people"+query, "")
		var page struct {
			Data       []struct{ ID string }
			Pagination json.RawMessage
		}
		if err := json.Unmarshal(res.Body.Bytes(), &page); err != nil || res.Code != 200 {
			t.Fatalf("%s: %d %s", query, res.Code, res.Body)
		}
		for _, d := range page.Data {
			ids = append(ids, d.ID)
		}
		var p struct{ Next *string }
		fatal(t, json.Unmarshal(page.Pagination, &p))
		pagination = string(page.Pagination)
		if p.Next != nil {
			next = *p.Next
			pagination = strings.Replace(pagination, next, "CURSOR", 1)
		}
		return ids, pagination, next
	}
	ids, pagination, _ := list("?limit=10&offset=20&count=true")
	if len(ids) != 10 || ids[0] != "p20" {
		t.Error(ids)
	}
	if diff := cmp.Diff(`{"total":42,"limit":10,"offset":20,"totalPages":5,"currentPage":3,"hasNext":true,"hasPrev":true,"next":"CURSOR"}`, pagination); diff != "" {
		t.Error(diff)
	}
	ids, pagination, next := list("?limit=2&sort=-age&age_lte=10&fields=id")
	if diff := cmp.Diff([]string{"p10", "p09"}, ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`{"total":null,"limit":2,"offset":0,"totalPages":null,"currentPage":1,"hasNext":true,"hasPrev":false,"next":"CURSOR"}`, pagination); diff != "" {
		t.Error(diff)
	}
	ids, pagination, _ = list("?limit=2&sort=-age&age_lte=10&fields=id&cursor=" + next)
	if diff := cmp.Diff([]string{"p08", "p07"}, ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`{"total":null,"limit":2,"offset":null,"totalPages":null,"currentPage":null,"hasNext":true,"hasPrev":true,"next":"CURSOR"}`, pagination); diff != "" {
		t.Error(diff)
	}
	if got := told(s.send("GET", "/api/people?limit=2&sort=-age&age_lte=11&cursor="+next, "")); got != "400 invalid_query cursor:INVALID_CURSOR" {
		t.Errorf("a cursor of another filter: %s", got)
	}
	if got := told(s.send("GET", "/api/people?limit=0", "")); got != "400 invalid_query limit:INVALID_LIMIT" {
		t.Error(got)
	}
	if got := s.send("GET", "/api/people?id_in=p05,p06&include=posts&fields=id", "").Body.String(); !strings.HasPrefix(got, `{"success":true,"data":[{"id":"p05","posts":[{"id":1,"author_id":"p05","title":"by five"}]},{"id":"p06","posts":[]}],`) {
		t.Error(got)
	}
	res := s.send("GET", "/api/people", "")
	if got := s.send("GET", "/api/people", "", "If-None-Match", res.Header().Get("Etag")); got.Code != 304 {
		t.Errorf("the same list again: %d", got.Code)
	}
	if n := s.w.during(func() { s.send("GET", "/api/people?include=posts,profile&count=true", "") }); n != 2 {
		t.Errorf("a list with its count and two relations made %d calls", n)
	}
}

func TestManyRowsOverHTTP(t *testing.T) {
	t.Parallel()
	s := newService(t)
	steps := []struct{ name, method, target, body, want string }{
		{"one row is no array", "POST", "/api/people/bulk", `{"email":"c"}`, "400 invalid_json"},
		{"made", "POST", "/api/people/bulk", `[{"id":"a","email":"a"},{"id":"b","email":"b"}]`, "201 "},
		{"one of them is wrong", "POST", "/api/people/bulk", `[{"email":"c"},{"age":-1}]`, "422 validation_failed 1.email:REQUIRED_FIELD_MISSING 1.age:RANGE_VIOLATION"},
		{"one is there", "POST", "/api/people/bulk", `[{"email":"c"},{"email":"b"}]`, "409 unique_violation email:UNIQUE_VIOLATION"},
		{"one is no object", "POST", "/api/people/bulk", `[{"email":"c"},5]`, "400 invalid_json"},
		{"no array after all", "POST", "/api/people/bulk", `[{"email":"c"}`, "400 invalid_json"},
		{"too many", "POST", "/api/people/bulk", "[" + strings.Repeat(`{"email":"c"},`, 100) + `{"email":"c"}]`, "413 too_many_rows"},
		{"none", "POST", "/api/people/bulk", "[]", "201 "},
		{"replaced", "PUT", "/api/people/bulk", `[{"id":"a","email":"a2","version":1},{"id":"b","email":"b2"}]`, "200 "},
		{"replaced from an old version", "PUT", "/api/people/bulk", `[{"id":"b","email":"b3","version":2},{"id":"a","email":"a3","version":1}]`, "409 version_conflict"},
		{"replaced without a key", "PUT", "/api/people/bulk", `[{"email":"a3"}]`, "422 validation_failed 0.id:REQUIRED_FIELD_MISSING"},
		{"the same twice", "PUT", "/api/people/bulk", `[{"id":"a","email":"a3"},{"id":"a","email":"a4"}]`, "409 version_conflict"},
		{"deleted without saying which", "DELETE", "/api/people/bulk", "", "400 invalid_query id_in:REQUIRED_FIELD_MISSING"},
		{"or by something else", "DELETE", "/api/people/bulk?age_gt=1", "", "400 invalid_query id_in:REQUIRED_FIELD_MISSING"},
		{"deleted", "DELETE", "/api/people/bulk?id_in=a,nobody", "", "200 "},
	}
	for _, step := range steps {
		if res := s.send(step.method, step.target, step.body); told(res) != step.want {
			t.Errorf("%s: %s\nwant %s\nbody %s", step.name, told(res), step.want, res.Body)
		}
	}
	page, err := s.people.List(s.w, Query{})
	fatal(t, err)
	if len(page.Rows) != 1 || page.Rows[0].Email != "b2" {
		t.Errorf("%+v", page.Rows)
	}
}

// What a model says is text in the document, whatever it is.
func TestADocumentSaysWhatModelsSay(t *testing.T) {
	t.Parallel()
	type odd struct {
		ID   int64   `data:"id,key"`
		Kind *string `data:"kind,enum=$one|$400|\"quoted\""`
		Size float64 `data:"size,default=0.5,min=-1,max=1e3"`
		Name string  `data:"name,default='$table, \"x\"',max=20"`
		Any  *string `data:"sort"`
	}
	app := clodo.NewRouter()
	e := Resource(app, "/odd-$path/ones", NewStore(Define(Options[odd]{}), nil, StoreOptions{}), ResourceOptions{})
	w := ask(t, OpenAPI(Info{Title: `A "$title"`}, e))
	document, err := openapi3.NewLoader().LoadFromData(w)
	fatal(t, err)
	fatal(t, document.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()))
	input := document.Components.Schemas["OddInput"].Value.Properties
	if got := input["kind"].Value.Enum; !cmp.Equal(got, []any{"$one", "$400", `"quoted"`, nil}) {
		t.Error(got)
	}
	if p := document.Paths.Value("/odd-$path/ones"); document.Info.Title != `A "$title"` || input["name"].Value.Default != `$table, "x"` || p == nil || p.Get.OperationID != "listOddList" {
		t.Error(document.Info.Title, input["name"].Value.Default, document.Paths.InMatchingOrder())
	} else if p.Get.Parameters.GetByInAndName("query", "sort_eq") == nil {
		t.Error("a column with the name of a parameter is hidden by it")
	}
}

func ask(t *testing.T, h http.Handler) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}
