package page

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tamylaa/clodo/localcloud/internal/kv"
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
