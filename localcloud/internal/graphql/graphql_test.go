package graphql

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// visits is a dataset of ten rows, a minute apart: two Workers in turn, the walls 1 to
// 10, and no other figure known.
var visits = Dataset{
	Name: "visits", Labels: []string{"script", "status"}, Count: true, Sum: []string{"requests", "cpu"}, Avg: []string{"wall", "sampleInterval"},
	Max: []string{"wall", "cpu"}, Quantiles: []string{"wall", "cpu"},
	Scan: func(_ context.Context, account string, _, _ time.Time, yield func(Row) error) error {
		for i := range 10 {
			row := Row{
				Time: noon.Add(time.Duration(i) * time.Minute), Labels: map[string]string{"script": []string{"a", "b"}[i%2], "status": "ok"},
				Figures: map[string]float64{"requests": 1, "wall": float64(i + 1)},
			}
			if err := yield(row); err != nil {
				return err
			}
		}
		return nil
	},
}

var schema = Schema{Datasets: []Dataset{visits}, Opens: func(account string) bool { return account == "mine" }, Now: func() time.Time { return noon }}

// ask is a query for visits, with what stands between its parentheses and braces.
func ask(arguments, selection string) string {
	if arguments != "" {
		arguments = "(" + arguments + ")"
	}
	return `{viewer{accounts(filter:{accountTag:"mine"}){visits` + arguments + `{` + selection + `}}}}`
}

