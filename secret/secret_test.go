package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/secret"
)

func TestValueIsNeverPrinted(t *testing.T) {
	t.Parallel()
	v := secret.New("s3cret")
	held := struct {
		V      secret.Value
		hidden secret.Value
	}{v, v}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("set", "value", v, "held", held)
	asJSON, err := json.Marshal(map[string]any{"v": v, "held": held})
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		fmt.Sprint(v), fmt.Sprintf("%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v),
		fmt.Sprintf("%v %+v %#v", held, held, &held), fmt.Sprint(fmt.Errorf("x: %v", v)), log.String(), string(asJSON),
	} {
		if strings.Contains(out, "s3cret") || strings.Contains(out, fmt.Sprintf("%x", "s3cret")) {
			t.Errorf("printed: %s", out)
		}
	}
	if v.Reveal() != "s3cret" || !v.Equal(secret.New("s3cret")) || v.Equal(secret.New("other")) {
		t.Error("the value itself is lost")
	}
}

func TestParseDevVars(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		in   string
		want map[string]string
		at   []int // lines of findings
	}{
		{name: "plain lines, comments and export", in: "# top\nA=1\nexport B = two words \n\nC=x # note\n", want: map[string]string{"A": "1", "B": "two words", "C": "x"}},
		{name: "quotes keep # and spaces", in: "A=' #1 '\nB=\"x\\ny\"\nC=`it's`\n", want: map[string]string{"A": " #1 ", "B": "x\ny", "C": "it's"}},
		{name: "a quoted value spans lines", in: "A=\"one\ntwo\"\nB=3", want: map[string]string{"A": "one\ntwo", "B": "3"}},
		{name: "the last line of a name wins", in: "A=1\nA=2", want: map[string]string{"A": "2"}},
		{name: "windows line ends and a byte order mark", in: "\uFEFFA=1\r\nB=2\r\n", want: map[string]string{"A": "1", "B": "2"}},
		{name: "every wrong line is found", in: "A=1\nnonsense\n1A=2\nB='open", want: map[string]string{"A": "1"}, at: []int{2, 3, 4}},
		{name: "an empty value", in: "A=\nB=''", want: map[string]string{"A": "", "B": ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vars, findings := secret.ParseDevVars(".dev.vars", []byte(tt.in))
			got := map[string]string{}
			for name, v := range vars {
				got[name] = v.Reveal()
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("values (-want +got):\n%s", d)
			}
			var at []int
			for _, f := range findings {
				at = append(at, f.Pos.Line)
			}
			if d := cmp.Diff(tt.at, at); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}

func FuzzParseDevVars(f *testing.F) {
	for _, s := range []string{"A=1", "A='x", "A=\"a\nb\"", "\\", "=", "export ", "A=`\\`"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, findings := secret.ParseDevVars(".dev.vars", data)
		for _, v := range vars {
			for _, fd := range findings {
				if len(v.Reveal()) > 8 && strings.Contains(fd.Message, v.Reveal()) {
					t.Errorf("finding shows a value: %s", fd.Message)
				}
			}
		}
	})
}

func TestASecretIsGeneratedOfItsKind(t *testing.T) {
	t.Parallel()
	for kind, form := range map[secret.Kind]string{
		secret.JWT: `^[A-Za-z0-9_-]{86}$`, secret.APIKey: `^[A-Za-z0-9_-]{43}$`, secret.Password: `^[A-Z2-7]{26}$`, secret.Hex: `^[0-9a-f]{64}$`,
	} {
		seen := map[string]bool{}
		for range 100 {
			v, err := secret.Generate(kind)
			if err != nil || !regexp.MustCompile(form).MatchString(v.Reveal()) || seen[v.Reveal()] {
				t.Fatalf("%s: a value of %d characters, %v, seen before: %v", kind, len(v.Reveal()), err, seen[v.Reveal()])
			}
			seen[v.Reveal()] = true
		}
		if kind.Bits() < 128 {
			t.Errorf("%s has %d bits", kind, kind.Bits())
		}
	}
	if _, err := secret.Generate("jwts"); err == nil || secret.Kind("jwts").Bits() != 0 {
		t.Errorf("a kind that is none: %v", err)
	}
}
