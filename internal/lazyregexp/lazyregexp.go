// Package lazyregexp is package regexp for variables of packages: an expression is compiled
// when it is first used, not when the program starts. There are more than sixty, and hardly
// a run of the program needs more than a few.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is an expression that is compiled once, by whoever uses it first. Its methods are
// those of regexp.Regexp.
type Regexp struct{ compiled func() *regexp.Regexp }

// New takes an expression. The first use of one that is none panics.
func New(expr string) *Regexp {
	return &Regexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })}
}

// Match is that of regexp.Regexp, as all others are.
func (r *Regexp) Match(b []byte) bool { return r.compiled().Match(b) }

// MatchString reports whether s has a match.
func (r *Regexp) MatchString(s string) bool { return r.compiled().MatchString(s) }

// FindString is the first match, or "".
func (r *Regexp) FindString(s string) string { return r.compiled().FindString(s) }

// FindStringIndex is where the first match is, or nil.
func (r *Regexp) FindStringIndex(s string) []int { return r.compiled().FindStringIndex(s) }

// FindStringSubmatch is the first match and its groups, or nil.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.compiled().FindStringSubmatch(s) }

// FindSubmatch is the first match and its groups, or nil.
func (r *Regexp) FindSubmatch(b []byte) [][]byte { return r.compiled().FindSubmatch(b) }

// FindAllStringSubmatch is the first n matches with their groups; all with a negative n.
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.compiled().FindAllStringSubmatch(s, n)
}

// FindAllStringSubmatchIndex is where the first n matches and their groups are.
func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.compiled().FindAllStringSubmatchIndex(s, n)
}

// FindAllSubmatch is the first n matches with their groups.
func (r *Regexp) FindAllSubmatch(b []byte, n int) [][][]byte {
	return r.compiled().FindAllSubmatch(b, n)
}

// ReplaceAllString replaces all matches by repl, in which $1 is a group.
func (r *Regexp) ReplaceAllString(s, repl string) string {
	return r.compiled().ReplaceAllString(s, repl)
}

// ReplaceAllStringFunc replaces all matches by what repl makes of them.
func (r *Regexp) ReplaceAllStringFunc(s string, repl func(string) string) string {
	return r.compiled().ReplaceAllStringFunc(s, repl)
}
