package page

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Bounds of what a queue's page shows.
const (
	shownMessages = 50
	shownBody     = 2000 // bytes
)

type queueRow struct {
	queue.Queue
	queue.Metrics
}

// OldestAt is when the oldest message was sent; nil for an empty queue.
func (q queueRow) OldestAt() *time.Time {
	if q.Oldest == 0 {
		return nil
	}
	at := time.UnixMilli(q.Oldest)
	return &at
}

type queueView struct {
	queueRow
	AccountName string
	Messages    []messageRow // the next ones
}

type messageRow struct {
	queue.Delivered
	Text string
}

func (p *Page) queue(r *http.Request) (content, error) {
	var v queueView
	err := p.Store.Read(r.Context(), func(tx *store.Tx) (err error) {
		v.AccountName, err = owner(tx, func(account string) (err error) { v.Queue, err = tx.Queue(account, r.PathValue("id")); return err })
		return err
	})
	if err != nil {
		return content{}, err
	}
	if v.Metrics, err = p.Queues.Metrics(v.Queue); err != nil {
		return content{}, err
	}
	next, err := p.Queues.Peek(v.Queue, shownMessages)
	if err != nil {
		return content{}, err
	}
	for _, m := range next {
		v.Messages = append(v.Messages, messageRow{m, bodyText(m)})
	}
	return content{v.Name, v}, nil
}

// bodyText is a message's body for people.
func bodyText(m queue.Delivered) string {
	if m.Format != queue.Text && m.Format != queue.JSON {
		return fmt.Sprintf("%d bytes", len(m.Body))
	}
	if len(m.Body) > shownBody {
		return strings.ToValidUTF8(string(m.Body[:shownBody]), "") + "…"
	}
	return string(m.Body)
}
