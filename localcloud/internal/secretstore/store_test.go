package secretstore

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func open(t *testing.T, path string) *Stores {
	t.Helper()
	s, err := Open(path, &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// get is what a binding answers.
func get(s *Stores, id string) (int, string) {
	w := httptest.NewRecorder()
	s.Binding(w, httptest.NewRequest(http.MethodPost, "http://secret/get", nil), id)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestABindingReadsTheSecretOfItsAccountAndStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets.db")
	s := open(t, path)
	if changed, err := s.Put(t.Context(), "a", "one", "KEY", `"quoted" <value>`); err != nil || !changed {
		t.Fatal(err)
	}
	if _, err := s.Add(t.Context(), "a", "one", []New{{Secret{Name: "GATE", Scopes: []string{"ai_gateway"}}, "v"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path) // it is kept
	defer s.Close()
	for id, want := range map[string]string{
		"a/one/KEY":  `"\"quoted\" \u003cvalue\u003e"`,
		"b/one/KEY":  `Secret "KEY" not found`,
		"a/two/KEY":  `Secret "KEY" not found`,
		"a/one/none": `Secret "none" not found`,
		"a/one/GATE": `Secret "GATE" is not for Workers: it has not the scope "workers"`,
		"a":          `Secret "" not found`,
		"":           `Secret "" not found`,
	} {
		if status, got := get(s, id); got != want || (status == http.StatusOK) != (id == "a/one/KEY") {
			t.Errorf("%q: %d %s, want %s", id, status, got, want)
		}
	}
}

func TestSecretsAreMadeAllOrNone(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "secrets.db"))
	defer s.Close()
	if err := s.Ensure(t.Context(), "a", "one"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ensure(t.Context(), "a", "one"); err != nil {
		t.Fatal("a second time:", err)
	}
	_, err := s.Add(t.Context(), "a", "one", []New{{Secret{Name: "A"}, "1"}, {Secret{Name: "B"}, "2"}, {Secret{Name: "A"}, "3"}})
	if n, counted := s.Used(t.Context(), "a"); !errors.Is(err, ErrExists) || n != 0 || counted != nil {
		t.Errorf("%v, then %d secrets, %v", err, n, counted)
	}
}
