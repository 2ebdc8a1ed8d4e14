package page

import (
	"net/http"

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
