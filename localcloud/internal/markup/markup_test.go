package markup

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestValuesAreEscaped(t *testing.T) {
	t.Parallel()
	var b Builder
	b.Print(`<p class="%s">%s of %s, 100 %%</p>`, `"><script>`, `<b>&amp;'`, 3)
	b.Print("<hr>")
	want := `<p class="&#34;&gt;&lt;script&gt;">&lt;b&gt;&amp;amp;&#39; of 3, 100 %</p><hr>`
	if got := b.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var out strings.Builder
	if n, err := b.WriteTo(&out); err != nil || n != int64(len(want)) || out.String() != want {
		t.Errorf("%d %v %s", n, err, out.String())
	}
}

// Whatever a value is, a browser sees one element with that text and that attribute.
func FuzzAValueStaysAValue(f *testing.F) {
	for _, seed := range []string{"", "plain", `"><script>alert(1)</script>`, "&lt;", "%s%!", "'`\x00\xff\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\x00\r") {
			return // which every HTML parser replaces
		}
		var b Builder
		b.Print(`<i title="%s">%s</i>`, value, value)
		nodes, err := html.ParseFragment(strings.NewReader(b.String()), nil)
		if err != nil {
			t.Fatal(err)
		}
		i := nodes[0].LastChild.FirstChild
		if i.Data != "i" || i.NextSibling != nil || len(i.Attr) != 1 || i.Attr[0].Val != value {
			t.Fatalf("%q became %s", value, b.String())
		}
		switch text := i.FirstChild; {
		case value == "" && text == nil:
		case text == nil || text.Type != html.TextNode || text.Data != value || text.NextSibling != nil:
			t.Fatalf("%q became %s", value, b.String())
		}
	})
}
