package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/internal/host"
)

// record has the other service remember a text.
func record(ctx context.Context, format string, a ...any) error {
	_, err := tell(ctx, "record", fmt.Sprintf(format, a...))
	return err
}

// gate waits until the test opens one, and says whether it did.
func gate(ctx context.Context, name string) string {
	said, err := tell(ctx, "gate?"+name, "")
	if err != nil {
		return err.Error()
	}
	return said
}

// tell is a request to the other service.
func tell(ctx context.Context, path, text string) (string, error) {
	args, err := json.Marshal(map[string]any{"method": "POST", "url": "http://other/" + path})
	if err != nil {
		return "", err
	}
	answer, err := host.Call(ctx, "fetch", "OTHER", "fetch", args, strings.NewReader(text))
	if err != nil || answer.Body == nil {
		return "", err
	}
	b, err := io.ReadAll(answer.Body)
	return string(b), errors.Join(err, answer.Body.Close())
}

func events(app *clodo.App) {
	app.HandleFunc("GET /later", later)
	app.Scheduled("0 4 * * *", func(ctx context.Context, e clodo.ScheduledEvent) error {
		return record(ctx, "%s at %s", e.Cron, e.Time.Format(time.RFC3339))
	})
	app.Scheduled("", func(context.Context, clodo.ScheduledEvent) error { return errors.New("unexpected") })
	app.Queue("orders", orders)
	app.Email(email)
}

// later answers first and works then.
func later(w http.ResponseWriter, r *http.Request) {
	clodo.WaitUntil(r.Context(), func(ctx context.Context) {
		opened := gate(ctx, "later")
		if err := record(ctx, "later, %s, %v", opened, ctx.Err()); err != nil {
			panic(err)
		}
	})
	_, _ = io.WriteString(w, "accepted")
}

func orders(ctx context.Context, b *clodo.Batch) error {
	for _, m := range b.Messages {
		if err := record(ctx, "%s %q #%d", b.Queue, m.Body, m.Attempts); err != nil {
			return err
		}
		switch {
		case string(m.Body) == "acked":
			m.Ack()
			return errors.New("the batch failed")
		case string(m.Body) == "panics":
			m.Ack()
			count = 1000 // of an instance that nobody gets any more
			panic("a mistake")
		case string(m.Body) == "again" && m.Attempts == 1:
			m.Retry(0)
		case string(m.Body) == "later":
			m.Retry(time.Hour)
		case string(m.Body) == "failing" && m.Attempts == 1:
			return errors.New("the first time it fails")
		}
	}
	return nil
}

func email(ctx context.Context, m *clodo.Email) error {
	raw, err := io.ReadAll(m.Raw)
	if err != nil {
		return err
	}
	if m.Size != int64(len(raw)) {
		return fmt.Errorf("%d bytes, not %d", len(raw), m.Size)
	}
	switch m.Header.Get("Subject") {
	case "reject":
		m.Reject("no such person")
	case "forward":
		return m.Forward(ctx, "boss@shop.example", textproto.MIMEHeader{"X-Seen": {"yes"}})
	case "reply":
		text := "From: " + m.To + "\r\nTo: " + m.From + "\r\nMessage-ID: <r1@shop.example>\r\nSubject: Re\r\nIn-Reply-To: " + m.Header.Get("Message-Id") + "\r\n\r\nhello"
		return m.Reply(ctx, m.To, m.From, []byte(text))
	case "stranger":
		return m.Reply(ctx, "x@other.example", m.From, []byte("From: x@other.example\r\nMessage-ID: <r2@other.example>\r\nIn-Reply-To: <m1@home.example>\r\n\r\nhello"))
	}
	return nil
}
