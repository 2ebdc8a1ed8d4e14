package portfolio

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

// parse reads "web>api,auth api" as targets and their needs.
func parse(text string) []project.Target {
	var list []project.Target
	for _, word := range strings.Fields(text) {
		name, needs, _ := strings.Cut(word, ">")
		t := project.Target{TargetID: project.TargetID{Service: name}}
		if needs != "" {
			t.Needs = strings.Split(needs, ",")
		}
		list = append(list, t)
	}
	return list
}

func show(waves []deploy.Wave) string {
	var out []string
	for _, w := range waves {
		var names []string
		for _, id := range w.Targets {
			names = append(names, id.String())
		}
		s := strings.Join(names, " ")
		if w.Circle {
			s = "(" + s + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " | ")
}

func TestOrder(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, targets, want string }{
		{"nothing", "", ""},
		{"independent ones go together, in their order", "c a b", "c a b"},
		{"needs come first", "web>api api>auth auth", "auth | api | web"},
		{"as early as possible", "a>b b c>d,b d", "b d | a c"},
		{"two that need each other are a circle", "a>b b>a", "(a b)"},
		{"a circle with what it needs and what needs it", "web>a a>b b>a,db db other", "db other | (a b) | web"},
		{"two circles", "a>b b>a c>d d>c,a", "(a b) | (c d)"},
		{"needing itself is no circle", "a>a", "a"},
		{"needs outside the selection do not count", "a>zzz", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := show(Order(parse(tt.targets))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNeedsAreOfTheSameEnvironmentAndCustomer(t *testing.T) {
	t.Parallel()
	var list []project.Target
	for _, env := range []string{"staging", "production"} {
		list = append(list,
			project.Target{TargetID: project.TargetID{Service: "web", Environment: env}, Needs: []string{"api"}},
			project.Target{TargetID: project.TargetID{Service: "api", Environment: env}})
	}
	if got, want := show(Order(list[:3])), "api/staging web/production | web/staging"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := show(Order(list)), "api/staging api/production | web/staging web/production"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEveryTargetComesOnceAndAfterWhatItNeeds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		var list []project.Target
		for i := range n {
			tg := project.Target{TargetID: project.TargetID{Service: fmt.Sprint(i)}}
			for _, j := range rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, min(3, n), rapid.ID).Draw(t, "needs") {
				tg.Needs = append(tg.Needs, fmt.Sprint(j))
			}
			list = append(list, tg)
		}
		place := map[string]int{}
		circle := map[int]bool{}
		for i, w := range Order(list) {
			circle[i] = w.Circle
			if w.Circle && len(w.Targets) < 2 {
				t.Fatalf("a circle of %d", len(w.Targets))
			}
			for _, id := range w.Targets {
				if _, twice := place[id.Service]; twice {
					t.Fatalf("%s comes twice", id)
				}
				place[id.Service] = i
			}
		}
		if len(place) != n {
			t.Fatalf("%d of %d targets", len(place), n)
		}
		for _, tg := range list {
			for _, need := range tg.Needs {
				mine, its := place[tg.Service], place[need]
				if its > mine || its == mine && !circle[mine] && need != tg.Service {
					t.Fatalf("%s in wave %d needs %s in wave %d: %s", tg.Service, mine, need, its, show(Order(list)))
				}
			}
		}
	})
}

func TestOrderIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	list := parse("web>a a>b b>a,db db other x>other y>x,db")
	first := show(Order(list))
	for range 20 {
		if got := show(Order(slices.Clone(list))); got != first {
			t.Fatalf("got %s, then %s", first, got)
		}
	}
}
