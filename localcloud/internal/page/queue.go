package page

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/markup"
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

func (v queueView) write(b *markup.Builder) {
	b.Print(`<h1>%s <small>queue of %s</small></h1>
<p class="muted"><code>%s</code>`, v.Name, v.AccountName, v.ID)
	if v.Settings.Paused {
		b.Print(" · <b>paused</b>")
	}
	b.Print("</p>")
	for _, c := range v.Consumers {
		b.Print("\n<p>")
		if c.Script != "" {
			b.Print(`<a href="%s">%s</a> takes batches of %s`, path("workers", v.Account, c.Script), c.Script, c.BatchSize)
		} else {
			b.Print("Messages are pulled over HTTP")
		}
		b.Print(", each at most %s times again", c.MaxRetries)
		if c.DeadLetter != "" {
			b.Print("; then it goes to %s", c.DeadLetter)
		}
		b.Print(".</p>")
	}
	if len(v.Consumers) == 0 {
		b.Print(`
<p>Nobody takes messages out of it.</p>`)
	}
	b.Print(`
<div id="messages" data-live>
<p>%s, %s`, count(v.Count, "message"), size(v.Bytes))
	if v.Oldest != 0 {
		b.Print(", the oldest of <time>%s</time>", moment(time.UnixMilli(v.Oldest)))
	}
	b.Print(`</p>
<div class="wide"><table>
<thead><tr><th>Sent</th><th>Format</th><th class="n">Attempts</th><th>Body</th></tr></thead>
<tbody>`)
	for _, m := range v.Messages {
		b.Print(`
<tr><td><time>%s</time></td><td>%s</td><td class="n">%s</td><td class="long"><code>%s</code></td></tr>`, moment(m.Sent), m.Format, m.Attempts, m.Text)
	}
	if len(v.Messages) == 0 {
		b.Print(`
<tr><td colspan="4">No messages wait.</td></tr>`)
	}
	b.Print(`
</tbody>
</table></div>
</div>`)
}
