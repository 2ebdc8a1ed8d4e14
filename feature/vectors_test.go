package feature

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vectors is what every implementation of the document must do.
type vectors struct {
	Comment string `json:"comment"`
	Hashes  []struct {
		Flag    string `json:"flag"`
		Subject string `json:"subject"`
		Seed    uint32 `json:"seed"`
		Hash    uint32 `json:"hash"`
		Bucket  int    `json:"bucket"`
	} `json:"hashes"`
	Documents   map[string]json.RawMessage `json:"documents"`
	Evaluations []struct {
		Name     string          `json:"name"`
		Document string          `json:"document"`
		Changes  json.RawMessage `json:"changes,omitempty"`
		Context  struct {
			Domain     string            `json:"domain,omitempty"`
			Customer   string            `json:"customer,omitempty"`
			Subject    string            `json:"subject,omitempty"`
			Attributes map[string]string `json:"attributes,omitempty"`
		} `json:"context"`
		Want map[string]struct {
			Value  any    `json:"value"`
			Reason Reason `json:"reason"`
		} `json:"want"`
		Enabled []string `json:"enabled,omitempty"`
	} `json:"evaluations"`
	Refused []struct {
		Name     string          `json:"name"`
		Document json.RawMessage `json:"document"`
	} `json:"refused"`
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestHashesAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for _, h := range v.Hashes {
		seed := murmur3(h.Flag, 0)
		hash, at := murmur3(h.Subject, seed), Bucket(h.Flag, h.Subject)
		if seed != h.Seed || hash != h.Hash || at != h.Bucket {
			t.Errorf("%q of %q: seed %d, hash %d, bucket %d; want %d, %d, %d", h.Subject, h.Flag, seed, hash, at, h.Seed, h.Hash, h.Bucket)
		}
	}
	if len(v.Hashes) < 10 {
		t.Errorf("there are only %d hashes", len(v.Hashes))
	}
}

// The values that everybody's MurmurHash3_x86_32 has.
func TestTheHashIsMurmur3(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text       string
		seed, want uint32
	}{
		{"", 0, 0},
		{"", 1, 0x514e28b7},
		{"", 0xffffffff, 0x81f16f39},
		{"hello", 0, 0x248bfa47},
		{"hello, world", 0, 0x149bbb7f},
		{"The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723},
		{"aaaa", 0x9747b28c, 0x5a97808a},
		{"abc", 0, 0xb3dd93fa},
	} {
		if got := murmur3(c.text, c.seed); got != c.want {
			t.Errorf("murmur3(%q, %#x) is %#x, want %#x", c.text, c.seed, got, c.want)
		}
	}
}

func TestEvaluationsAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	seen := map[Reason]bool{}
	for _, c := range v.Evaluations {
		t.Run(c.Name, func(t *testing.T) {
			d, err := ParseDocument(string(v.Documents[c.Document]))
			if err != nil {
				t.Fatal(err)
			}
			changes, err := ParseChanges(c.Changes)
			if err != nil {
				t.Fatal(err)
			}
			e, err := Evaluate(d, changes, Context{c.Context.Domain, c.Context.Customer, c.Context.Subject, c.Context.Attributes})
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.Want {
				got, ok := e.Detail(name)
				if !ok {
					t.Errorf("there is no flag %q", name)
				}
				if i, whole := got.Value.(int64); whole {
					got.Value = float64(i)
				}
				if diff := cmp.Diff(Detail{want.Value, want.Reason, got.Split}, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				seen[got.Reason] = true
			}
			if c.Enabled != nil {
				if diff := cmp.Diff(c.Enabled, e.Enabled()); diff != "" {
					t.Errorf("enabled (-want +got):\n%s", diff)
				}
			}
		})
	}
	if len(seen) != 10 {
		t.Errorf("the vectors have only these reasons: %v", seen)
	}
}

func TestDocumentsOfTheVectorsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range readVectors(t).Refused {
		if _, err := ParseDocument(string(c.Document)); err == nil {
			t.Errorf("%s: it was taken", c.Name)
		}
	}
}
