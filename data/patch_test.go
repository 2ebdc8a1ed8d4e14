package data

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tamylaa/clodo"
)

// The rules of a patch look at the whole row, which is read for it. A client that did not say
// which row it knows is not told that the row changed meanwhile.
func TestAPatchWithoutAConditionIsMadeWhoeverElseWrites(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		writes  int // of others between reading and writing
		body    string
		headers []string
		want    string
	}{
		"nobody else writes":                    {0, `{"age":5}`, nil, "200 "},
		"others write three times":              {3, `{"age":5}`, nil, "200 "},
		"others write again and again":          {100, `{"age":5}`, nil, "409 version_conflict"},
		"the client knows a version":            {1, `{"age":5,"version":1}`, nil, "409 version_conflict"},
		"the client knows it by its entity tag": {1, `{"age":5}`, []string{"If-Match", `"1"`}, "412 precondition_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			others := NewStore(Define(Options[person]{}), w.db, StoreOptions{})
			ann, err := others.Create(w, person{Email: "ann@example.com"})
			fatal(t, err)
			left := test.writes
			people := NewStore(Define(Options[person]{Rules: []Rule[person]{{Name: "others write", Check: func(*person) error {
				if left > 0 {
					left--
					_, err := others.Patch(w, person{ID: ann.ID, Score: float64(left)}, "score")
					fatal(t, err)
				}
				return nil
			}}}}), w.db, StoreOptions{})
			app := clodo.NewRouter()
			Resource(app, "/people", people, ResourceOptions{})
			r := httptest.NewRequestWithContext(w, "PATCH", "/people/"+ann.ID, strings.NewReader(test.body))
			for i := 0; i < len(test.headers); i += 2 {
				r.Header.Set(test.headers[i], test.headers[i+1])
			}
			res := httptest.NewRecorder()
			app.ServeHTTP(res, r)
			if got := told(res); got != test.want {
				t.Errorf("%s, want %s: %s", got, test.want, res.Body)
			}
			got, err := others.Get(w, ann.ID)
			fatal(t, err)
			if written := got.Age != nil; written != strings.HasPrefix(test.want, "200") || written && got.Version != test.writes+2 {
				t.Errorf("the row is %+v", got)
			}
		})
	}
}
