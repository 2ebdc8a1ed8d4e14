package vectorize

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func openStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "vectors.db"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Store) mustCreate(t testing.TB, name string, dimensions int, metric string) {
	t.Helper()
	if _, err := s.Create(t.Context(), Index{Account: "a", Name: name, Dimensions: dimensions, Metric: metric}); err != nil {
		t.Fatal(err)
	}
}

func refusedWith(t *testing.T, err error, code int) {
	t.Helper()
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("got %v, want code %d", err, code)
	}
}

// reference is the plainest way to say what a query finds.
func reference(metric string, vectors []Vector, target []float32, k int) []Match {
	var all []Match
	for _, v := range vectors {
		var dot, a, b, square float64
		for i := range target {
			x, y := float64(target[i]), float64(v.Values[i])
			dot, a, b, square = dot+x*y, a+x*x, b+y*y, square+(x-y)*(x-y)
		}
		score := map[string]float64{Cosine: dot / math.Sqrt(a*b), Euclidean: math.Sqrt(square), DotProduct: -dot}[metric]
		if metric == Cosine && a*b == 0 {
			score = 0
		}
		all = append(all, Match{Vector: Vector{ID: v.ID}, Score: score})
	}
	slices.SortFunc(all, func(x, y Match) int {
		order := cmp.Compare(x.Score, y.Score)
		if metric == Cosine {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(x.ID, y.ID))
	})
	return all[:min(k, len(all))]
}

func TestAQueryFindsWhatLookingAtEveryVectorFinds(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		made++
		name := fmt.Sprintf("i%d", made)
		metric := rapid.SampledFrom([]string{Cosine, Euclidean, DotProduct}).Draw(rt, "metric")
		dimensions := rapid.IntRange(1, 9).Draw(rt, "dimensions")
		s.mustCreate(t, name, dimensions, metric)
		// Small whole numbers, of which sums are exact: equal scores have to be in order.
		values := rapid.SliceOfN(rapid.Map(rapid.IntRange(-3, 3), func(n int) float32 { return float32(n) }), dimensions, dimensions)
		var vectors []Vector
		for i := range rapid.IntRange(1, 30).Draw(rt, "vectors") {
			vectors = append(vectors, Vector{ID: fmt.Sprint("v", i), Values: values.Draw(rt, "vector")})
		}
		if _, err := s.Insert(t.Context(), "a", name, vectors); err != nil {
			rt.Fatal(err)
		}
		target, k := values.Draw(rt, "target"), rapid.IntRange(1, 40).Draw(rt, "k")
		got, err := s.Query(t.Context(), "a", name, Query{Vector: target, TopK: &k})
		if err != nil {
			rt.Fatal(err)
		}
		want := reference(metric, vectors, target, k)
		for i := range want {
			if i >= len(got.Matches) || math.Abs(got.Matches[i].Score-want[i].Score) > 1e-6 || metric != Cosine && got.Matches[i].ID != want[i].ID {
				rt.Fatalf("%s of %v in %v:\n got %v\nwant %v", metric, target, vectors, got.Matches, want)
			}
		}
		if got.Count != len(want) || len(got.Matches) != len(want) {
			rt.Fatalf("%d matches, want %d", len(got.Matches), len(want))
		}
	})
}

