package cloudflare

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// LogQuery chooses what Logs reads.
type LogQuery struct {
	Account  string
	Ray      string // the Cf-Ray of the request's answer
	From, To time.Time
}

// Log is a call of the console, or an error that a Worker did not catch.
type Log struct {
	Time    time.Time
	Level   string // debug, info, log, warn, error
	Message string
}

// maxLogs is how many logs of a request are read.
const maxLogs = 100

// Logs reads what a request made Workers log, the first first; of more than a hundred, the
// last. Cloudflare keeps only what a Worker's observability is set to, and takes a moment.
func (c *Client) Logs(ctx context.Context, q LogQuery) ([]Log, error) {
	type filter struct {
		Key       string `json:"key"`
		Operation string `json:"operation"`
		Type      string `json:"type"`
		Value     string `json:"value"`
	}
	id, _, _ := strings.Cut(q.Ray, "-") // without the data centre
	body := map[string]any{
		"queryId": "clodo-logs", "view": "events", "limit": maxLogs,
		"timeframe": map[string]int64{"from": q.From.UnixMilli(), "to": q.To.UnixMilli()},
		"parameters": map[string]any{"filters": []filter{
			{"$metadata.requestId", "eq", "string", id},
			{"$metadata.type", "eq", "string", "cf-worker"},
		}},
	}
	r := request{method: http.MethodPost, path: "/accounts/{account_id}/workers/observability/telemetry/query", args: []string{q.Account}, effect: reads}.withJSON(body)
	found, err := call[struct {
		Events struct {
			Events []struct {
				Timestamp int64 `json:"timestamp"`
				Metadata  struct {
					Level   string `json:"level"`
					Message string `json:"message"`
				} `json:"$metadata"`
			} `json:"events"`
		} `json:"events"`
	}](ctx, c, r)
	if err != nil {
		return nil, err
	}
	var logs []Log
	for _, e := range found.Events.Events {
		logs = append(logs, Log{time.UnixMilli(e.Timestamp).UTC(), e.Metadata.Level, e.Metadata.Message})
	}
	slices.Reverse(logs) // the newest came first
	return logs, nil
}
