package term

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ask(input string) (*dialogue, *strings.Builder) {
	var talk strings.Builder
	t := New(Streams{In: strings.NewReader(input), Out: &strings.Builder{}, Err: &talk, Getenv: env{}.get})
	return t.dialogue, &talk
}

func TestChoosingByNumber(t *testing.T) {
	t.Parallel()
	options := []Option{{Value: "api", On: true}, {Value: "web", Label: "web (site)"}, {Value: "auth", On: true}}
	tests := []struct {
		name     string
		many     bool
		input    string
		want     []string
		wantSaid string
	}{
		{"one of a list", false, "2\n", []string{"web"}, "  2. web (site)\n"},
		{"several", true, "3, 1\n", []string{"auth", "api"}, ""},
		{"enter takes those that are on", true, "\n", []string{"api", "auth"}, "enter for those with *"},
		{"a wrong number is asked again", false, "9\n1\n", []string{"api"}, `"9" is not a number from 1 to 3`},
		{"two where one is wanted is asked again", false, "1,2\n3\n", []string{"auth"}, "only one can be chosen"},
		{"an empty line where one is needed is asked again", false, "\n2\n", []string{"web"}, "one number from 1 to 3 is needed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, talk := ask(tt.input)
			got, err := d.Choose(t.Context(), Question{Text: "Which?", Options: options, Many: tt.many})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(talk.String(), tt.wantSaid) {
				t.Errorf("said %q, want %q in it", talk.String(), tt.wantSaid)
			}
		})
	}
}

func TestConfirmIsNoUnlessYes(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]bool{"y\n": true, "YES\n": true, "\n": false, "n\n": false, "what\ny\n": true} {
		d, _ := ask(input)
		got, err := d.Confirm(t.Context(), Question{Text: "Go on?"})
		if err != nil || got != want {
			t.Errorf("%q gives %v, %v; want %v", input, got, err, want)
		}
	}
}

func TestAnswersReadAheadAreNotLost(t *testing.T) {
	t.Parallel()
	d, _ := ask("first\ny\n")
	text, err := d.Text(t.Context(), Question{Text: "Name:"})
	if err != nil || text != "first" {
		t.Fatalf("got %q, %v", text, err)
	}
	if yes, err := d.Confirm(t.Context(), Question{Text: "Sure?"}); err != nil || !yes {
		t.Errorf("got %v, %v; want the second line to answer the second question", yes, err)
	}
}

func TestEndOfInputIsAnInterruption(t *testing.T) {
	t.Parallel()
	d, _ := ask("")
	if _, err := d.Confirm(t.Context(), Question{Text: "Go on?"}); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v, want ErrInterrupted", err)
	}
}

func FuzzPick(f *testing.F) {
	f.Add("1, 2", true)
	f.Add("", false)
	f.Add("99999999999999999999", true)
	f.Fuzz(func(t *testing.T, line string, many bool) {
		q := Question{Many: many, Options: []Option{{Value: "a"}, {Value: "b"}}}
		values, problem := pick(q, line)
		switch {
		case problem == "" && len(values) == 0:
			t.Errorf("%q chose nothing and is no problem", line)
		case problem == "" && !many && len(values) != 1:
			t.Errorf("%q chose %d of one", line, len(values))
		}
	})
}
