package openfeature_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/openfeature"
)

const document = `{"v":1,"environment":"production","hosts":{"a.example.com":"a"},"flags":{
	"premium":{"default":false,"customers":{"a":true}},
	"child":{"default":true,"requires":["premium"]},
	"theme":{"type":"enum","values":["light","dark"],"default":"light","rules":[{"when":[{"attribute":"age","in":["42"]}],"value":"dark"}]},
	"limit":{"type":"integer","default":10,"domains":{"a.example.com":20}},
	"ratio":{"type":"number","default":0.5},
	"share":{"default":false,"rules":[{"percentage":50,"value":true}]}
}}`

// client is the SDK's, on a provider of a document. Domains keep parallel tests apart.
func client(t *testing.T, document string) *sdk.Client {
	t.Helper()
	flags, err := feature.Open(feature.Options{Document: document})
	if err != nil {
		t.Fatal(err)
	}
	if err := sdk.SetNamedProviderWithContextAndWait(t.Context(), t.Name(), openfeature.NewProvider(flags)); err != nil {
		t.Fatal(err)
	}
	return sdk.NewClient(t.Name())
}

func TestFlagsThroughTheSDK(t *testing.T) {
	t.Parallel()
	c := client(t, document)
	in := "" // a subject within the share
	for i := 'a'; in == ""; i++ {
		if feature.Bucket("share", string(i)) < 5000 {
			in = string(i)
		}
	}
	nobody := sdk.NewTargetlessEvaluationContext(nil)
	a := sdk.NewTargetlessEvaluationContext(map[string]any{"domain": "a.example.com"})
	type outcome struct {
		Value  any
		Reason sdk.Reason
		Code   sdk.ErrorCode
	}
	boolean := func(flag string, in sdk.EvaluationContext) outcome {
		d, _ := c.BooleanValueDetails(t.Context(), flag, true, in) // the error is in the detail
		return outcome{d.Value, d.Reason, d.ErrorCode}
	}
	text := func(flag string, in sdk.EvaluationContext) outcome {
		d, _ := c.StringValueDetails(t.Context(), flag, "fallback", in) // the error is in the detail
		return outcome{d.Value, d.Reason, d.ErrorCode}
	}
	whole := func(flag string, in sdk.EvaluationContext) outcome {
		d, _ := c.IntValueDetails(t.Context(), flag, -1, in) // the error is in the detail
		return outcome{d.Value, d.Reason, d.ErrorCode}
	}
	number := func(flag string, in sdk.EvaluationContext) outcome {
		d, _ := c.FloatValueDetails(t.Context(), flag, -1, in) // the error is in the detail
		return outcome{d.Value, d.Reason, d.ErrorCode}
	}
	object := func(flag string, in sdk.EvaluationContext) outcome {
		d, _ := c.ObjectValueDetails(t.Context(), flag, nil, in) // the error is in the detail
		return outcome{d.Value, d.Reason, d.ErrorCode}
	}
	for _, test := range []struct {
		name string
		got  outcome
		want outcome
	}{
		{"a default", boolean("premium", nobody), outcome{false, sdk.DefaultReason, ""}},
		{"a customer's value by the domain", boolean("premium", a), outcome{true, sdk.StaticReason, ""}},
		{"a customer's value by the customer", boolean("premium", sdk.NewTargetlessEvaluationContext(map[string]any{"customer": "a"})), outcome{true, sdk.StaticReason, ""}},
		{"off by what it requires", boolean("child", nobody), outcome{false, sdk.DisabledReason, ""}},
		{"a rule on a number", text("theme", sdk.NewTargetlessEvaluationContext(map[string]any{"age": 42})), outcome{"dark", sdk.TargetingMatchReason, ""}},
		{"no rule", text("theme", sdk.NewTargetlessEvaluationContext(map[string]any{"age": []int{42}})), outcome{"light", sdk.DefaultReason, ""}},
		{"an integer", whole("limit", a), outcome{int64(20), sdk.StaticReason, ""}},
		{"an integer as a number", number("limit", a), outcome{20.0, sdk.StaticReason, ""}},
		{"a number", number("ratio", nobody), outcome{0.5, sdk.DefaultReason, ""}},
		{"any", object("theme", nobody), outcome{"light", sdk.DefaultReason, ""}},
		{"a share that has the subject", boolean("share", sdk.NewEvaluationContext(in, nil)), outcome{true, sdk.SplitReason, ""}},
		{"a share without a subject", boolean("share", nobody), outcome{false, sdk.DefaultReason, ""}},
		{"a flag that is not declared", boolean("nothing", nobody), outcome{true, sdk.ErrorReason, sdk.FlagNotFoundCode}},
		{"a number as an integer", whole("ratio", nobody), outcome{int64(-1), sdk.ErrorReason, sdk.TypeMismatchCode}},
		{"a boolean as a text", text("premium", nobody), outcome{"fallback", sdk.ErrorReason, sdk.TypeMismatchCode}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// What services evaluate, the SDK's clients do too: the vectors say what.
func TestTheSDKSeesWhatTheVectorsSay(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../feature/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Documents   map[string]json.RawMessage `json:"documents"`
		Evaluations []struct {
			Name     string          `json:"name"`
			Document string          `json:"document"`
			Changes  json.RawMessage `json:"changes"`
			Context  struct {
				Domain, Customer, Subject string
				Attributes                map[string]string
			} `json:"context"`
			Want map[string]struct{ Value any } `json:"want"`
		} `json:"evaluations"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	evaluated := 0
	for _, test := range v.Evaluations {
		if _, pretends := test.Context.Attributes["customer"]; test.Changes != nil || pretends {
			continue // changes come by a Source; a client that names a customer means it
		}
		t.Run(test.Name, func(t *testing.T) {
			c := client(t, string(v.Documents[test.Document]))
			attributes := map[string]any{"domain": test.Context.Domain, "customer": test.Context.Customer}
			for name, value := range test.Context.Attributes {
				attributes[name] = value
			}
			for name, want := range test.Want {
				got, err := c.ObjectValue(t.Context(), name, nil, sdk.NewEvaluationContext(test.Context.Subject, attributes))
				if n, whole := got.(int64); whole {
					got = float64(n)
				}
				if diff := cmp.Diff(want.Value, got); diff != "" || err != nil {
					t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
				}
				evaluated++
			}
		})
	}
	if evaluated < 40 {
		t.Errorf("only %d flags were evaluated", evaluated)
	}
}
