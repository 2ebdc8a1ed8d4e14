// Package markup writes HTML. The markup can only be constants of the program, and every
// value in it is escaped: nothing that was stored, deployed or asked for becomes markup.
//
// It stands where html/template would. That finds methods by names known only at run time,
// for which the linker keeps every exported method of the whole program, a tenth of it.
package markup

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// constant is markup. Other packages can only write it down: they have no variable of it.
type constant string

// Builder collects a page. The zero Builder is empty.
type Builder struct{ b strings.Builder }

// Print appends markup with each %s in it replaced by a value, as fmt.Print shows that, and
// each %% by %. A %s is for text, or inside of the quotes of an attribute that is neither
// code nor a style; one that is an address has to begin with what makes it harmless, such as
// a path.
func (b *Builder) Print(markup constant, values ...any) {
	escaped := make([]any, len(values))
	for i, v := range values {
		escaped[i] = html.EscapeString(fmt.Sprint(v))
	}
	fmt.Fprintf(&b.b, string(markup), escaped...)
}

// String is all that was appended.
func (b *Builder) String() string { return b.b.String() }

// WriteTo writes all that was appended.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, b.b.String())
	return int64(n), err
}
