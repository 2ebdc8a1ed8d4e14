package auth

import (
	"context"
	"errors"
	"log/slog"

	"github.com/tamylaa/clodo/bindings/email"
	"github.com/tamylaa/clodo/data"
)

// LogMessage writes a message into the log instead of sending it. It is for a
// developer's machine: whoever reads the log can sign in.
func LogMessage(log *slog.Logger) func(context.Context, Message) error {
	if log == nil {
		log = slog.Default()
	}
	return func(ctx context.Context, m Message) error {
		log.InfoContext(ctx, "a link to sign in", "to", m.To, "link", m.Link, "expires", m.Expires)
		return nil
	}
}

// Mail sends a message by an email binding.
func Mail(sender *email.Sender, from email.Address, subject string) func(context.Context, Message) error {
	return func(ctx context.Context, m Message) error {
		_, err := sender.Send(ctx, email.Message{
			From: from, To: []string{m.To}, Subject: subject,
			Text: "Open this link to sign in:\n\n" + m.Link + "\n\nIt works once, until " + m.Expires.UTC().Format("15:04 on 2 January 2006 (UTC)") + ". If you did not ask for it, there is nothing to do.\n",
		})
		return err
	}
}

func isUnique(err error) bool { return errors.Is(err, data.ErrUnique) }

func first(page *data.Page[User]) User {
	if page == nil || len(page.Rows) == 0 {
		return User{}
	}
	return page.Rows[0]
}
