package d1

import (
	"container/list"

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
}

// key is a column of an object: `"name":` and the index of its value. Of columns
// with one name the last gives the value, as in a JavaScript object.
type key struct {
	text  []byte
	index int
}

func newPrepared(stmt *sqlite.Stmt, names []string, schema, readOnly bool) *prepared {
	p := &prepared{stmt: stmt, width: len(names), schema: schema, readOnly: readOnly}
	p.columns = append(p.columns, '[')
	at := map[string]int{}
	for i, name := range names {
		quoted := appendString(nil, name)
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
	recent *list.List // of *cached, most recent first
	byText map[string]*list.Element
}

type cached struct {
	text string
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
	c.recent.MoveToFront(e)
	return e.Value.(*cached).prepared
}

func (c *cache) put(text string, p *prepared) {
	c.byText[text] = c.recent.PushFront(&cached{text, p})
	for c.recent.Len() > c.size {
		old := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.byText, old.text)
		old.finalize()
	}
}

func (c *cache) clear() {
	for e := c.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*cached).finalize()
	}
	c.recent.Init()
	clear(c.byText)
}
