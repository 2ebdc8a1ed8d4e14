package operator_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

// flagged writes a portfolio with a flag, and a Worker that tells what is in KV.
func flagged(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, "clodo.yaml", "version: 1\nportfolio: shop\nfeatures: { premium: { default: false, runtime: true } }\nservices: { hello: { path: ., inherit: all } }\n")
	write(t, dir, "wrangler.jsonc", `{ "name": "hello", "main": "index.js", "compatibility_date": "2026-11-01" }`)
	write(t, dir, "index.js", `export default { async fetch(request, env) {
		const text = new URL(request.url).searchParams.get("write");
		if (text !== null) await env.CLODO_FLAGS.put("flags", text);
		return new Response(env.CLODO_FEATURES + " " + (await env.CLODO_FLAGS.get("flags")));
	} };`)
}

func TestAChangedFlagIsWhereServicesReadIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flagged(t, dir)
	op := open(t, dir)
	ship(t, op, project.Selector{})
	declared := `{"v":1,"flags":{"premium":{"default":false,"runtime":true}}} `
	if got := ask(t, op, "hello", "/"); got != declared+"null" {
		t.Errorf("before: %s", got)
	}
	for _, c := range []struct {
		change operator.FlagChange
		want   string
	}{
		{operator.FlagChange{Flag: "premium", Value: true, Percentage: new(12.5)}, `{"v":1,"flags":{"premium":{"environment":{"value":true,"percentage":12.5}}}}`},
		{operator.FlagChange{Flag: "premium", Value: true, DryRun: true}, `{"v":1,"flags":{"premium":{"environment":{"value":true,"percentage":12.5}}}}`},
		{operator.FlagChange{Flag: "premium", Value: true}, `{"v":1,"flags":{"premium":{"environment":true}}}`},
		{operator.FlagChange{Flag: "premium"}, `{"v":1,"flags":{}}`},
	} {
		changed, err := op.SetFlag(t.Context(), operator.FlagScope{}, c.change)
		if err != nil || len(changed) != 1 || changed[0].Changed == c.change.DryRun {
			t.Fatalf("%+v: %+v, %v", c.change, changed, err)
		}
		if got := ask(t, op, "hello", "/"); got != declared+c.want {
			t.Errorf("%+v: %s", c.change, got)
		}
	}

	store := state.New(dir + "/.clodo")
	defer store.Close()
	journal, err := store.Journal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, entry := range journal {
		e, err := entry.Event()
		if err != nil {
			t.Fatal(err)
		}
		if e.Action == "feature.set" {
			told = append(told, e.Detail["flag"]+" in "+e.Detail["namespace"]+": "+e.Detail["before"]+" → "+e.Detail["after"])
		}
	}
	want := []string{"premium in shop-flags: not set → true for 12.5%", "premium in shop-flags: true for 12.5% → true", "premium in shop-flags: true → not set"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the journal (-want +got):\n%s", diff)
	}
}

func TestAFlagIsChangedForAllCustomersByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flagged(t, dir)
	config := "version: 1\nportfolio: shop\nfeatures: { premium: { default: false, runtime: true } }\nservices: { hello: { path: ., inherit: all } }\n"
	everyone := operator.FlagScope{Customers: []string{"*"}}
	write(t, dir, "clodo.yaml", config)
	_, err := open(t, dir).SetFlag(t.Context(), everyone, operator.FlagChange{Flag: "premium", Value: true})
	if told, ok := errors.AsType[*diag.Error](err); !ok || told.Code != "C020" {
		t.Errorf("without customers: %v", err)
	}

	write(t, dir, "clodo.yaml", config+`environments: { production: {}, staging: {} }
customers:
  acme: { name: Acme, isolation: dedicated }
  tiny: { name: Tiny, isolation: shared }
  late: { name: Late, isolation: shared, environments: [staging] }
`)
	op := open(t, dir)
	ship(t, op, project.Selector{Environment: "production", Customers: []string{"*"}})
	everyone.Environment = "production"
	changed, err := op.SetFlag(t.Context(), everyone, operator.FlagChange{Flag: "premium", Value: true})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range changed {
		told = append(told, c.Customer+" in "+c.Namespace)
	}
	if diff := cmp.Diff([]string{"acme in shop-flags-production--acme", "tiny in shop-flags-production"}, told); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if got := ask(t, op, "hello-production", "/"); !strings.HasSuffix(got, ` {"v":1,"flags":{"premium":{"customers":{"tiny":true}}}}`) {
		t.Errorf("the shared Worker reads %s", got)
	}
}

