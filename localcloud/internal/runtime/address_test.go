package runtime

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheMostSpecificRouteWins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		routes []string // "pattern > script"; no script excludes
		url    string
		want   string
	}{
		"an exact host before a wildcard":                      {[]string{"*.example.com/* > wild", "www.example.com/* > exact"}, "https://www.example.com/", "exact"},
		"an exact host before a longer path":                   {[]string{"*.example.com/a > wild", "a.example.com/* > exact"}, "https://a.example.com/a", "exact"},
		"a longer host before a shorter one":                   {[]string{"*example.com/* > short", "*.a.example.com/* > long"}, "https://x.a.example.com/", "long"},
		"a longer path before a shorter one":                   {[]string{"example.com/* > all", "example.com/hello/* > hello"}, "https://example.com/hello/world", "hello"},
		"a path without wildcard before one with":              {[]string{"example.com/hello* > wild", "example.com/hello > exact"}, "https://example.com/hello", "exact"},
		"a path's wildcard without a slash before one with it": {[]string{"example.com/images/* > slash", "example.com/images* > bare"}, "https://example.com/images/hello", "bare"},
		"the wildcard of a host takes the host itself":         {[]string{"*example.com/* > all"}, "https://example.com/", "all"},
		"a wildcard with a dot takes subdomains only":          {[]string{"*.example.com/* > sub"}, "https://example.com/", ""},
		"a pattern without wildcard does not match a query":    {[]string{"example.com/a > a"}, "https://example.com/a?b", ""},
		"a wildcard matches a query":                           {[]string{"example.com/a* > a"}, "https://example.com/a?b", "a"},
		"a pattern without path is the root":                   {[]string{"example.com > root"}, "https://example.com/", "root"},
		"a pattern without path is nothing else":               {[]string{"example.com > root"}, "https://example.com/a", ""},
		"the host's case does not matter":                      {[]string{"Example.com/* > a"}, "https://EXAMPLE.com/", "a"},
		"the path's case does":                                 {[]string{"example.com/A* > a"}, "https://example.com/a", ""},
		"a scheme in the pattern":                              {[]string{"https://example.com/* > a"}, "https://example.com/", "a"},
		"an exclusion hides less specific routes":              {[]string{"example.com/* > all", "example.com/off/*"}, "https://example.com/off/x", ""},
		"a more specific route is inside an exclusion":         {[]string{"example.com/off/*", "example.com/off/on/* > on"}, "https://example.com/off/on/x", "on"},
		"an encoded path is compared as it was sent":           {[]string{"example.com/a%20b > a"}, "https://example.com/a%20b", "a"},
		"a host that only ends alike":                          {[]string{"example.com/* > a"}, "https://myexample.com/", ""},
		"a script that is not deployed excludes":               {[]string{"example.com/* > gone"}, "https://example.com/", ""},
		"a port is no part of the host":                        {[]string{"example.com/* > a"}, "https://example.com:8787/", "a"},
		"a dot at the end of the host is no part of it":        {[]string{"example.com/* > a"}, "https://example.com./", "a"},
		"the order in which they were made does not matter":    {[]string{"example.com/a/b/* > ab", "example.com/* > all", "example.com/a/* > a"}, "https://example.com/a/b/c", "ab"},
		"an empty query is a query":                            {[]string{"example.com/a > a"}, "https://example.com/a?", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s State
			workers := map[string]*Worker{}
			for _, line := range c.routes {
				pattern, script, _ := strings.Cut(line, " > ")
				s.Routes = append(s.Routes, Route{Pattern: pattern, Account: "acc", Script: script})
				if script != "" && script != "gone" {
					workers[workerKey("acc", script)] = &Worker{Account: "acc", Script: script}
				}
			}
			u, err := url.Parse(c.url)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if m := newTable(s, workers, nil).find(u.Host, u); m.worker != nil {
				got = m.worker.Script
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnOverrideIsReadAsAStructuredField(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		`w="1"`: "1", `other="2", w="1"`: "1", ` W = "1" `: "1", `w="1";q=2`: "1", `w="1", w="3"`: "3",
		`w=1`: "", `w`: "", `other="1"`: "", ``: "", `w="`: "", `ww="1"`: "",
	} {
		if got := override([]string{header}, "w"); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
	if got := override([]string{`a="1"`, `w="2"`}, "w"); got != "2" {
		t.Errorf("a second header line: got %q, want 2", got)
	}
}

func FuzzOverride(f *testing.F) {
	f.Add(`a="1", b="2";x`, "b")
	f.Add(`="`, "")
	f.Fuzz(func(t *testing.T, header, script string) {
		if got := override([]string{header}, script); got != "" && !strings.Contains(header, `"`+got+`"`) {
			t.Errorf("%q for %q: %q is not in it", header, script, got)
		}
	})
}

func TestPercentagesCoverEveryPoint(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		percent := rapid.Float64Range(0, 100).Draw(t, "percent")
		point := rapid.Float64Range(0, 0.999999999).Draw(t, "point")
		old, canary := &Version{ID: "a", CreatedOn: created}, &Version{ID: "b", CreatedOn: created.Add(1)}
		want := old
		if point < percent/100 {
			want = canary
		}
		for _, shares := range [][]Share{{{old, 100 - percent}, {canary, percent}}, {{canary, percent}, {old, 100 - percent}}} {
			if got := pick(shares, point); got != want && percent > 0 && percent < 100 {
				t.Errorf("%g of %g %%: got %s, want %s", point, percent, got.ID, want.ID)
			}
		}
		if got := choose(&Worker{Script: "w", Versions: []Share{{old, 100}, {canary, 0}}}, http.Header{}); got != old {
			t.Errorf("a version with 0 %% was chosen")
		}
	})
}
