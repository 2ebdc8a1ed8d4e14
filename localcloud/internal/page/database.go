package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/markup"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Bounds of what the query box takes and shows.
const (
	maxQuery  = 1 << 20 // bytes of a form
	shownRows = 500
)

type databaseView struct {
	databaseRow
	Account string
	Objects []objectRow
	SQL     string
	Results []result
	Failed  string // what D1 said of the query
}

// objectRow is a table, index, view or trigger.
type objectRow struct{ Name, Kind, SQL string }

// result is what one statement of a query gave.
type result struct {
	Columns []string
	Rows    [][]cell
	More    int // rows that are not shown
	Written int64
	Read    int64
	Took    time.Duration
}

// cell is one value; Kind is null, number, text or blob.
type cell struct{ Kind, Text string }

func (p *Page) database(r *http.Request) (content, error) {
	v, _, err := p.databaseView(r)
	return content{v.Name, v}, err
}

// query runs what was typed. Its errors belong on the page.
func (p *Page) query(r *http.Request) (content, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxQuery)
	if err := r.ParseForm(); err != nil {
		return content{}, fmt.Errorf("reading the query: %w", err)
	}
	v, db, err := p.databaseView(r)
	if err != nil {
		return content{}, err
	}
	v.SQL = r.PostForm.Get("sql")
	out, err := db.Query(r.Context(), d1.Request{Batch: []d1.Statement{{SQL: v.SQL}}, Rows: true, EveryStatement: true})
	if sql := (*d1.Error)(nil); errors.As(err, &sql) {
		v.Failed = sql.Message
		return content{v.Name, v}, nil
	}
	if err != nil {
		return content{}, err
	}
	if v.Results, err = results(out); err != nil {
		return content{}, err
	}
	if changed, _, err := p.databaseView(r); err == nil {
		v.databaseRow, v.Objects = changed.databaseRow, changed.Objects // after the query
	}
	return content{v.Name, v}, nil
}

func (p *Page) databaseView(r *http.Request) (databaseView, *d1.DB, error) {
	var v databaseView
	id := r.PathValue("id")
	err := p.Store.Read(r.Context(), func(tx *store.Tx) (err error) {
		v.Account, err = owner(tx, func(account string) (err error) {
			if v.Database, err = tx.Database(account, id); err == nil && v.Database.ID != id {
				err = store.ErrNotFound // a name is no id
			}
			return err
		})
		return err
	})
	if err != nil {
		return v, nil, err
	}
	db, err := p.Databases.Get(id)
	if err != nil {
		return v, nil, err
	}
	info, err := db.Info(r.Context())
	if err != nil {
		return v, nil, err
	}
	v.Size, v.Tables = info.Size, info.Tables
	out, err := db.Query(r.Context(), d1.Request{Rows: true, Batch: []d1.Statement{{
		SQL: `SELECT name, type, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_cf\_%' ESCAPE '\' ORDER BY type <> 'table', type, name`,
	}}})
	if err != nil {
		return v, nil, err
	}
	all, err := results(out)
	if err != nil {
		return v, nil, err
	}
	for _, row := range all[0].Rows {
		v.Objects = append(v.Objects, objectRow{Name: row[0].Text, Kind: row[1].Text, SQL: row[2].Text})
	}
	return v, db, nil
}

// results reads D1's answer.
func results(out json.RawMessage) ([]result, error) {
	var in []struct {
		Results struct {
			Columns []string
			Rows    [][]json.RawMessage
		}
		Meta struct {
			Duration    float64 // milliseconds
			RowsRead    int64   `json:"rows_read"`
			RowsWritten int64   `json:"rows_written"`
		}
	}
	if err := json.Unmarshal(out, &in); err != nil {
		return nil, fmt.Errorf("reading the answer of the database: %w", err)
	}
	all := make([]result, 0, len(in))
	for _, one := range in {
		r := result{
			Columns: one.Results.Columns, Read: one.Meta.RowsRead, Written: one.Meta.RowsWritten,
			Took: time.Duration(one.Meta.Duration * float64(time.Millisecond)).Round(time.Microsecond),
			More: max(0, len(one.Results.Rows)-shownRows),
		}
		for _, row := range one.Results.Rows[:len(one.Results.Rows)-r.More] {
			var cells []cell
			for _, raw := range row {
				cells = append(cells, cellOf(raw))
			}
			r.Rows = append(r.Rows, cells)
		}
		all = append(all, r)
	}
	return all, nil
}

func cellOf(raw json.RawMessage) cell {
	switch {
	case len(raw) == 0, raw[0] == 'n':
		return cell{"null", "NULL"}
	case raw[0] == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return cell{"text", string(raw)}
		}
		return cell{"text", text}
	case raw[0] == '[':
		return cell{"blob", fmt.Sprintf("%d bytes", bytesIn(raw))}
	}
	return cell{"number", string(raw)}
}

// bytesIn counts the numbers of a blob, which comes as an array of them.
func bytesIn(raw json.RawMessage) int {
	if strings.TrimSpace(string(raw)) == "[]" {
		return 0
	}
	return strings.Count(string(raw), ",") + 1
}

func (v databaseView) write(b *markup.Builder) {
	b.Print(`<h1>%s <small>D1 database of %s · %s</small></h1>
<p class="muted"><code>%s</code></p>
<form method="post" action="%s">
<label for="sql">Query</label>
<textarea id="sql" name="sql" rows="5" spellcheck="false" autocomplete="off" required placeholder="SELECT …">%s</textarea>
<button>Run</button> <small>Ctrl-Enter. It runs as a Worker's query would: all of it, or none.</small>
</form>`, v.Name, v.Account, size(v.Size), v.ID, path("databases", v.ID), v.SQL)
	if v.Failed != "" {
		b.Print(`
<p class="bad" role="alert">%s</p>`, v.Failed)
	}
	for _, r := range v.Results {
		r.write(b)
	}
	b.Print(`
<h2>Tables</h2>`)
	for _, o := range v.Objects {
		b.Print(`
<details><summary>%s <small>%s</small></summary><pre>%s</pre></details>`, o.Name, o.Kind, o.SQL)
	}
	if len(v.Objects) == 0 {
		b.Print(`
<p>The database has no tables yet.</p>`)
	}
}

func (r result) write(b *markup.Builder) {
	b.Print(`
<section class="result" aria-label="Result">`)
	if len(r.Columns) > 0 {
		b.Print(`
<div class="wide"><table>
<thead><tr>`)
		for _, column := range r.Columns {
			b.Print("<th>%s</th>", column)
		}
		b.Print(`</tr></thead>
<tbody>`)
		for _, row := range r.Rows {
			b.Print("\n<tr>")
			for _, c := range row {
				b.Print(`<td class="%s">%s</td>`, c.Kind, c.Text)
			}
			b.Print("</tr>")
		}
		b.Print(`
</tbody>
</table></div>`)
	}
	b.Print(`
<p class="muted">%s`, count(len(r.Rows), "row"))
	if r.More > 0 {
		b.Print(" and %s more", r.More)
	}
	b.Print(` · %s read, %s written · %s</p>
</section>`, r.Read, r.Written, r.Took)
}
