package archtest

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Nothing in the project may depend on one machine, or on where somebody's packages
// come from: a clone anywhere builds and passes its tests.
func TestNoFileKnowsAMachine(t *testing.T) {
	t.Parallel()
	// Written in pieces, so that this file passes too.
	forbidden := map[string]*regexp.Regexp{
		"the host of a package registry":  regexp.MustCompile(`(?i)registry\.` + `(npmjs|yarnpkg)\.|npm` + `mirror|artif` + `actory|proxy\.golang\.` + `org`),
		"a path of one machine":           regexp.MustCompile(`(^|[^\w.~/])/(work|root|home/[a-z]+|Users/[A-Za-z]+)` + `/[\w.]`),
		"a folder outside the repository": regexp.MustCompile(`\.\./` + `shared/`),
	}
	for _, name := range files(t) {
		switch filepath.Ext(name) {
		case ".png", ".ico", ".wasm", ".gz", ".db":
			continue
		}
		content := read(t, name)
		if !utf8.ValidString(content) {
			continue
		}
		for i, line := range strings.Split(content, "\n") {
			for what, pattern := range forbidden {
				if m := pattern.FindString(line); m != "" {
					t.Errorf("%s:%d: %q is %s", name, i+1, m, what)
				}
			}
		}
	}
}

// Links between the project's own pages lead somewhere.
func TestLinksBetweenPages(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	all := files(t)
	for _, name := range all {
		if filepath.Ext(name) != ".md" || strings.Contains(name, "testdata/") {
			continue
		}
		code := false
		for i, line := range strings.Split(read(t, name), "\n") {
			if strings.HasPrefix(line, "```") {
				code = !code
			}
			if code {
				continue // x[T](y) is a call
			}
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				target, _, _ := strings.Cut(m[1], "#")
				if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				at := filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
				known := slices.ContainsFunc(all, func(f string) bool { return f == at || strings.HasPrefix(f, at+"/") })
				if !known {
					t.Errorf("%s:%d: the link to %q leads nowhere", name, i+1, m[1])
				}
			}
		}
	}
}
