package page

import (
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/markup"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

type bucketRow struct {
	store.Bucket
	r2.Usage
}

type bucketView struct {
	bucketRow
	AccountName string
	Prefix      string
	Next        string // cursor
	Items       []r2.Item
	Object      *r2.Object // the one that was asked for
}

// bucket lists a bucket as if its keys were paths.
func (p *Page) bucket(r *http.Request) (content, error) {
	v := bucketView{Prefix: r.FormValue("prefix")}
	err := p.Store.Read(r.Context(), func(tx *store.Tx) error {
		a, err := tx.Account(r.PathValue("account"))
		if err != nil {
			return err
		}
		v.AccountName = a.Name
		v.Bucket, err = tx.Bucket(a.ID, r.PathValue("jurisdiction"), r.PathValue("bucket"))
		return err
	})
	if err != nil {
		return content{}, err
	}
	if v.Usage, err = p.Buckets.Usage(r.Context(), v.ID()); err != nil {
		return content{}, err
	}
	page, err := p.Buckets.List(r.Context(), v.ID(), r2.ListOptions{Prefix: v.Prefix, Delimiter: "/", Cursor: r.FormValue("cursor"), Limit: 200})
	if err != nil {
		return content{}, err
	}
	v.Items, v.Next = page.Items, page.Cursor
	if key := r.FormValue("key"); key != "" {
		o, err := p.Buckets.Head(r.Context(), v.ID(), key)
		if err != nil {
			return content{}, err
		}
		v.Object = &o
	}
	return content{v.Name, v}, nil
}

func (b bucketRow) path() string { return path("r2", b.Account, b.Jurisdiction, b.Name) }

func (v bucketView) write(b *markup.Builder) {
	b.Print("<h1>%s <small>R2 bucket of %s · %s · %s</small></h1>", v.Name, v.AccountName, count(v.Objects, "object"), size(v.Bytes))
	if v.Object != nil {
		writeObject(b, *v.Object)
	}
	b.Print(`
<form method="get" action="%s"><label for="prefix">Keys that begin with</label> <input id="prefix" name="prefix" value="%s"> <button>Show</button></form>
<div class="wide"><table>
<thead><tr><th>Key</th><th>Type</th><th class="n">Size</th><th>Uploaded</th></tr></thead>
<tbody>`, v.path(), v.Prefix)
	for _, item := range v.Items {
		if item.Prefix != "" {
			b.Print(`
<tr><th scope="row"><a href="%s">%s</a></th><td></td><td></td><td></td></tr>`, v.path()+query("prefix", item.Prefix), item.Prefix)
			continue
		}
		b.Print(`
<tr><th scope="row"><a href="%s">%s</a></th><td>%s</td><td class="n">%s</td><td><time>%s</time></td></tr>`,
			v.path()+query("prefix", v.Prefix, "key", item.Key), item.Key, item.HTTP.ContentType, size(item.Size), moment(item.Uploaded))
	}
	if len(v.Items) == 0 {
		b.Print(`
<tr><td colspan="4">No objects.</td></tr>`)
	}
	b.Print(`
</tbody>
</table></div>`)
	if v.Next != "" {
		b.Print(`<p><a href="%s">More objects</a></p>`, v.path()+query("prefix", v.Prefix, "cursor", v.Next))
	}
}

func writeObject(b *markup.Builder, o r2.Object) {
	b.Print(`
<h2>%s</h2>
<div class="wide"><table>
<tbody>
<tr><th scope="row">Size</th><td>%s</td></tr>
<tr><th scope="row">Type</th><td>%s</td></tr>
<tr><th scope="row">ETag</th><td><code>%s</code></td></tr>
<tr><th scope="row">Class</th><td>%s</td></tr>
<tr><th scope="row">Uploaded</th><td><time>%s</time></td></tr>`, o.Key, size(o.Size), o.HTTP.ContentType, o.ETag, o.Class, moment(o.Uploaded))
	for _, f := range o.Custom {
		b.Print(`
<tr><th scope="row"><code>%s</code></th><td class="long">%s</td></tr>`, f.Key, f.Value)
	}
	b.Print(`
</tbody>
</table></div>`)
}
