package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Binding answers workerd's queue binding. id is ACCOUNT/NAME of the queue, or
// ACCOUNT/NAME/SECONDS when the binding has a delay of its own.
func (b *Broker) Binding(w http.ResponseWriter, r *http.Request, id string) {
	result, err := b.answer(r, id)
	if err != nil {
		b.refuse(w, err)
		return
	}
	body, err := json.Marshal(result)
	if err != nil {
		b.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the Worker went away
}

// bindingMetrics are metrics in the words of the Workers API.
type bindingMetrics struct {
	Count  int64 `json:"backlogCount"`
	Bytes  int64 `json:"backlogBytes"`
	Oldest int64 `json:"oldestMessageTimestamp"`
}

func (b *Broker) answer(r *http.Request, id string) (any, error) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) < 2 {
		return nil, &Error{CodeNoQueue, "no such queue"}
	}
	q, ok := b.named(parts[0], parts[1])
	if !ok {
		return nil, &Error{CodeNoQueue, fmt.Sprintf("the queue %q does not exist", parts[1])}
	}
	if r.Method == http.MethodGet && r.URL.Path == "/metrics" {
		m, err := b.Metrics(q)
		return bindingMetrics(m), err
	}
	if r.Method != http.MethodPost || r.URL.Path != "/message" && r.URL.Path != "/batch" {
		return nil, &Error{CodeNoQueue, r.Method + " " + r.URL.Path + " is no operation of a queue"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return nil, &Error{10201, "the message broke off"}
	}
	if len(body) > maxRequest {
		return nil, &Error{CodeBatchSize, fmt.Sprintf("batch size exceeds limit of %d", MaxBatchSize)}
	}
	delay, err := delayOf(r.Header.Get("X-Msg-Delay-Secs"), parts[2:])
	if err != nil {
		return nil, err
	}
	messages := []Message{{Format: V8, Body: body, Delay: delay}}
	if format := r.Header.Get("X-Msg-Fmt"); format != "" {
		messages[0].Format = Format(format)
	}
	if r.URL.Path == "/batch" {
		if messages, err = parseBatch(body, delay); err != nil {
			return nil, err
		}
	}
	if err := b.Send(q, messages...); err != nil {
		return nil, err
	}
	m, err := b.Metrics(q)
	return map[string]any{"metadata": map[string]any{"metrics": bindingMetrics(m)}}, err
}

// delayOf is the delay that the call or else the binding asks for; nil for neither.
func delayOf(header string, binding []string) (*time.Duration, error) {
	if header == "" && len(binding) > 0 {
		header = binding[0]
	}
	if header == "" {
		return nil, nil
	}
	n, err := strconv.ParseFloat(header, 64)
	if err != nil {
		return nil, &Error{CodeMetadata, fmt.Sprintf("message delay %q is no number", header)}
	}
	d, err := Seconds(n)
	return &d, err
}

// reasons are the words that Cloudflare has for a status; a Worker sees them.
var reasons = map[int]string{http.StatusRequestEntityTooLarge: "Payload Too Large"}

// refuse answers with the headers that make the Worker's exception "CAUSE (CODE)", and a
// status line whose reason makes it "Queue send failed: REASON" where the compatibility
// date is before 2026-02-17. net/http cannot write a reason of one's own.
func (b *Broker) refuse(w http.ResponseWriter, err error) {
	status, code, message := http.StatusInternalServerError, codeInternal, "internal error"
	if known := (*Error)(nil); errors.As(err, &known) {
		status, code, message = known.Status(), known.Code, known.Message
	} else {
		b.log.Error("a queue could not answer a Worker", "error", err)
	}
	cause := strings.NewReplacer("\r", " ", "\n", " ").Replace(message)
	conn, out, hijackErr := http.NewResponseController(w).Hijack()
	if hijackErr != nil {
		w.Header().Set("CF-Queues-Error-Code", strconv.Itoa(code))
		w.Header().Set("CF-Queues-Error-Cause", cause)
		http.Error(w, message, status)
		return
	}
	reason := reasons[status]
	if reason == "" {
		reason = http.StatusText(status)
	}
	_, _ = fmt.Fprintf(out, "HTTP/1.1 %d %s\r\nCF-Queues-Error-Code: %d\r\nCF-Queues-Error-Cause: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status, reason, code, cause)
	_ = errors.Join(out.Flush(), conn.Close()) // the Worker went away
}

// codeInternal is Cloudflare's code for what is nobody's mistake.
const codeInternal = 15000