func do(t testing.TB, req Request) string {
	b, err := json.Marshal(schema.Do(context.Background(), req))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rows are those of the answer to ask, or its error.
func rows(t testing.TB, req Request) string {
	text := do(t, req)
	var answer struct {
		Data struct {
			Viewer struct {
				Accounts []struct{ Visits json.RawMessage }
			}
		}
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Errors) > 0 {
		return "error: " + answer.Errors[0].Message
	}
	return string(answer.Data.Viewer.Accounts[0].Visits)
}

func TestRowsAreGroupedByTheDimensionsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ arguments, selection, want string }{
		"one group of all":               {"", `sum{requests}`, `[{"sum":{"requests":10}}]`},
		"by a label":                     {"", `dimensions{script} sum{requests} count`, `[{"dimensions":{"script":"a"},"sum":{"requests":5},"count":5},{"dimensions":{"script":"b"},"sum":{"requests":5},"count":5}]`},
		"by time":                        {"", `dimensions{datetimeFiveMinutes} count`, `[{"dimensions":{"datetimeFiveMinutes":"2026-11-28T12:00:00Z"},"count":5},{"dimensions":{"datetimeFiveMinutes":"2026-11-28T12:05:00Z"},"count":5}]`},
		"by day and hour":                {"", `dimensions{date datetimeHour} count`, `[{"dimensions":{"date":"2026-11-28","datetimeHour":"2026-11-28T12:00:00Z"},"count":10}]`},
		"quantiles are exact":            {"", `quantiles{wallP25 wallP50 wallP90 wallP99 wallP999}`, `[{"quantiles":{"wallP25":3,"wallP50":5,"wallP90":9,"wallP99":10,"wallP999":10}}]`},
		"average and maximum":            {"", `avg{wall sampleInterval} max{wall}`, `[{"avg":{"wall":5.5,"sampleInterval":1},"max":{"wall":10}}]`},
		"what is not known is null":      {"", `sum{cpu} max{cpu} quantiles{cpuP50}`, `[{"sum":{"cpu":null},"max":{"cpu":null},"quantiles":{"cpuP50":null}}]`},
		"aliases":                        {"", `d:dimensions{s:script} n:count`, `[{"d":{"s":"a"},"n":5},{"d":{"s":"b"},"n":5}]`},
		"the same key twice is joined":   {"", `sum{requests} sum{n:requests}`, `[{"sum":{"requests":10,"n":10}}]`},
		"type names":                     {"", `__typename sum{__typename}`, `[{"__typename":"visits","sum":{"__typename":"visits_sum"}}]`},
		"a limit":                        {"limit:1", `dimensions{script}`, `[{"dimensions":{"script":"a"}}]`},
		"an order by a dimension":        {"limit:1,orderBy:[script_DESC]", `dimensions{script}`, `[{"dimensions":{"script":"b"}}]`},
		"an order by a figure":           {"limit:1,orderBy:max_wall_DESC", `dimensions{datetime} max{wall}`, `[{"dimensions":{"datetime":"2026-11-28T12:09:00Z"},"max":{"wall":10}}]`},
		"an order by a quantile":         {"limit:1,orderBy:[quantiles_wallP50_DESC,script_ASC]", `dimensions{script}`, `[{"dimensions":{"script":"b"}}]`},
		"an order by count, then time":   {"limit:1,orderBy:[count_DESC,datetimeMinute_DESC]", `dimensions{datetimeMinute}`, `[{"dimensions":{"datetimeMinute":"2026-11-28T12:09:00Z"}}]`},
		"a label":                        {`filter:{script:"a"}`, `count`, `[{"count":5}]`},
		"not a label":                    {`filter:{script_neq:"a",status_like:"o%"}`, `count`, `[{"count":5}]`},
		"labels":                         {`filter:{script_in:["a","c"]}`, `count`, `[{"count":5}]`},
		"none of labels":                 {`filter:{script_notin:["a","b"]}`, `count`, `[]`},
		"from a time until another":      {`filter:{datetime_geq:"2026-11-28T12:01:00Z",datetime_lt:"2026-11-28T12:03:00Z"}`, `count`, `[{"count":2}]`},
		"after and up to a time":         {`filter:{datetime_gt:"2026-11-28T12:01:00Z",datetime_leq:"2026-11-28T12:03:00.5Z"}`, `count`, `[{"count":2}]`},
		"a time of another zone":         {`filter:{datetime_lt:"2026-11-28T13:03:00+01:00"}`, `count`, `[{"count":3}]`},
		"a date":                         {`filter:{date:"2026-11-28"}`, `count`, `[{"count":10}]`},
		"a later date":                   {`filter:{date_gt:"2026-11-28"}`, `count`, `[]`},
		"AND":                            {`filter:{AND:[{script:"a"},{datetime_lt:"2026-11-28T12:02:00Z"}]}`, `count`, `[{"count":1}]`},
		"OR":                             {`filter:{OR:[{script:"a"},{datetime_lt:"2026-11-28T12:02:00Z"}]}`, `count`, `[{"count":6}]`},
		"an unknown field":               {"", `colour`, `error: unknown field "colour" in visits`},
		"an unknown figure":              {"", `sum{colour}`, `error: unknown field "colour" in sum of visits`},
		"an unknown figure of no rows":   {`filter:{script:"c"}`, `sum{colour}`, `error: unknown field "colour" in sum of visits`},
		"an unknown dimension":           {"", `dimensions{colour}`, `error: unknown field "colour" in dimensions of visits`},
		"an unknown quantile":            {"", `quantiles{wallP42}`, `error: unknown field "wallP42" in quantiles of visits`},
		"an unknown filter":              {`filter:{colour:"red"}`, `count`, `error: unknown filter "colour" of visits`},
		"a filter of the wrong type":     {`filter:{script:7}`, `count`, `error: filter script needs a text, not 7`},
		"a filter that is no object":     {`filter:7`, `count`, `error: a filter must be an object, not 7`},
		"a time that is none":            {`filter:{datetime_geq:"today"}`, `count`, `error: filter datetime_geq: "today" is no time like 2026-11-28T12:00:00Z`},
		"an unknown order":               {"orderBy:colour_ASC", `count`, `error: unknown orderBy "colour" of visits`},
		"an order without a direction":   {"orderBy:script", `count`, `error: orderBy "script" ends neither in _ASC nor in _DESC`},
		"an order by what is not there":  {"orderBy:script_ASC", `count`, `error: orderBy "script" needs script among the dimensions`},
		"a limit that is too high":       {"limit:10001", `count`, `error: limit must be a number from 1 to 10000, not 10001`},
		"an unknown argument":            {"colour:1", `count`, `error: unknown argument "colour" of visits`},
		"a figure with fields":           {"", `sum{requests{x}}`, `error: field "requests" has no fields of its own`},
		"no selection":                   {"", `sum`, `error: sum needs a selection of fields`},
		"one key for two":                {"", `a:count a:sum{requests}`, `error: "a" is the name of two fields`},
		"an unknown directive":           {"", `count @colour(if:true)`, `error: unknown directive @colour`},
		"included and skipped":           {"", `count @include(if:true) sum @skip(if:true){requests}`, `[{"count":10}]`},
		"a fragment in line":             {"", `... on Visits{count} ...@skip(if:true){nonsense}`, `[{"count":10}]`},
		"a filter that is nested deeply": {`filter:` + strings.Repeat(`{AND:`, 40) + `{}` + strings.Repeat(`}`, 40), `count`, `error: filters are nested too deep`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := rows(t, Request{Query: ask(test.arguments, test.selection)}); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestVariablesFragmentsAndOperations(t *testing.T) {
	t.Parallel()
	const two = `query A($tag: string!, $f: AnyFilter, $n: uint64 = 1) { viewer { accounts(filter: {accountTag: $tag}) { ...v } } }
query B { viewer { accounts(filter: {accountTag: "mine"}) { visits { count } } } }
fragment v on account { visits(filter: $f, limit: $n) { dimensions { script } count } }`
	variables := map[string]any{"tag": "mine", "f": map[string]any{"script": "b"}}
	if got := rows(t, Request{Query: two, Operation: "A", Variables: variables}); got != `[{"dimensions":{"script":"b"},"count":5}]` {
		t.Error(got)
	}
	if got := rows(t, Request{Query: two, Operation: "B"}); got != `[{"count":10}]` {
		t.Error(got)
	}
	for query, want := range map[string]string{
		two:                         `the request has 2 operations and does not say which to run`,
		`query C($x: int!){viewer}`: `variable $x has no value`,
		`{viewer{accounts(filter:{accountTag:$tag}){visits{count}}}}`:     `variable $tag is not declared`,
		`{viewer{...f}} fragment f on X{...f}`:                            `fragments are nested too deep`,
		`{viewer{...g}}`:                                                  `there is no fragment "g"`,
		`mutation{viewer{x}}`:                                             `mutation is not supported, only queries are`,
		`{viewer{zones{x}}}`:                                              `unknown field "zones" in viewer`,
		`{__schema{types{name}}}`:                                         `unknown field "__schema" in Query`,
		`{viewer{accounts{visits{count}}}}`:                               `accounts need a filter with accountTag`,
		`{viewer{accounts(filter:{name:"x"}){visits{count}}}}`:            `accounts can be filtered by one accountTag, not by name = x`,
		`{viewer{accounts(filter:{accountTag:"theirs"}){visits{count}}}}`: `not authorized for that account`,
		`{viewer{accounts(filter:{accountTag:"mine"}){nothing{count}}}}`:  `unknown field "nothing" in account`,
		`{`: "error parsing the query: input:1:2: Expected Name, found <EOF>",
		``:  `the request has 0 operations and does not say which to run`,
	} {
		var answer struct{ Errors []struct{ Message string } }
		if err := json.Unmarshal([]byte(do(t, Request{Query: query})), &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Errors) != 1 || strings.TrimSpace(answer.Errors[0].Message) != want {
			t.Errorf("%s: got %+v, want %s", query, answer.Errors, want)
		}
	}
}

func TestManyDatasetsInOneQuery(t *testing.T) {
	t.Parallel()
	many := func(n int) Request {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d:visits{count}", i)
		}
		return Request{Query: `{viewer{accounts(filter:{accountTag:"mine"}){` + b.String() + `}}}`}
	}
	if got := do(t, many(2)); got != `{"data":{"viewer":{"accounts":[{"a0":[{"count":10}],"a1":[{"count":10}]}]}},"errors":null}` {
		t.Error(got)
	}
	if got := do(t, many(maxDatasets+1)); !strings.Contains(got, "30 datasets at most") {
		t.Error(got)
	}
}

func TestARefusalSaysWhereAndWhen(t *testing.T) {
	t.Parallel()
	got := do(t, Request{Query: ask("", `sum{x:colour}`)})
	want := `{"data":null,"errors":[{"message":"unknown field \"colour\" in sum of visits","path":["viewer","accounts","0","visits","sum","x"],"extensions":{"timestamp":"2026-11-28T12:00:00Z"}}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzQuery(f *testing.F) {
	f.Add(ask(`filter:{OR:[{script_like:"a%"},{datetime_geq:"2026-11-28T12:00:00Z"}]},limit:3,orderBy:[count_DESC]`, `dimensions{script date} quantiles{wallP50} ...f`)+` fragment f on x{count @include(if:$y)}`, `{"y":true}`)
	f.Add(`query Q($a:string="mine"){viewer{accounts(filter:{accountTag:$a}){visits{sum{requests}}}}}`, `{}`)
	f.Add(strings.Repeat(`{viewer`, 200), `null`)
	f.Add(`{viewer{accounts(filter:{accountTag:"mine"}){visits(filter:{script_like:"%%%%%%_"}){count}}}}`, `[]`)
	f.Fuzz(func(t *testing.T, query, variables string) {
		req := Request{Query: query}
		_ = json.Unmarshal([]byte(variables), &req.Variables) // what is no object gives no variables
		do(t, req)
	})
}
