package data

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/openapi"
)

// What a service says of itself is enough for a typed client, in which nothing is left
// open.
func TestAClientCanBeMadeFromTheDocument(t *testing.T) {
	t.Parallel()
	s := newService(t)
	api, findings := openapi.Read("openapi.json", s.send("GET", "/openapi.json", "").Body.Bytes())
	for _, f := range findings {
		t.Errorf("%v", f)
	}
	if api == nil {
		t.Fatal("it was not read")
	}
	var names []string
	for _, o := range api.Operations {
		names = append(names, o.Name)
	}
	for _, want := range []string{"ListPeople", "GetPerson", "CreatePerson", "ReplacePerson", "UpdatePerson", "DeletePerson", "CreatePeople", "ReplacePeople", "DeletePeople"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s in %s", want, strings.Join(names, ", "))
		}
	}
	code, findings, err := api.Go("client")
	for _, f := range findings {
		t.Errorf("%v", f)
	}
	fatal(t, err)
	if _, err := parser.ParseFile(token.NewFileSet(), "client.go", code, 0); err != nil {
		t.Error(err)
	}
}
