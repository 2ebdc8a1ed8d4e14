package api_test

import (
	"strings"
	"testing"
)

// What is wrong with a body is told in JSON's words: the types of this program are
// nobody's business.
func TestBodyOfAnotherShapeIsToldInWordsOfJSON(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for name, test := range map[string]struct{ body, want string }{
		"an array for an object":   {`[1]`, "The request body is not the JSON that was expected: it is an array, not an object."},
		"a number for a string":    {`{"name": 5}`, `The request body is not the JSON that was expected: "name" is a number, not a string.`},
		"a string deep inside":     {`{"read_replication": {"mode": true}}`, `The request body is not the JSON that was expected: "read_replication.mode" is a boolean, not a string.`},
		"a boolean for an object":  {`{"read_replication": "auto"}`, `The request body is not the JSON that was expected: "read_replication" is a string, not an object.`},
		"a text that breaks off":   {`{"na`, "The request body is not the JSON that was expected: unexpected end of JSON input."},
		"nothing at all":           {``, "The request body is not the JSON that was expected: unexpected end of JSON input."},
		"a number with a fraction": {`1.5`, "The request body is not the JSON that was expected: it is a number, not an object."},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.send("POST", "/A/d1/database", "application/json", strings.NewReader(test.body)).refused(400, 10026)
			if got := a.Errors[0].Message; got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestModulesStayInsideOfTheirWorker(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, name := range []string{"../i.js", "a/../../i.js", "/etc/i.js", ".."} {
		c.call("PUT", "/S", upload(j{"main_module": name, "compatibility_date": "2026-01-01"}, name, hello)).refused(400, 10006)
	}
	c.call("PUT", "/S", upload(j{"main_module": "./a/../i.js", "compatibility_date": "2026-01-01"}, "./a/../i.js", hello)).ok(nil)
}
