package page

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/markup"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// shownValue is how many bytes of a value are shown.
const shownValue = 64 << 10

type namespaceView struct {
	store.Namespace
	Account string
	Prefix  string
	Next    string // cursor
	Keys    []keyRow
	Value   *valueView // of the key that was asked for
}

type keyRow struct {
	kv.Key
	Expires *time.Time
}

type valueView struct {
	Key, Text, Metadata string
	Size                int64
	Cut, Binary         bool
}

func (p *Page) namespace(r *http.Request) (content, error) {
	v := namespaceView{Prefix: r.FormValue("prefix")}
	id := r.PathValue("id")
	err := p.Store.Read(r.Context(), func(tx *store.Tx) (err error) {
		v.Account, err = owner(tx, func(account string) (err error) { v.Namespace, err = tx.Namespace(account, id); return err })
		return err
	})
	if err != nil {
		return content{}, err
	}
	page, err := p.Namespaces.List(id, kv.ListOptions{Prefix: v.Prefix, Cursor: r.FormValue("cursor"), Limit: 200})
	if err != nil {
		return content{}, err
	}
	v.Next = page.Cursor
	for _, k := range page.Keys {
		row := keyRow{Key: k}
		if k.Expiration > 0 {
			at := time.Unix(k.Expiration, 0)
			row.Expires = &at
		}
		v.Keys = append(v.Keys, row)
	}
	if key := r.FormValue("key"); key != "" {
		e, ok, err := p.Namespaces.Get(id, key)
		if err != nil {
			return content{}, err
		}
		if !ok {
			return content{}, errAbsent
		}
		v.Value = valueOf(key, e.Value, string(e.Metadata))
	}
	return content{v.Title, v}, nil
}

func valueOf(key string, value []byte, metadata string) *valueView {
	v := &valueView{Key: key, Size: int64(len(value)), Metadata: metadata, Cut: len(value) > shownValue, Binary: !utf8.Valid(value)}
	if !v.Binary {
		v.Text = string(value[:min(len(value), shownValue)])
	}
	return v
}

func (v namespaceView) write(b *markup.Builder) {
	own := path("kv", v.ID)
	b.Print(`<h1>%s <small>KV namespace of %s</small></h1>
<p class="muted"><code>%s</code></p>`, v.Title, v.Account, v.ID)
	if v.Value != nil {
		v.Value.write(b)
	}
	b.Print(`
<form method="get" action="%s"><label for="prefix">Keys that begin with</label> <input id="prefix" name="prefix" value="%s"> <button>Show</button></form>
<div class="wide"><table>
<thead><tr><th>Key</th><th>Expires</th><th>Metadata</th></tr></thead>
<tbody>`, own, v.Prefix)
	for _, k := range v.Keys {
		b.Print(`
<tr><th scope="row"><a href="%s">%s</a></th><td>`, own+query("key", k.Name), k.Name)
		if k.Expires != nil {
			b.Print("<time>%s</time>", moment(*k.Expires))
		}
		b.Print(`</td><td class="long">%s</td></tr>`, string(k.Metadata))
	}
	if len(v.Keys) == 0 {
		b.Print(`
<tr><td colspan="3">No keys.</td></tr>`)
	}
	b.Print(`
</tbody>
</table></div>`)
	if v.Next != "" {
		b.Print(`<p><a href="%s">More keys</a></p>`, own+query("prefix", v.Prefix, "cursor", v.Next))
	}
}

func (v valueView) write(b *markup.Builder) {
	b.Print(`
<h2>%s <small>%s</small></h2>`, v.Key, size(v.Size))
	if v.Metadata != "" {
		b.Print(`<p class="muted">metadata <code>%s</code></p>`, v.Metadata)
	}
	if v.Binary {
		b.Print("<p>The value is not text.</p>")
	} else {
		b.Print("<pre>%s</pre>", v.Text)
	}
	if v.Cut {
		b.Print(`<p class="muted">Only the beginning is shown.</p>`)
	}
}
