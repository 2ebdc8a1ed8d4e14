package page

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/markup"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// How many invocations the pages list.
const (
	shownRequests = 200
	shownLatest   = 12
)

const requestsTitle = "Requests"

type requestsView struct {
	Account, Script string
	Logs            bool // only those that logged or threw
	Records         []recordRow
	Lost            int64 // records that could not be kept
}

// recordRow is an invocation with its logs in words.
type recordRow struct {
	traffic.Record
	Lines []logLine
}

type logLine struct{ Level, Text string }

func (p *Page) requests(r *http.Request) (content, error) {
	v := requestsView{Account: r.FormValue("account"), Script: r.FormValue("script"), Logs: r.FormValue("logs") != "", Lost: p.Traffic.Stats().Lost}
	f := traffic.Filter{Account: v.Account, WithLogs: v.Logs, Limit: shownRequests}
	if v.Script != "" {
		f.Scripts = []string{v.Script}
	}
	var err error
	v.Records, err = p.recent(r, f)
	return content{requestsTitle, v}, err
}

func (p *Page) recent(r *http.Request, f traffic.Filter) ([]recordRow, error) {
	records, err := p.Traffic.Recent(r.Context(), f)
	if err != nil {
		return nil, err
	}
	rows := make([]recordRow, 0, len(records))
	for _, record := range records {
		row := recordRow{Record: record}
		for _, l := range record.Detail.Logs {
			row.Lines = append(row.Lines, logLine{l.Level, words(l.Message)})
		}
		for _, e := range record.Detail.Exceptions {
			row.Lines = append(row.Lines, logLine{"error", thrown(e)})
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// bad reports whether it is a fault for people who look for one.
func (r recordRow) bad() bool { return r.Outcome != "ok" || r.Status >= 500 }

// what is the request, or what else made the Worker run.
func (r recordRow) what() string {
	if r.URL != "" {
		return strings.TrimSpace(r.Method + " " + r.URL)
	}
	what := r.Trigger
	if r.Entrypoint != "" {
		what += " " + r.Entrypoint
	}
	return what
}

// thrown is an exception as an uncaught one is printed. Its stack may begin with its name
// and message, as V8 writes it, or have the places alone.
func thrown(e traffic.Exception) string {
	text := e.Name + ": " + e.Message
	switch {
	case e.Stack == "":
		return text
	case strings.HasPrefix(e.Stack, e.Name):
		return e.Stack
	}
	return text + "\n" + e.Stack
}

// words are the arguments of a call of the console as it would print them.
func words(message json.RawMessage) string {
	var all []json.RawMessage
	if json.Unmarshal(message, &all) != nil {
		return string(message)
	}
	parts := make([]string, 0, len(all))
	for _, raw := range all {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func (v requestsView) write(b *markup.Builder) {
	b.Print("<h1>%s", requestsTitle)
	if v.Script != "" {
		b.Print(" <small>of %s</small>", v.Script)
	}
	logs, link := "1", "only those with logs"
	if v.Logs {
		logs, link = "", "all"
	}
	b.Print(`</h1>
<p><a href="%s">%s</a></p>`, path("requests")+query("account", v.Account, "script", v.Script, "logs", logs), link)
	if v.Lost > 0 {
		b.Print(`
<p class="bad">%s invocations came faster than they could be written down and are missing here.</p>`, v.Lost)
	}
	b.Print(`
<div id="requests" class="wide" data-live>`)
	writeRecords(b, v.Records)
	b.Print("</div>")
}

func writeRecords(b *markup.Builder, all []recordRow) {
	b.Print(`<table>
<thead><tr><th>Time</th><th>Worker</th><th>What</th><th class="n">Status</th><th>Outcome</th><th class="n">Took</th></tr></thead>
<tbody>`)
	for _, r := range all {
		r.write(b)
	}
	if len(all) == 0 {
		b.Print(`
<tr><td colspan="6">Nothing yet.</td></tr>`)
	}
	b.Print(`
</tbody>
</table>`)
}

func (r recordRow) write(b *markup.Builder) {
	status := ""
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	b.Print("\n<tr")
	if r.bad() {
		b.Print(` class="fault"`)
	}
	b.Print(`>
<td><time>%s</time></td>
<td><a href="%s">%s</a> <code title="%s">%s</code></td>
<td class="long">%s`, moment(r.Time), path("workers", r.Account, r.Script), r.Script, r.Version, short(r.Version), r.what())
	for _, l := range r.Lines {
		b.Print(`<pre class="line %s">%s</pre>`, l.Level, l.Text)
	}
	b.Print(`</td>
<td class="n">%s</td>
<td>%s</td>
<td class="n">%s</td>
</tr>`, status, r.Outcome, took(r.Record))
}
