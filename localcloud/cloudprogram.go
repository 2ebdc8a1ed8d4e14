package localcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// bindingsPath begins the address at which a program finds the bindings of a Worker that
// is deployed here: CLODO_BINDINGS=API/local/bindings/ACCOUNT/SCRIPT/, with the cloud's
// token as CLODO_BINDINGS_KEY.
const bindingsPath = "/local/bindings/"

// serveBindings answers the bindings of a Worker.
func (c *Cloud) serveBindings(w http.ResponseWriter, r *http.Request) {
	if !c.opens(r.Header.Get(host.KeyHeader)) {
		host.Refuse(w, errors.New("the bindings of a Worker need the token of the local cloud, as "+host.BindingsKeyVariable))
		return
	}
	parts := strings.SplitN(strings.TrimPrefix(r.URL.EscapedPath(), bindingsPath), "/", 3)
	if len(parts) < 3 {
		host.Refuse(w, errors.New("the address of bindings is "+bindingsPath+"ACCOUNT/SCRIPT/"))
		return
	}
	p, err := c.workers.Program(parts[0], parts[1])
	if err != nil {
		host.Refuse(w, fmt.Errorf("the bindings of %s: %w", parts[1], err))
		return
	}
	path, err := url.PathUnescape("/" + parts[2])
	if err != nil {
		host.Refuse(w, errors.New("the path is not escaped"))
		return
	}
	r.URL.Path, r.URL.RawPath = path, "/"+parts[2]
	p.ServeHTTP(w, r)
}

// BindingsAddress is what a program has to have as CLODO_BINDINGS for the bindings of a
// Worker, with the cloud's token as CLODO_BINDINGS_KEY.
func (i Info) BindingsAddress(script string) string {
	return strings.TrimSuffix(i.API, "/client/v4") + bindingsPath + i.AccountID + "/" + script + "/"
}

// Bindings are those of a Worker that is deployed in the first account, for this process:
// with the same data.
func (c *Cloud) Bindings(script string) *Bindings {
	account := c.Info().AccountID
	return &Bindings{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := c.workers.Program(account, script)
		if err != nil {
			host.Refuse(w, fmt.Errorf("the bindings of %s: %w", script, err))
			return
		}
		p.ServeHTTP(w, r)
	})}
}

// FireCron runs the scheduled handler of a Worker of the first account. The error is the
// handler's, or says that there is none.
func (c *Cloud) FireCron(ctx context.Context, script, cron string, at time.Time) error {
	d, err := c.workers.DeliverCron(ctx, c.Info().AccountID, script, cron, at)
	if err == nil && d.Outcome != "ok" {
		err = failed(d)
	}
	return err
}

func failed(d runtime.Delivery) error {
	if d.Error != "" {
		return errors.New(d.Error)
	}
	return fmt.Errorf("the handler ended with %s", d.Outcome)
}

// QueueMessage is one for a queue handler. Its body is text or bytes.
type QueueMessage struct {
	ID   string
	Text bool
	Body []byte
}

// Delivery is what a queue handler said of the messages that it got. What is in neither
// list has the fate of the batch: it is acknowledged if Err is nil.
type Delivery struct {
	Acked, Retried []string // ids
	Err            error    // that the handler failed
}

// DeliverBatch hands messages to the queue handler of a Worker of the first account, as if
// they had come out of a queue. It fails when there is no handler.
func (c *Cloud) DeliverBatch(ctx context.Context, script, name string, all []QueueMessage) (Delivery, error) {
	batch := queue.Batch{Queue: name}
	for _, m := range all {
		format := queue.Bytes
		if m.Text {
			format = queue.Text
		}
		batch.Messages = append(batch.Messages, queue.Delivered{ID: m.ID, Sent: c.clock.Now(), Attempts: 1, Format: format, Body: m.Body})
	}
	result, err := c.workers.DeliverBatch(ctx, c.Info().AccountID, script, batch)
	if err != nil {
		return Delivery{}, err
	}
	var d Delivery
	if result.Outcome != "ok" {
		d.Err = fmt.Errorf("the handler ended with %s", result.Outcome)
	}
	for _, m := range all {
		_, again := result.Retries[m.ID]
		switch {
		case result.Acks[m.ID] || result.AckAll:
			d.Acked = append(d.Acked, m.ID)
		case again || result.RetryAll:
			d.Retried = append(d.Retried, m.ID)
		}
	}
	return d, nil
}
