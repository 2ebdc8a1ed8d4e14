package d1

import (
	"container/list"

	"github.com/tamylaa/clodo/internal/jsonwire"
	"github.com/tamylaa/clodo/internal/sqlite"
)

// prepared is a compiled statement with what is always the same about its results.
type prepared struct {
	stmt     *sqlite.Stmt
	text     string
	width    int
	columns  []byte // JSON array of names
	keys     []key
	schema   bool // changes the schema
	readOnly bool
	account  account
}

// key is a column of an object: `"name":` and the index of its value. Of columns
// with one name the last gives the value, as in a JavaScript object.
type key struct {
	text  []byte
	index int
}

func newPrepared(stmt *sqlite.Stmt, names []string, schema, readOnly bool) *prepared {
	p := &prepared{stmt: stmt, width: len(names), schema: schema, readOnly: readOnly, account: newAccount(stmt, readOnly)}
	p.columns = append(p.columns, '[')
	at := map[string]int{}
	for i, name := range names {
		quoted := jsonwire.AppendString(nil, name)
		if i > 0 {
			p.columns = append(p.columns, ',')
		}
		p.columns = append(p.columns, quoted...)
		if k, twice := at[name]; twice {
			p.keys[k].index = i
			continue
		}
		at[name] = len(p.keys)
		p.keys = append(p.keys, key{text: append(quoted, ':'), index: i})
	}
	p.columns = append(p.columns, ']')
	return p
}

func (p *prepared) finalize() { _ = p.stmt.Finalize() } // repeats the error of the last Step

// cache keeps the statements used last, by their text.
type cache struct {
	size   int
	schema int        // counts its changes
	recent *list.List // of *cached, most recent first
	byText map[string]*list.Element
}

type cached struct {
	text   string
	schema int // that it was compiled for
	*prepared
}

func newCache(size int) *cache {
	return &cache{size: size, recent: list.New(), byText: map[string]*list.Element{}}
}

func (c *cache) get(text string) *prepared {
	e := c.byText[text]
	if e == nil {
		return nil
	}
	if e.Value.(*cached).schema != c.schema {
		c.remove(e)
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).prepared
}

func (c *cache) put(text string, p *prepared) {
	c.byText[text] = c.recent.PushFront(&cached{text, c.schema, p})
	for c.recent.Len() > c.size {
		c.remove(c.recent.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	old := c.recent.Remove(e).(*cached)
	delete(c.byText, old.text)
	old.finalize()
}

// outdate makes what is known of all statements, such as their columns, a thing of
// the past. The one that runs goes on.
func (c *cache) outdate() { c.schema++ }

func (c *cache) clear() {
	for c.recent.Len() > 0 {
		c.remove(c.recent.Back())
	}
}
