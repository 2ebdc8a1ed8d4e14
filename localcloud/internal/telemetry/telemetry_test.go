package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// newSource has three invocations of "web", a second apart: the first logs an order,
// the second a text and throws, the third nothing.
func newSource(t testing.TB) Source {
	t.Helper()
	store, err := traffic.Open(traffic.Options{Path: filepath.Join(t.TempDir(), "traffic.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Now().Add(-time.Minute).UnixMilli()
	for i, logs := range []string{
		`[{"level":"log","timestamp":%d,"message":[{"order":7,"customer":{"name":"Ann"},"paid":true}]}]`,
		`[{"level":"warn","timestamp":%d,"message":["low on","stock",3]}]`,
		``,
	} {
		began := float64(now + int64(i)*1000)
		trace := runtime.Trace{
			Invoked: runtime.Invoked{Account: "acc", Script: "web", Version: fmt.Sprint("v", i/2+1)}, Outcome: "ok", Began: &began, Ended: began + float64(i+1),
			Event: json.RawMessage(`{"rpcMethod":"m"}`),
		}
		if logs != "" {
			trace.Logs = json.RawMessage(fmt.Sprintf(logs, now+int64(i)*1000+1))
		}
		if i == 1 {
			trace.Outcome, trace.Exceptions = "exception", json.RawMessage(fmt.Sprintf(`[{"name":"TypeError","message":"boom","timestamp":%d}]`, now+1002))
		}
		store.Traced([]runtime.Trace{trace})
	}
	if err := store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	return Source{Store: store, Account: "acc", Now: time.Now}
}

// ask runs a query of the last hour, with what else it has as JSON.
func (s Source) ask(t testing.TB, text string) (map[string]any, error) {
	t.Helper()
	var q Query
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	q.ID = "q"
	if q.Timeframe.To == 0 {
		q.Timeframe.From, q.Timeframe.To = float64(time.Now().Add(-time.Hour).UnixMilli()), float64(time.Now().Add(time.Hour).UnixMilli())
	}
	return s.Run(context.Background(), q)
}

// messages are what the listed events say.
func messages(t testing.TB, result map[string]any, err error) string {
	t.Helper()
	if reason, ok := IsBad(err); ok {
		return "bad: " + reason
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range result["events"].(map[string]any)["events"].([]event) {
		all = append(all, text(e.fields["$metadata.message"]))
	}
	return strings.Join(all, " | ")
}

func TestEventsAreFiltered(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	const order = `{"order":7,"customer":{"name":"Ann"},"paid":true}`
	filter := func(key, operation, kind, value string) string {
		return `{"key":"` + key + `","operation":"` + operation + `","type":"` + kind + `","value":` + value + `}`
	}
	for name, test := range map[string]struct{ parameters, want string }{
		"nothing":                     {`{}`, "rpc | TypeError: boom | low on stock 3 | rpc | " + order + " | rpc"},
		"a text":                      {`{"filters":[` + filter("$metadata.level", "eq", "string", `"warn"`) + `]}`, "low on stock 3"},
		"not a text":                  {`{"filters":[` + filter("$metadata.type", "neq", "string", `"cf-worker-event"`) + `]}`, "TypeError: boom | low on stock 3 | " + order},
		"a field of a structured log": {`{"filters":[` + filter("customer.name", "=", "string", `"Ann"`) + `]}`, order},
		"a number":                    {`{"filters":[` + filter("order", "gte", "number", `7`) + `]}`, order},
		"a number as text":            {`{"filters":[` + filter("order", "<", "number", `"8"`) + `]}`, order},
		"a boolean":                   {`{"filters":[` + filter("paid", "eq", "boolean", `true`) + `]}`, order},
		"part of a text":              {`{"filters":[` + filter("$metadata.message", "INCLUDES", "string", `"stock"`) + `]}`, "low on stock 3"},
		"the beginning":               {`{"filters":[` + filter("$metadata.error", "starts_with", "string", `"Type"`) + `]}`, "TypeError: boom"},
		"the end":                     {`{"filters":[` + filter("$metadata.error", "ends_with", "string", `"boom"`) + `]}`, "TypeError: boom"},
		"a pattern":                   {`{"filters":[` + filter("$metadata.message", "regex", "string", `"^low.*\\d$"`) + `]}`, "low on stock 3"},
		"one of several":              {`{"filters":[` + filter("$metadata.level", "in", "string", `"warn, debug"`) + `]}`, "low on stock 3"},
		"that is there":               {`{"filters":[{"key":"order","operation":"exists","type":"string"}]}`, order},
		"that is not there":           {`{"filters":[{"key":"order","operation":"is_null","type":"string"},` + filter("$metadata.type", "eq", "string", `"cf-worker"`) + `]}`, "TypeError: boom | low on stock 3"},
		"either":                      {`{"filterCombination":"or","filters":[` + filter("order", "eq", "number", "7") + `,` + filter("$metadata.level", "eq", "string", `"warn"`) + `]}`, "low on stock 3 | " + order},
		"a group":                     {`{"filters":[{"kind":"group","filterCombination":"OR","filters":[` + filter("order", "eq", "number", "7") + `]}]}`, order},
		"a needle":                    {`{"needle":{"value":"ann"}}`, order},
		"a needle in its case":        {`{"needle":{"value":"ann","matchCase":true}}`, ""},
		"a needle that is a pattern":  {`{"needle":{"value":"bo+m","isRegex":true}}`, "TypeError: boom"},
		"the version":                 {`{"filters":[` + filter("$workers.scriptVersion.id", "eq", "string", `"v2"`) + `]}`, "rpc"},
		"how long it took":            {`{"filters":[` + filter("$workers.wallTimeMs", ">", "number", `2`) + `]}`, "rpc"},
		"an unknown operation":        {`{"filters":[` + filter("a", "like", "string", `"x"`) + `]}`, `bad: filter a has the unknown operation "like"`},
		"an unknown type":             {`{"filters":[` + filter("a", "eq", "date", `"x"`) + `]}`, `bad: filter a has the type "date", not string, number or boolean`},
		"no value":                    {`{"filters":[` + filter("a", "eq", "string", `null`) + `]}`, `bad: filter a needs a value that is a string, a number or a boolean`},
		"no key":                      {`{"filters":[` + filter("", "eq", "string", `"x"`) + `]}`, `bad: a filter has no key`},
		"a pattern that is none":      {`{"filters":[` + filter("a", "regex", "string", `"("`) + `]}`, "bad: filter a: the pattern cannot be read (RE2): error parsing regexp: missing closing ): `(`"},
		"another dataset":             {`{"datasets":["logs"]}`, `bad: the only dataset is cloudflare-workers, not [logs]`},
		"an unknown combination":      {`{"filterCombination":"xor"}`, `bad: unknown filterCombination "xor"`},
		"a comparison with a text":    {`{"filters":[` + filter("a", "gt", "number", `"x"`) + `]}`, `bad: filter a compares with "x", which is no number`},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := s.ask(t, `{"view":"events","parameters":`+test.parameters+`}`)
			if got := messages(t, result, err); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestEventsComeInPages(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	var got []string
	offset := ""
	for range 4 {
		result, err := s.ask(t, `{"view":"events","limit":2,"offset":"`+offset+`"}`)
		got = append(got, messages(t, result, err))
		if all := result["events"].(map[string]any)["events"].([]event); len(all) > 0 {
			offset = all[len(all)-1].id
		}
	}
	want := []string{"rpc | TypeError: boom", "low on stock 3 | rpc", `{"order":7,"customer":{"name":"Ann"},"paid":true} | rpc`, ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	result, err := s.ask(t, `{"view":"events","limit":1,"offsetBy":1}`)
	if got := messages(t, result, err); got != "TypeError: boom" {
		t.Errorf("skipping one gives %s", got)
	}
	for text, want := range map[string]string{
		`{"view":"traces"}`:               `the local cloud has the views events, invocations and calculations, not "traces"`,
		`{"limit":2001}`:                  `limit must be from 1 to 2000, and offsetBy from 0 to 10000`,
		`{"compare":true}`:                `the local cloud has no compare, and offsetDirection can only be next`,
		`{"timeframe":{"from":2,"to":1}}`: `the timeframe must have from and to, in milliseconds since 1970, and from must not be later`,
	} {
		_, err := s.ask(t, text)
		if got, _ := IsBad(err); got != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestCalculations(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	for name, test := range map[string]struct{ parameters, want string }{
		"count":      {`{}`, `count: 6`},
		"by a value": {`{"groupBys":[{"type":"string","value":"$metadata.level"}]}`, `count: error 2, info 2, log 1, warn 1`},
		"figures of wall time": {
			`{"calculations":[{"operator":"sum","key":"$workers.wallTimeMs"},{"operator":"AVG","key":"$workers.wallTimeMs"},{"operator":"p99","key":"$workers.wallTimeMs"},{"operator":"min","key":"$workers.wallTimeMs"},{"operator":"median","key":"$workers.wallTimeMs"},{"operator":"variance","key":"$workers.wallTimeMs"}]}`,
			`sum: 6; AVG: 2; p99: 3; min: 1; median: 2; variance: 0.6666666666666666`,
		},
		"different values":        {`{"calculations":[{"operator":"uniq","key":"$metadata.requestId"}]}`, `uniq: 3`},
		"what nothing has":        {`{"calculations":[{"operator":"max","key":"colour"}]}`, `max: `},
		"having":                  {`{"groupBys":[{"type":"string","value":"$metadata.level"}],"havings":[{"key":"count","operation":"gt","value":1}]}`, `count: error 2, info 2`},
		"ordered, and the first":  {`{"calculations":[{"operator":"count","alias":"n"}],"groupBys":[{"type":"string","value":"$workers.scriptVersion.id"}],"orderBy":{"value":"n","order":"asc"},"limit":1}`, `count: v2 1`},
		"an unknown operator":     {`{"calculations":[{"operator":"mode","key":"a"}]}`, `bad: unknown operator "mode"`},
		"an operator without key": {`{"calculations":[{"operator":"sum"}]}`, `bad: the calculation sum needs a key`},
		"an unknown order":        {`{"orderBy":{"value":"colour"}}`, `bad: there is no calculation "colour"`},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := s.ask(t, `{"view":"calculations","parameters":`+test.parameters+`}`)
			var parts []string
			if reason, ok := IsBad(err); ok {
				parts = append(parts, "bad: "+reason)
			}
			calculations, _ := result["calculations"].([]map[string]any)
			for _, c := range calculations {
				var aggregates []string
				for _, a := range c["aggregates"].([]map[string]any) {
					values := ""
					for _, v := range a["groups"].([]groupValue) {
						values += text(v.Value) + " "
					}
					aggregates = append(aggregates, fmt.Sprint(values, a["value"]))
				}
				parts = append(parts, fmt.Sprintf("%s: %s", c["calculation"], strings.Join(aggregates, ", ")))
			}
			if got := strings.Join(parts, "; "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestInvocationsKeysAndValues(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	result, err := s.ask(t, `{"view":"invocations"}`)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(result["invocations"].(map[string][]event)); n != 3 {
		t.Errorf("there are %d invocations", n)
	}
	keys, err := s.Keys(t.Context(), Keys{KeyNeedle: &Needle{Value: "ORDER"}})
	if err != nil || len(keys) != 1 || keys[0]["key"] != "order" || keys[0]["type"] != "number" {
		t.Errorf("the keys like order are %v, %v", keys, err)
	}
	hours := &struct {
		From float64 `json:"from"`
		To   float64 `json:"to"`
	}{0, float64(time.Now().Add(time.Hour).UnixMilli())}
	values, err := s.Values(t.Context(), Keys{Key: "$workers.outcome", Type: "string", Timeframe: hours})
	if err != nil || len(values) != 2 || values[0]["value"] != "exception" || values[1]["value"] != "ok" {
		t.Errorf("the outcomes are %v, %v", values, err)
	}
	if _, err := s.Values(t.Context(), Keys{}); err == nil {
		t.Error("values of no key are listed")
	}
}

func FuzzQuery(f *testing.F) {
	s := newSource(f)
	f.Add(`{"view":"events","parameters":{"filters":[{"key":"order","operation":"regex","type":"string","value":"a*"}],"needle":{"value":"x"}}}`)
	f.Add(`{"view":"calculations","granularity":1e-9,"parameters":{"calculations":[{"operator":"p99","key":"order"}],"groupBys":[{"type":"string","value":"paid"}]}}`)
	f.Add(`{"view":"invocations","offset":"x","offsetBy":3,"limit":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		var q Query
		if json.Unmarshal([]byte(text), &q) != nil {
			return
		}
		if result, err := s.Run(context.Background(), q); err == nil {
			if _, err := json.Marshal(result); err != nil {
				t.Error(err)
			}
		} else if _, ok := IsBad(err); !ok {
			t.Error(err)
		}
	})
}
