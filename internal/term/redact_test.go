package term

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSecretsAreStarred(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		secrets []string
		writes  []string
		want    string
	}{
		{"text without secrets passes", nil, []string{"plain"}, "plain"},
		{"a secret is replaced by a fixed number of stars", []string{"sk_live_123456"}, []string{"key=sk_live_123456;"}, "key=*****;"},
		{"a secret split over writes is found", []string{"topsecret"}, []string{"a top", "sec", "ret b"}, "a ***** b"},
		{"the beginning of a secret at the end comes out at last", []string{"topsecret"}, []string{"on top"}, "on top"},
		{"the longer of two secrets wins", []string{"abcd", "abcdefgh"}, []string{"x abcdefgh abcd y"}, "x ***** ***** y"},
		{"a secret in a JSON document is found in its escaped form", []string{`say "hi"`}, []string{`{"v":"say \"hi\""}`}, `{"v":"*****"}`},
		{"a secret with signs that JSON escapes for HTML is found in both forms", []string{`a<b>&c`}, []string{`"a<b>&c" "a\u003cb\u003e\u0026c"`}, `"*****" "*****"`},
		{"the line end of a piped value does not count", []string{"topsecret\n"}, []string{"topsecret."}, "*****."},
		{"a value too short to be a secret is left alone", []string{"on"}, []string{"come on"}, "come on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			s := &secrets{}
			for _, v := range tt.secrets {
				s.add(v)
			}
			w := &redacting{w: &got, secrets: s}
			for _, part := range tt.writes {
				if _, err := w.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.flush(); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("got %q, want %q", got.String(), tt.want)
			}
		})
	}
}

func TestNoSecretGetsThroughHoweverItIsCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-c]{4,9}`).Draw(t, "secret")
		text := rapid.StringMatching(`[a-c]{0,6}`).Draw(t, "before") + secret + rapid.StringMatching(`[a-c]{0,6}`).Draw(t, "after")
		var got bytes.Buffer
		s := &secrets{}
		s.add(secret)
		w := &redacting{w: &got, secrets: s}
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.String(), secret) {
			t.Fatalf("%q shows the secret %q", got.String(), secret)
		}
		if !strings.Contains(got.String(), stars) {
			t.Fatalf("%q has no stars for %q in %q", got.String(), secret, text)
		}
	})
}
