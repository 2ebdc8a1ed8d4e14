package diag

import (
	"embed"
	"slices"
	"strings"
)

// codes holds one page per code, CODE.md: a title line "# what went wrong", then
// the cause, an example, and the fix.
//
//go:embed codes/*.md
var codes embed.FS

// Explain is the page of a code in Markdown; ok is false for a code that does not
// exist. The case of code does not matter.
func Explain(code string) (page string, ok bool) {
	b, err := codes.ReadFile("codes/" + strings.ToUpper(code) + ".md")
	return string(b), err == nil
}

// Codes lists every code that has a page, sorted.
func Codes() []string {
	entries, err := codes.ReadDir("codes")
	if err != nil {
		panic(err) // the folder is embedded: this is a bug in the build
	}
	var list []string
	for _, e := range entries {
		list = append(list, strings.TrimSuffix(e.Name(), ".md"))
	}
	slices.Sort(list)
	return list
}
