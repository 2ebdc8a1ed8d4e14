package feature_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/feature"
)

func TestAnOverrideBeatsEverything(t *testing.T) {
	t.Parallel()
	type theme string
	const document = `{"v":1,"flags":{
		"base":{"default":false},
		"premium":{"default":false,"environment":false,"requires":["base"],"runtime":true},
		"child":{"default":true,"requires":["premium"]},
		"theme":{"type":"enum","values":["light","dark"],"default":"light"},
		"limit":{"type":"integer","default":10}}}`
	premium, child, limit := feature.Bool("premium"), feature.Bool("child"), feature.Integer("limit")
	look := feature.Enum[theme]("theme", "light", "dark")
	f := open(t, feature.Options{Document: document, Source: &stored{text: change(false)}})
	var got []string
	h := f.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, fmt.Sprintf("%t %t %s %d", premium.Enabled(r.Context()), child.Enabled(r.Context()), look.Value(r.Context()), limit.Value(r.Context())))
		inner := feature.Override(r.Context(), premium.As(false), limit.As(12))
		got = append(got, fmt.Sprintf("%t %t %s %d", premium.Enabled(inner), child.Enabled(inner), look.Value(inner), limit.Value(inner)))
	}))
	plain := httptest.NewRequest(http.MethodGet, "http://a.example.com/", nil)
	h.ServeHTTP(httptest.NewRecorder(), plain)
	h.ServeHTTP(httptest.NewRecorder(), plain.WithContext(feature.Override(plain.Context(), premium.As(true), look.As("dark"))))
	h.ServeHTTP(httptest.NewRecorder(), plain.WithContext(feature.Override(plain.Context(), look.As("blue"), feature.Bool("nothing").As(true))))
	want := []string{
		"false false light 10", "false false light 12",
		"true true dark 10", "false false dark 12",
		"false false light 10", "false false light 12",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Outside a request flags are those of the service. No other test of this process may
// ask for them: they are read once.
func TestOutsideARequestFlagsAreTheServices(t *testing.T) {
	t.Setenv(feature.Variable, `{"v":1,"customer":"acme","flags":{"premium":{"default":false,"customers":{"acme":true}},"share":{"default":false,"rules":[{"percentage":99.99,"value":true}]}}}`)
	premium, share := feature.Bool("premium"), feature.Bool("share")
	if ctx := t.Context(); !premium.Enabled(ctx) || share.Enabled(ctx) || !share.Enabled(feature.With(ctx, "somebody", nil)) {
		t.Errorf("premium %t, share %t", premium.Enabled(ctx), share.Enabled(ctx))
	}
}
