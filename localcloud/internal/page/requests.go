package page

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// How many invocations the pages list.
const (
	shownRequests = 200
	shownLatest   = 12
)

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
	return content{"Requests", v}, err
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

// What is a fault for people who look for one.
func (r recordRow) Bad() bool { return r.Outcome != "ok" || r.Status >= 500 }

// What is the request, or what else made the Worker run.
func (r recordRow) What() string {
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
