package bundle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// rule is a module rule with its globs compiled in the two ways in which they are
// used: against what an import says, and against paths of files on disk.
type rule struct {
	project.ModuleRule
	imports []*regexp.Regexp
	files   []*regexp.Regexp
	builtin bool
}

// contentType is how modules of the rule are uploaded, "" for a kind that does not
// exist.
func (r rule) contentType() string {
	return map[string]string{
		"ESModule": TypeESModule, "CommonJS": TypeCommonJS, "CompiledWasm": TypeWasm, "Text": TypeText, "Data": TypeData,
	}[r.Kind]
}

// javascript reports whether modules of the rule are code, which is bundled unless
// additional modules are asked for.
func (r rule) javascript() bool { return r.Kind == "ESModule" || r.Kind == "CommonJS" }

// parseRules puts wrangler's default rules behind the user's. A rule hides all
// later rules of its kind unless it says fallthrough; those are removed.
func parseRules(user []project.ModuleRule) (rules, removed []rule) {
	all := append(slices.Clone(user),
		project.ModuleRule{Kind: "Text", Globs: []string{"**/*.txt", "**/*.html", "**/*.sql"}},
		project.ModuleRule{Kind: "Data", Globs: []string{"**/*.bin"}},
		project.ModuleRule{Kind: "CompiledWasm", Globs: []string{"**/*.wasm", "**/*.wasm?module"}},
	)
	complete := map[string]bool{}
	for i, m := range all {
		r := rule{ModuleRule: m, builtin: i >= len(user)}
		for _, g := range m.Globs {
			r.imports = append(r.imports, regexp.MustCompile(globPattern(g, false)))
			r.files = append(r.files, regexp.MustCompile(globPattern(g, true)))
		}
		if complete[m.Kind] {
			removed = append(removed, r)
			continue
		}
		complete[m.Kind] = !m.Fallthrough
		rules = append(rules, r)
	}
	return rules, removed
}

// globPattern is a glob as a regular expression. Only the star is special, as in
// wrangler. With paths set a star stops at a slash and "**" between slashes spans
// folders; otherwise every run of stars matches anything.
func globPattern(glob string, paths bool) string {
	var re strings.Builder
	glob = strings.ToValidUTF8(glob, "\uFFFD")
	re.WriteString("^")
	for i := 0; i < len(glob); {
		if glob[i] != '*' {
			end := i
			for end < len(glob) && glob[end] != '*' {
				end++
			}
			re.WriteString(regexp.QuoteMeta(glob[i:end]))
			i = end
			continue
		}
		start := i
		for i < len(glob) && glob[i] == '*' {
			i++
		}
		whole := (start == 0 || glob[start-1] == '/') && (i == len(glob) || glob[i] == '/')
		switch {
		case !paths:
			re.WriteString(".*")
		case i-start > 1 && whole:
			re.WriteString("(?:(?:[^/]*(?:/|$))*)")
			i++ // the slash behind it belongs to the group
		default:
			re.WriteString("[^/]*")
		}
	}
	re.WriteString("$")
	return re.String()
}

// warnShadowedRules tells of the user's rules that an earlier one hides. Hiding the
// defaults is how they are replaced, and needs no warning.
func (b *build) warnShadowedRules() {
	for _, r := range b.removed {
		if r.builtin {
			continue
		}
		b.warnings = append(b.warnings, diag.Finding{
			Code: "B112", Severity: diag.SeverityWarning, Pos: diag.Position{File: b.worker.File},
			Message: fmt.Sprintf("module rule %s %q is never used", r.Kind, r.Globs),
			Why:     "An earlier rule of the same type has no `fallthrough`.",
			Fix:     `add "fallthrough": true to the earlier rule of type ` + r.Kind,
		})
	}
}

// matchFile is the first rule that a file, named by its slash-separated path,
// belongs to.
func matchFile(rules []rule, name string) (rule, bool) {
	for _, r := range rules {
		for _, re := range r.files {
			if re.MatchString(name) {
				return r, true
			}
		}
	}
	return rule{}, false
}
