package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
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

// Wherever JSON is read in: it is told in the same words.
func TestNoAnswerNamesOurTypes(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	c.call("POST", "/A/vectorize/v2/indexes", j{"name": "v", "config": j{"dimensions": 3, "metric": "cosine"}}).ok(nil)
	for name, test := range map[string]struct{ method, path, body, want string }{
		"a tail of a number":        {"POST", "/S/tails", `5`, "The filters of a tail: the body is not an object with filters: it is a number, not an object."},
		"filters that are none":     {"POST", "/S/tails", `{"filters": "all"}`, `The filters of a tail: the body is not an object with filters: "filters" is a string, not an array.`},
		"a filter that is a number": {"POST", "/S/tails", `{"filters": [5]}`, "The filters of a tail: filter 0: it is a number, not an object."},
		"tail consumers":            {"PATCH", "/S/script-settings", `{"tail_consumers": 5}`, "tail_consumers is not a list of objects with a service: it is a number, not an array."},
		"a vector that is a list":   {"POST", "/A/vectorize/v2/indexes/v/insert", `[1]`, "line 1 is not a vector in JSON: it is not an object"},
		"a vector that is null":     {"POST", "/A/vectorize/v2/indexes/v/insert", `null`, "line 1 is not a vector in JSON: it is not an object"},
		"an id that is a number":    {"POST", "/A/vectorize/v2/indexes/v/insert", `{"id": 5}`, `line 1 is not a vector in JSON: its "id" cannot be of type number`},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.send(test.method, test.path, "application/json", strings.NewReader(test.body))
			if a.status != 400 || len(a.Errors) == 0 || a.Errors[0].Message != test.want {
				t.Errorf("got  %d %s\nwant %s", a.status, a.body, test.want)
			}
		})
	}
}

func TestRulesHaveTheirTypes(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	for name, test := range map[string]struct {
		rule   j
		code   int
		inside string
	}{
		"limits that are a text":               {j{"limits": "x"}, 10026, "it is a string, not an object"},
		"processor time that is a text":        {j{"limits": j{"cpu_ms": "x"}}, 10026, `"cpu_ms" is a string, not a number`},
		"processor time below nothing":         {j{"limits": j{"cpu_ms": -5}}, 10205, "from 1 to 300000, not -5"},
		"more than five minutes of it":         {j{"limits": j{"cpu_ms": 300_001}}, 10205, "from 1 to 300000"},
		"no subrequests":                       {j{"limits": j{"subrequests": 0}}, 10021, "at least 1"},
		"a placement that is a text":           {j{"placement": "smart"}, 10026, "it is a string, not an object"},
		"a placement nobody knows":             {j{"placement": j{"mode": "near"}}, 10021, `"near"`},
		"observability that is a number":       {j{"observability": 5}, 10026, "it is a number, not an object"},
		"observability that may be on":         {j{"observability": j{"enabled": "maybe"}}, 10026, `"enabled" is a string, not a boolean`},
		"logs of which more than all are kept": {j{"observability": j{"enabled": true, "logs": j{"enabled": true, "head_sampling_rate": 7}}}, 100308, "not 7"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(test.rule)
			check(t, err)
			settings := upload(nil)
			settings.part("settings", "settings.json", "application/json", string(text))
			answers := map[string]answer{
				"uploaded": c.call("PUT", "/S", upload(meta(test.rule), "index.js", hello)),
				"changed":  c.call("PATCH", "/S/settings", settings),
			}
			if test.rule["observability"] != nil {
				answers["changed for all versions"] = c.call("PATCH", "/S/script-settings", test.rule)
			}
			for how, a := range answers {
				if a.refused(400, test.code); !strings.Contains(a.Errors[0].Message, test.inside) {
					t.Errorf("%s: %s", how, a.Errors[0].Message)
				}
			}
		})
	}
	for _, rule := range []j{{"limits": nil}, {"limits": j{}}, {"placement": j{}}, {"placement": j{"mode": "smart"}}, {"observability": j{"enabled": true, "head_sampling_rate": 0, "logs": nil}}} {
		c.call("PUT", "/S", upload(meta(rule), "index.js", hello)).ok(nil)
	}
	// What a version may use is what stops it.
	c.call("PUT", "/S", upload(meta(j{"limits": j{"cpu_ms": 1500}}), "index.js", hello)).ok(nil)
	if w, _ := c.stage.worker("web"); w.Versions[0].Version.CPULimit != 1500*time.Millisecond {
		t.Errorf("the limit is %v", w.Versions[0].Version.CPULimit)
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
