package traffic

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// event is the part of workerd's events that tells their kinds apart.
type event struct {
	Request *struct {
		URL     string            `json:"url"`
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers"`
	} `json:"request"`
	Response *struct {
		Status int `json:"status"`
	} `json:"response"`
	Cron      *string         `json:"cron"`
	Queue     *string         `json:"queue"`
	Method    *string         `json:"rpcMethod"`
	Scheduled json.RawMessage `json:"scheduledTime"`
	From      *string         `json:"mailFrom"`
	Consumed  json.RawMessage `json:"consumedEvents"`
	WebSocket json.RawMessage `json:"webSocketEvent"`
}

func (e event) trigger() string {
	switch {
	case e.Request != nil:
		return Fetch
	case e.Cron != nil:
		return Scheduled
	case e.Queue != nil:
		return Queue
	case e.Method != nil:
		return RPC
	case e.From != nil:
		return Email
	case e.Consumed != nil:
		return Tail
	case e.WebSocket != nil:
		return WebSocket
	case e.Scheduled != nil:
		return Alarm
	}
	return Unknown
}

// ofTimes is what workerd told about an invocation, without its event and what it left.
func ofTimes(t runtime.Trace) Record {
	r := Record{
		Account: t.Account, Script: t.Script, Version: t.Version, Entrypoint: t.Entrypoint, Outcome: t.Outcome, Trigger: Fetch, Status: t.Status, Ray: t.Ray,
		Wall: -1, Duration: -1, CPU: -1, Bytes: -1, Time: ofMillis(t.Ended),
		Detail: Detail{ObjectID: t.DurableObjectID, Model: t.Model, Truncated: t.Truncated, Traced: true},
	}
	if t.Began != nil {
		r.Time = ofMillis(*t.Began)
		r.Wall = max(0, ofMillis(t.Ended).Sub(r.Time))
	}
	if t.CPU > 0 {
		r.CPU = time.Duration(t.CPU * float64(time.Millisecond))
	}
	return r
}

// ofTrace is all that workerd told about an invocation. When it is of a request on
// the data port, its ray says of which.
func ofTrace(t runtime.Trace) (Record, error) {
	r := ofTimes(t)
	r.Detail.Event, r.Detail.Diagnostics = t.Event, t.Diagnostics
	for raw, into := range map[*json.RawMessage]any{&t.Logs: &r.Detail.Logs, &t.Exceptions: &r.Detail.Exceptions} {
		if len(*raw) > 0 {
			if err := json.Unmarshal(*raw, into); err != nil {
				return r, err
			}
		}
	}
	var e event
	if len(t.Event) > 0 {
		if err := json.Unmarshal(t.Event, &e); err != nil {
			return r, err
		}
	}
	r.Trigger = e.trigger()
	if e.Request != nil {
		r.Method, r.URL, r.Ray = e.Request.Method, e.Request.URL, e.Request.Headers["cf-ray"]
		r.Detail.ClientIP = e.Request.Headers["cf-connecting-ip"]
	}
	if e.Response != nil {
		r.Status = e.Response.Status
	}
	return r, nil
}

func ofMillis(ms float64) time.Time {
	return time.UnixMicro(int64(ms * 1000)).UTC()
}

// canceled is the outcome of a request whose client went away.
const canceled = "canceled"

// ofExchange is what the proxy saw of a request. Whether code ran is not known yet.
func ofExchange(e runtime.Exchange) Record {
	h := e.Request.Header
	url := h.Get("X-Forwarded-Proto") + "://" + strings.ToLower(e.Request.Host) + e.Request.URL.RequestURI()
	r := Record{
		Account: e.Account, Script: e.Script, Version: e.Version, Trigger: Fetch, Time: e.Start.UTC(), Outcome: e.Outcome,
		Method: e.Request.Method, URL: redactURL(url), Status: e.Status, Ray: e.Ray,
		Wall: e.Duration, Duration: e.Duration, CPU: -1, Bytes: e.Bytes,
		Detail: Detail{ClientIP: h.Get("Cf-Connecting-Ip")},
	}
	switch {
	case r.Outcome != "":
	case e.Gone:
		r.Outcome = canceled
	default:
		r.Outcome = "unknown"
	}
	if e.Assets {
		r.Trigger = Assets
		if !e.Failed && !e.Gone {
			r.Outcome = "ok"
		}
	}
	return r
}

// requestEvent is the event of a request as workerd tells it of those that left
// something.
func requestEvent(r Record, host string, h http.Header) json.RawMessage {
	type header struct{ name, value string }
	headers := append(make([]header, 0, len(h)+1), header{"host", host})
	for name, values := range h {
		name = strings.ToLower(name)
		value := strings.Join(values, ", ")
		if internal := strings.HasPrefix(name, "x-clodo-"); internal || name == "user-agent" && value == "" {
			continue // the transport sends no empty one
		}
		headers = append(headers, header{name, redactHeader(name, value)})
	}
	slices.SortFunc(headers, func(a, b header) int { return strings.Compare(a.name, b.name) })
	b := appendText(append(make([]byte, 0, 1<<10), `{"request":{"url":`...), r.URL)
	b = appendText(append(b, `,"method":`...), r.Method)
	b = append(b, `,"headers":{`...)
	for i, one := range headers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, one.name), ':'), one.value)
	}
	b = append(b, "}}"...)
	if r.Status != 0 {
		b = append(strconv.AppendInt(append(b, `,"response":{"status":`...), int64(r.Status), 10), '}')
	}
	return append(b, '}')
}

// appendText appends a text as JSON.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // never fails
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// merged is what both sides know of one request: workerd its outcome and what it
// left, the proxy how it went for the client.
func merged(exchange, trace Record) Record {
	m := trace
	m.ID, m.Time, m.Ray, m.Duration, m.Bytes = exchange.ID, exchange.Time, exchange.Ray, exchange.Duration, exchange.Bytes
	m.Wall = max(exchange.Wall, trace.Wall)
	if exchange.Status != 0 {
		m.Status = exchange.Status
	}
	unanswered := trace.Outcome == "ok" && trace.Status == 0 && exchange.Outcome == canceled // workerd calls that ok
	if m.Outcome == "unknown" || m.Outcome == "" || unanswered {
		m.Outcome = exchange.Outcome
	}
	return m
}
