package clodotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tamylaa/clodo/internal/inprocess"
	"github.com/tamylaa/clodo/localcloud"
)

// events are what happens to a service beside requests.
type events interface {
	scheduled(ctx context.Context, cron string, at time.Time) error
	deliver(ctx context.Context, queue string, all []message) (handled, error)
	receive(ctx context.Context, from, to string, raw []byte) Received
	emails() ([]Email, error)
	queued(queue string) ([]localcloud.QueueMessage, error)
}

// message is one of a queue; one of Text and Bytes is its body.
type message struct {
	ID        string  `json:"id"`
	Timestamp int64   `json:"timestamp"` // milliseconds
	Attempts  int     `json:"attempts"`
	Text      *string `json:"text,omitempty"`
	Bytes     []byte  `json:"bytes,omitempty"`
}

// handled is what a service answered to an event.
type handled struct {
	Error string   `json:"error"`
	Ack   []string `json:"ack"`
	Retry []again  `json:"retry"`

	Rejected  string `json:"rejected"`
	Forwarded []struct {
		To string `json:"to"`
	} `json:"forwarded"`
	Replied []struct {
		Raw string `json:"raw"`
	} `json:"replied"`
}

// again is a message that is to be delivered again.
type again struct {
	ID string `json:"id"`
}

// Scheduled has the service's handler of a cron trigger run, now. The error is the
// handler's, or says that there is none.
func (a *App) Scheduled(cron string) error {
	return a.events.scheduled(a.t.Context(), cron, time.Now())
}

// Delivery is what became of messages. Acked and Retried are their places in what was
// delivered, in order; a message in neither has the fate of the whole batch: it is
// delivered again when Err is not nil.
type Delivery struct {
	Acked, Retried []int
	Err            error // of the handler
}

// Deliver hands messages of a queue to the service's handler, as one batch: texts, bytes,
// and values that are sent as JSON. That there is no handler fails the test.
func (a *App) Deliver(queue string, bodies ...any) Delivery {
	a.t.Helper()
	all := make([]message, len(bodies))
	for i, body := range bodies {
		all[i] = message{ID: strconv.Itoa(i), Timestamp: time.Now().UnixMilli(), Attempts: 1}
		switch b := body.(type) {
		case string:
			all[i].Text = &b
		case []byte:
			all[i].Bytes = b
		default:
			text, err := json.Marshal(body)
			if err != nil {
				a.t.Fatalf("clodotest: message %d: %v", i, err)
			}
			s := string(text)
			all[i].Text = &s
		}
	}
	h, err := a.events.deliver(a.t.Context(), queue, all)
	if err != nil {
		a.t.Fatalf("clodotest: delivering to the queue %s: %v", queue, err)
	}
	d := Delivery{}
	if h.Error != "" {
		d.Err = errors.New(h.Error)
	}
	for i, m := range all {
		if slices.Contains(h.Ack, m.ID) {
			d.Acked = append(d.Acked, i)
		}
		for _, r := range h.Retry {
			if r.ID == m.ID {
				d.Retried = append(d.Retried, i)
			}
		}
	}
	return d
}

// nativeEvents asks the service as its program is asked natively.
type nativeEvents struct {
	to     inprocess.Transport
	data   stored
	script string
}

// eventPath begins the paths of events; see clodo.App.ServeEvent.
const eventPath = "http://service/cdn-cgi/handler/"

func (n nativeEvents) scheduled(ctx context.Context, cron string, at time.Time) error {
	h, err := n.ask(ctx, "scheduled", url.Values{"cron": {cron}, "time": {strconv.FormatInt(at.UnixMilli(), 10)}}, nil)
	if err == nil && h.Error != "" {
		err = errors.New(h.Error)
	}
	return err
}

func (n nativeEvents) deliver(ctx context.Context, queue string, all []message) (handled, error) {
	body, err := json.Marshal(all)
	if err != nil {
		return handled{}, err
	}
	return n.ask(ctx, "queue", url.Values{"queue": {queue}}, body)
}

func (n nativeEvents) ask(ctx context.Context, kind string, query url.Values, body []byte) (h handled, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, eventPath+kind+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return h, err
	}
	res, err := n.to.RoundTrip(r)
	if err != nil {
		return h, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusInternalServerError {
		var problem struct{ Detail string }
		if json.NewDecoder(res.Body).Decode(&problem) != nil || problem.Detail == "" {
			problem.Detail = "The service takes no such events: it has to be a *clodo.App."
		}
		return h, errors.New(problem.Detail)
	}
	if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
		return h, fmt.Errorf("the service's answer to an event: %w", err)
	}
	return h, nil
}