func TestInsertKeepsAndUpsertReplaces(t *testing.T) {
	t.Parallel()
	s, ctx := openStore(t), t.Context()
	s.mustCreate(t, "i", 2, Cosine)
	put := func(f func() (string, error)) {
		t.Helper()
		if id, err := f(); err != nil || len(id) != 36 {
			t.Fatal(id, err)
		}
	}
	one := func(id string, x float32) []Vector {
		return []Vector{{ID: id, Values: []float32{x, 0}, Metadata: json.RawMessage(`{"a":1}`), Namespace: "n"}}
	}
	put(func() (string, error) { return s.Insert(ctx, "a", "i", one("x", 1)) })
	put(func() (string, error) { return s.Insert(ctx, "a", "i", append(one("x", 2), one("y", 3)...)) })
	put(func() (string, error) { return s.Upsert(ctx, "a", "i", one("y", 4)) })
	got, err := s.Get(ctx, "a", "i", []string{"y", "z", "x"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(append(one("y", 4), one("x", 1)...), got); diff != "" {
		t.Errorf("vectors (-want +got):\n%s", diff)
	}
	put(func() (string, error) { return s.DeleteIDs(ctx, "a", "i", []string{"x", "gone"}) })
	info, err := s.Info(ctx, "a", "i")
	if err != nil || info.Vectors != 1 || info.LastOn == nil || len(info.Last) != 36 {
		t.Errorf("info %+v, %v", info, err)
	}
	_, err = s.Insert(ctx, "a", "i", []Vector{{ID: "ok", Values: []float32{1, 2}}, {ID: "bad", Values: []float32{1}}})
	refusedWith(t, err, 40012)
	if info, _ := s.Info(ctx, "a", "i"); info.Vectors != 1 {
		t.Errorf("a refused change left %d vectors", info.Vectors)
	}
	for _, v := range []Vector{{Values: []float32{1, 2}}, {ID: strings.Repeat("x", 65), Values: []float32{1, 2}}} {
		_, err = s.Insert(ctx, "a", "i", []Vector{v})
		refusedWith(t, err, 40008)
	}
	for _, metadata := range []string{`[1]`, `{"a.b":1}`, `{"$a":1}`, `{"":1}`, `{"a":"` + strings.Repeat("x", MaxMetadata) + `"}`} {
		_, err = s.Insert(ctx, "a", "i", []Vector{{ID: "m", Values: []float32{1, 2}, Metadata: json.RawMessage(metadata)}})
		refusedWith(t, err, 40014)
	}
	_, err = s.Insert(ctx, "a", "nope", one("x", 1))
	refusedWith(t, err, 3000)
	if _, err := s.Index(ctx, "b", "i"); err == nil {
		t.Error("another account sees the index")
	}
}

func TestFiltersSeeWhatTheirMetadataIndexesKnow(t *testing.T) {
	t.Parallel()
	s, ctx := openStore(t), t.Context()
	s.mustCreate(t, "i", 1, Euclidean)
	insert := func(lines string) {
		t.Helper()
		vectors, err := Parse(strings.NewReader(lines), false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Upsert(ctx, "a", "i", vectors); err != nil {
			t.Fatal(err)
		}
	}
	insert(`{"id":"early","values":[0],"metadata":{"s":"a","n":1}}`)
	for name, kind := range map[string]string{"s": "string", "n": "number", "b": "boolean", "deep.x": "string"} {
		if _, err := s.AddProperty(ctx, "a", "i", Property{Name: name, Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("x", 63)
	insert(`{"id":"1","values":[1],"metadata":{"s":"a","n":1,"b":true,"deep":{"x":"y"}}}
		{"id":"2","values":[2],"metadata":{"s":"b","n":2.5,"b":false},"namespace":"other"}

		{"id":"3","values":[3],"metadata":{"s":"` + long + `éz","n":"text"}}
		{"id":"4","values":[4]}`)
	for filter, want := range map[string]string{
		``: "early 1 2 3 4", `{}`: "early 1 2 3 4",
		`{"s":"a"}`: "1", `{"s":{"$eq":"b"}}`: "2", `{"s":{"$ne":"a"}}`: "early 2 3 4", `{"s":{"$in":["a","b"]}}`: "1 2",
		`{"s":{"$nin":["a","b"]}}`: "early 3 4", `{"s":{"$gte":"a","$lt":"b"}}`: "1", `{"n":{"$gt":1}}`: "2", `{"n":{"$lte":2.5}}`: "1 2",
		`{"n":{"$lt":"9"}}`: "", `{"b":true}`: "1", `{"b":{"$ne":true}}`: "early 2 3 4", `{"deep.x":"y"}`: "1", `{"s":"a","n":2.5}`: "",
		`{"s":"` + long + `ée"}`: "3", `{"n":null}`: "early 3 4",
	} {
		got, err := s.Query(ctx, "a", "i", Query{Vector: []float32{0}, Filter: json.RawMessage(filter)})
		var ids []string
		for _, m := range got.Matches {
			ids = append(ids, m.ID)
		}
		if err != nil || strings.Join(ids, " ") != want {
			t.Errorf("%s: %v, %v, want %s", filter, ids, err, want)
		}
	}
	for _, filter := range []string{`[]`, `{"unknown":1}`, `{"s":{"$like":"a"}}`, `{"s":{"$in":"a"}}`, `{"s":{"$eq":[1]}}`, `{"n":{"$lt":null}}`, `{"s":"` + strings.Repeat("x", MaxFilter) + `"}`} {
		_, err := s.Query(ctx, "a", "i", Query{Vector: []float32{0}, Filter: json.RawMessage(filter)})
		refusedWith(t, err, 40024)
	}
	other := "other"
	got, err := s.Query(ctx, "a", "i", Query{VectorID: "4", Namespace: &other, ReturnMetadata: "indexed", ReturnValues: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []Match{{Vector: Vector{ID: "2", Values: []float32{2}, Namespace: "other", Metadata: json.RawMessage(`{"b":false,"n":2.5,"s":"b"}`)}, Score: 2}}
	if diff := gocmp.Diff(want, got.Matches); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
	if _, err := s.RemoveProperty(ctx, "a", "i", "s"); err != nil {
		t.Fatal(err)
	}
	_, err = s.RemoveProperty(ctx, "a", "i", "s")
	refusedWith(t, err, 40021)
}

func TestQueriesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	s, ctx := openStore(t), t.Context()
	s.mustCreate(t, "i", 2, Cosine)
	for body, code := range map[string]int{
		`{"vector":[1]}`: 40006, `{"vector":[1,2],"topK":0}`: 40025, `{"vector":[1,2],"topK":101}`: 40025,
		`{"vector":[1,2],"topK":51,"returnValues":true}`: 40025, `{"vector":[1,2],"topK":51,"returnMetadata":"all"}`: 40025, `{"vector":[1,2],"vectorId":"a"}`: 40027,
		`{"vectorId":"a"}`: 40028, `{"vector":[1,2],"returnMetadata":"some"}`: 40026, `{"vector":"a"}`: 40001, `{`: 40001, `{}`: 40006, `{"vector":[1e99,2]}`: 40001,
	} {
		w := httptest.NewRecorder()
		s.Binding(w, httptest.NewRequestWithContext(ctx, "POST", "/query", strings.NewReader(body)), "a/i")
		var answer struct{ Code int }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code < 400 || answer.Code != code {
			t.Errorf("%s: %d %s, want code %d", body, w.Code, w.Body, code)
		}
	}
	if _, err := s.Query(ctx, "a", "i", Query{Vector: []float32{1, 2}, TopK: new(51), ReturnMetadata: "indexed"}); err != nil {
		t.Errorf("51 matches with indexed metadata: %v", err)
	}
	line := `{"id":"a","values":[1,2]}` + "\n"
	for n, status := range map[int]int{MaxBoundBatch: 200, MaxBoundBatch + 1: 413} {
		w := httptest.NewRecorder()
		s.Binding(w, httptest.NewRequestWithContext(ctx, "POST", "/upsert", strings.NewReader(strings.Repeat(line, n))), "a/i")
		if w.Code != status {
			t.Errorf("a Worker's change of %d vectors: %d %s, want %d", n, w.Code, w.Body, status)
		}
	}
	for _, bad := range []Index{{Name: "A"}, {Name: "a", Metric: Cosine}, {Name: "a", Metric: Cosine, Dimensions: 1537}, {Name: "a", Metric: "l1", Dimensions: 1}, {Account: "a", Name: "i", Metric: Cosine, Dimensions: 1}} {
		if _, err := s.Create(ctx, bad); err == nil {
			t.Errorf("the index %+v was made", bad)
		}
	}
}

func TestAllIdsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	s, ctx := openStore(t), t.Context()
	s.mustCreate(t, "i", 1, Cosine)
	var want, got []string
	for n := range 25 {
		want = append(want, fmt.Sprintf("v%02d", n))
		if _, err := s.Insert(ctx, "a", "i", []Vector{{ID: want[n], Values: []float32{1}}}); err != nil {
			t.Fatal(err)
		}
	}
	for after, pages := "", 0; pages < 3; pages++ {
		p, err := s.List(ctx, "a", "i", after, 10)
		if err != nil || p.Total != 25 || (p.Next == "") != (pages == 2) {
			t.Fatalf("page %d: %+v, %v", pages, p, err)
		}
		got, after = append(got, p.IDs...), p.Next
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"id":"a","values":[1,2],"metadata":{"a":[1]}}`, true)
	f.Add("null\n{}\n[]\n", false)
	f.Add(`{"id":1}`, true)
	f.Fuzz(func(t *testing.T, text string, discard bool) {
		vectors, err := Parse(strings.NewReader(text), discard)
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		for _, v := range vectors {
			_ = v.check(&Index{Dimensions: 2})
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add(`{"s":{"$in":["a",null,1,true]}}`, `{"s":"a"}`)
	f.Add(`{"n":{"$gt":1}}`, `{"n":{}}`)
	f.Add(`null`, ``)
	i := Index{Properties: []Property{{Name: "s", Type: "string"}, {Name: "n", Type: "number"}, {Name: "n.x", Type: "boolean"}}}
	f.Fuzz(func(t *testing.T, text, metadata string) {
		if parsed, err := parseFilter(&i, json.RawMessage(text)); err == nil {
			parsed.matches(metadata, 1)
		}
	})
}

func BenchmarkQuery(b *testing.B) {
	const count, dimensions = 10_000, 768
	s := openStore(b)
	s.mustCreate(b, "i", dimensions, Cosine)
	r := rand.New(rand.NewPCG(1, 2))
	random := func() []float32 {
		out := make([]float32, dimensions)
		for i := range out {
			out[i] = r.Float32() - 0.5
		}
		return out
	}
	for n := 0; n < count; n += 1000 {
		var batch []Vector
		for i := range 1000 {
			batch = append(batch, Vector{ID: fmt.Sprint(n + i), Values: random()})
		}
		if _, err := s.Insert(b.Context(), "a", "i", batch); err != nil {
			b.Fatal(err)
		}
	}
	target := random()
	for b.Loop() {
		if m, err := s.Query(b.Context(), "a", "i", Query{Vector: target}); err != nil || m.Count != 5 {
			b.Fatal(m, err)
		}
	}
}
