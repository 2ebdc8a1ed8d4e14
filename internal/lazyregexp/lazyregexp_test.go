package lazyregexp

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestItFindsWhatRegexpFinds(t *testing.T) {
	t.Parallel()
	const expr, text = `(\w+)@(\w+)`, "ann@home, bob@work"
	r, re := New(expr), regexp.MustCompile(expr)
	for name, pair := range map[string][2]any{
		"Match":                      {r.Match([]byte(text)), re.Match([]byte(text))},
		"MatchString":                {r.MatchString(text), re.MatchString(text)},
		"FindString":                 {r.FindString(text), re.FindString(text)},
		"FindStringIndex":            {r.FindStringIndex(text), re.FindStringIndex(text)},
		"FindStringSubmatch":         {r.FindStringSubmatch(text), re.FindStringSubmatch(text)},
		"FindSubmatch":               {r.FindSubmatch([]byte(text)), re.FindSubmatch([]byte(text))},
		"FindAllStringSubmatch":      {r.FindAllStringSubmatch(text, -1), re.FindAllStringSubmatch(text, -1)},
		"FindAllStringSubmatchIndex": {r.FindAllStringSubmatchIndex(text, 1), re.FindAllStringSubmatchIndex(text, 1)},
		"FindAllSubmatch":            {r.FindAllSubmatch([]byte(text), -1), re.FindAllSubmatch([]byte(text), -1)},
		"ReplaceAllString":           {r.ReplaceAllString(text, "$2"), re.ReplaceAllString(text, "$2")},
		"ReplaceAllStringFunc":       {r.ReplaceAllStringFunc(text, strings.ToUpper), re.ReplaceAllStringFunc(text, strings.ToUpper)},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestManyUseItAtOnce(t *testing.T) {
	t.Parallel()
	r := New("^a+$")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if !r.MatchString("aaa") || r.MatchString("b") {
				t.Error("it matches something else")
			}
		})
	}
	all.Wait()
}

func TestAnExpressionThatIsNonePanicsWhenItIsUsed(t *testing.T) {
	t.Parallel()
	r := New("(")
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	r.MatchString("x")
}
