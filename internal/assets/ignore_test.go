package assets

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIgnorePatterns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		patterns string
		path     string
		want     bool
	}{
		{"a name matches at any depth", "a.txt", "deep/er/a.txt", true},
		{"case does not matter", "README", "docs/readme", true},
		{"a leading slash ties to the top", "/a.txt", "deep/a.txt", false},
		{"a slash in the middle ties to the top", "docs/a.txt", "x/docs/a.txt", false},
		{"a star stops at a slash", "docs/*.txt", "docs/x/a.txt", false},
		{"two stars go deeper", "docs/**/a.txt", "docs/x/y/a.txt", true},
		{"two stars also match no folder", "docs/**/a.txt", "docs/a.txt", true},
		{"two stars at the end match everything below", "docs/**", "docs/x/a.txt", true},
		{"two stars at the end do not match the folder", "docs/**", "docs", false},
		{"two stars at the beginning", "**/b/a.txt", "x/b/a.txt", true},
		{"a slash at the end means a folder", "docs/", "docs/a.txt", true},
		{"a slash at the end means no file", "docs/", "docs", false},
		{"a later pattern takes back", "*.map\n!keep.map", "deep/keep.map", false},
		{"nothing is taken back in a folder that is left out", "docs/\n!docs/a.txt", "docs/a.txt", true},
		{"a question mark is one letter", "?.txt", "ab.txt", false},
		{"a class", "[a-c].txt", "b.txt", true},
		{"a class that excludes", "[!a-c].txt", "b.txt", false},
		{"a bracket that is not closed", "a[.txt", "a[.txt", true},
		{"a comment", "#a.txt", "#a.txt", false},
		{"an escaped hash", `\#a.txt`, "#a.txt", true},
		{"an escaped exclamation mark", `\!a.txt`, "!a.txt", true},
		{"spaces at the end are dropped", "a.txt  ", "a.txt", true},
		{"windows line ends", "a.txt\r", "a.txt", true},
		{"a dot is a dot", "a.txt", "aXtxt", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := parseIgnore(strings.Split(tt.patterns, "\n")).matches(tt.path, false); got != tt.want {
				t.Errorf("patterns %q leave %q out: %v, want %v", tt.patterns, tt.path, got, tt.want)
			}
		})
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add("*.map\n!keep/**\n[a-", "a/b.map")
	f.Add("[!]]\n\\", "]")
	f.Fuzz(func(t *testing.T, patterns, path string) {
		parseIgnore(strings.Split(patterns, "\n")).matches(path, false)
	})
}

func TestALiteralNameMatchesItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z.+(){}^$|-]{1,12}`).Draw(t, "name")
		if !parseIgnore([]string{name}).matches("deep/"+name, false) {
			t.Errorf("pattern %q does not match the file of that name", name)
		}
		if other := name + "x"; parseIgnore([]string{name}).matches(other, false) {
			t.Errorf("pattern %q matches %q", name, other)
		}
	})
}