// forgetful is a Cloudflare that takes changed flags and then gives something else, as KV
// may for a while after a write.
type forgetful struct {
	wrote  bool
	answer func(*http.Request) (*http.Response, error)
}

func (f *forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/values/flags") {
		switch r.Method {
		case http.MethodPut:
			f.wrote = true
		case http.MethodGet:
			if f.wrote {
				return f.answer(r)
			}
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestAChangeThatCannotBeReadBackIsNotTakenForDone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flagged(t, dir)
	ship(t, open(t, dir), project.Selector{})
	for name, tt := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		why    string
	}{
		"what was there before": {func(r *http.Request) (*http.Response, error) {
			res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Clodo-Local-Cloud": {"1"}}, Request: r}
			res.Body = io.NopCloser(strings.NewReader(`{"v":1,"flags":{}}`))
			return res, nil
		}, "the namespace gives something else"},
		"no answer": {func(*http.Request) (*http.Response, error) { return nil, errors.New("the line is dead") }, "the line is dead"},
	} {
		t.Run(name, func(t *testing.T) {
			op, err := operator.New(operator.Options{
				Dir: dir, Local: true, Home: t.TempDir(), Getenv: func(string) string { return "" },
				HTTPClient: &http.Client{Transport: &forgetful{answer: tt.answer}},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = op.Close() })
			_, err = op.SetFlag(t.Context(), operator.FlagScope{}, operator.FlagChange{Flag: "premium", Value: true, Percentage: new(float64(len(name)))})
			var told *diag.Error
			if !errors.As(err, &told) || told.Code != "D233" || !strings.Contains(told.Why, tt.why) || !told.Retryable || told.State == diag.NothingChanged {
				t.Errorf("got %+v", err)
			}
		})
	}
}

func TestWhatOthersWroteIsNotTakenForFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flagged(t, dir)
	op := open(t, dir)
	ship(t, op, project.Selector{})
	ask(t, op, "hello", "/?write=rubbish")
	for what, call := range map[string]func() error{
		"list": func() error { _, err := op.Flags(t.Context(), operator.FlagScope{}, false); return err },
		"set": func() error {
			_, err := op.SetFlag(t.Context(), operator.FlagScope{}, operator.FlagChange{Flag: "premium", Value: true})
			return err
		},
	} {
		var told *diag.Error
		if err := call(); !errors.As(err, &told) || told.Code != "D232" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := ask(t, op, "hello", "/"); !strings.HasSuffix(got, " rubbish") {
		t.Errorf("it was overwritten: %s", got)
	}
	// What is no longer declared stays, for whoever still reads it.
	ask(t, op, "hello", `/?write=`+`%7B%22v%22:1,%22flags%22:%7B%22gone%22:%7B%22environment%22:true%7D%7D%7D`)
	if _, err := op.SetFlag(t.Context(), operator.FlagScope{}, operator.FlagChange{Flag: "premium", Value: true}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, op, "hello", "/"); !strings.HasSuffix(got, `{"v":1,"flags":{"gone":{"environment":true},"premium":{"environment":true}}}`) {
		t.Errorf("it says %s", got)
	}
}

func TestValuesOfFlagsAreParsedByTheirType(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "clodo.yaml", `version: 1
portfolio: shop
features:
  boolean: { default: false }
  string: { type: string, default: "" }
  integer: { type: integer, default: 0 }
  number: { type: number, default: 0 }
  enum: { type: enum, values: [a, b], default: a }
services: { hello: { path: . } }
`)
	hello(t, dir, "hello")
	op := open(t, dir)
	for _, c := range []struct {
		flag, text string
		want       any // nil: refused
	}{
		{"boolean", "true", true},
		{"boolean", "false", false},
		{"boolean", "1", nil},
		{"boolean", "TRUE", nil},
		{"boolean", "", nil},
		{"string", "true", "true"},
		{"string", "", ""},
		{"integer", "-7", int64(-7)},
		{"integer", "1e3", int64(1000)},
		{"integer", "0.5", nil},
		{"integer", "9007199254740993e1", nil},
		{"integer", "x", nil},
		{"number", "0.5", 0.5},
		{"number", "2", 2.0},
		{"number", "NaN", nil},
		{"number", "Inf", nil},
		{"enum", "b", "b"},
		{"enum", "c", nil},
	} {
		got, err := op.ParseFlagValue(t.Context(), c.flag, c.text)
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.want != nil) {
			t.Errorf("%s %q: %v (-want +got):\n%s", c.flag, c.text, err, diff)
		}
	}
}
