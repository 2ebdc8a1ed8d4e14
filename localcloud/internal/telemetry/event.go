// Package telemetry answers questions about what Workers logged: the events of the
// recorded traffic, filtered, grouped and counted as Cloudflare's observability API
// does it.
package telemetry

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// dataset is the only one there is.
const dataset = "cloudflare-workers"

// event is one log of an invocation, or the invocation itself.
type event struct {
	id     string // sorts like the events do
	time   int64  // milliseconds
	body   map[string]any
	fields map[string]any // by the keys of filters: text, float64 or bool
}

// MarshalJSON is the event as Cloudflare shows it.
func (e event) MarshalJSON() ([]byte, error) { return json.Marshal(e.body) }

// events are those of a record: its logs, its exceptions and itself.
func events(r traffic.Record) []event {
	request := fmt.Sprintf("local-%d", r.ID)
	if r.Ray != "" {
		request = strings.TrimSuffix(r.Ray, "-LCL")
	}
	level, summary := "info", r.Trigger
	if r.Outcome != "ok" && r.Outcome != "canceled" {
		level = "error"
	}
	if r.URL != "" {
		summary = r.Method + " " + r.URL
	}
	var all []event
	add := func(kind, level, message string, at int64, source any, more map[string]any) {
		id := fmt.Sprintf("%015d-%015d-%05d", at, r.ID, len(all))
		meta := map[string]any{
			"id": id, "account": r.Account, "service": r.Script, "origin": r.Trigger, "trigger": summary, "type": kind,
			"requestId": request, "level": level, "message": message,
		}
		for name, value := range more {
			meta[name] = value
		}
		worker := map[string]any{
			"scriptName": r.Script, "scriptVersion": map[string]any{"id": r.Version}, "eventType": eventType(r.Trigger), "outcome": r.Outcome,
			"requestId": request, "truncated": r.Detail.Truncated,
		}
		optional(worker, "entrypoint", r.Entrypoint)
		optional(worker, "executionModel", model(r.Detail.Model))
		optional(worker, "durableObjectId", r.Detail.ObjectID)
		if kind == "cf-worker-event" {
			if r.Wall >= 0 {
				worker["wallTimeMs"] = float64(r.Wall.Microseconds()) / 1000
			}
			if r.CPU >= 0 {
				worker["cpuTimeMs"] = float64(r.CPU.Microseconds()) / 1000
			}
			var trigger map[string]any
			if json.Unmarshal(r.Detail.Event, &trigger) == nil && trigger != nil {
				worker["event"] = trigger
			}
		}
		body := map[string]any{"$metadata": meta, "$workers": worker, "dataset": dataset, "source": source, "timestamp": at}
		e := event{id: id, time: at, body: body, fields: map[string]any{"dataset": dataset, "timestamp": float64(at)}}
		flatten(e.fields, "$metadata", meta)
		flatten(e.fields, "$workers", worker)
		if object, ok := source.(map[string]any); ok {
			for name, value := range object {
				flatten(e.fields, name, value)
			}
		}
		all = append(all, e)
	}
	more := map[string]any{}
	optional(more, "rayId", r.Ray)
	optional(more, "url", r.URL)
	if r.Status != 0 {
		more["statusCode"] = r.Status
	}
	add("cf-worker-event", level, summary, r.Time.UnixMilli(), map[string]any{"message": summary, "level": level}, more)
	for _, l := range r.Detail.Logs {
		add("cf-worker", l.Level, l.Text(), int64(l.Timestamp), structured(l), nil)
	}
	for _, x := range r.Detail.Exceptions {
		text := x.Name + ": " + x.Message
		add("cf-worker", "error", text, int64(x.Timestamp), map[string]any{"exception": map[string]any{"name": x.Name, "message": x.Message, "stack": x.Stack}, "message": text, "level": "error"}, map[string]any{"error": text})
	}
	return all
}

func optional(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

// structured are the fields of a log of one object, or of a text that is one.
func structured(l traffic.Log) any {
	var parts []any
	if json.Unmarshal(l.Message, &parts) == nil && len(parts) == 1 {
		switch v := parts[0].(type) {
		case map[string]any:
			return v
		case string:
			var object map[string]any
			if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &object) == nil {
				return object
			}
		}
	}
	return map[string]any{"message": l.Text(), "level": l.Level}
}

// eventType is a trigger in the words of this API.
func eventType(trigger string) string {
	switch trigger {
	case traffic.Fetch, traffic.Scheduled, traffic.Queue, traffic.Alarm, traffic.RPC, traffic.Email, traffic.Tail, traffic.WebSocket:
		return trigger
	case traffic.Assets:
		return traffic.Fetch
	}
	return traffic.Unknown
}

func model(m string) string {
	if m == "stateless" || m == "durableObject" {
		return m
	}
	return ""
}

// maxDepthOfLogs is how deep the fields of an object that was logged are looked at.
const maxDepthOfLogs = 10

// flatten gives nested fields names such as "$workers.scriptVersion.id".
func flatten(into map[string]any, name string, value any) {
	if strings.Count(name, ".") > maxDepthOfLogs {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		for inner, value := range v {
			flatten(into, name+"."+inner, value)
		}
	case []any:
		for i, value := range v {
			flatten(into, name+"."+strconv.Itoa(i), value)
		}
	case int:
		into[name] = float64(v)
	case string, float64, bool:
		into[name] = v
	}
}
