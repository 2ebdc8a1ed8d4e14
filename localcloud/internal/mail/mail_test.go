package mail

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/mail"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

func TestTheMailboxIsOnDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mail.db")
	open := func() *Mailbox {
		b, err := Open(path, &clock.Clock{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := open()
	added, err := b.Add(Mail{Kind: Received, From: "a@b.c", To: []string{"d@e.f"}}, []byte("Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\n\r\nx"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Finish(added.ID, "ok"); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open()
	all, err := b.List(10)
	if err != nil || len(all) != 1 || all[0].Subject != "Größe" || all[0].Outcome != "ok" {
		t.Errorf("after opening it again: %+v, %v", all, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// What a draft says comes out of the message that is made of it, and nothing else does:
// no header can be smuggled in.
func FuzzDraft(f *testing.F) {
	for _, seed := range []string{
		`{"from":"a@b.c","to":["d@e.f"],"subject":"s","text":"t"}`,
		`{"from":{"name":"A\r\nBcc: x@y.z","email":"a@b.c"},"to":[{"name":"","email":"d@e.f"}],"subject":"a\r\nb","html":"h"}`,
		`{"from":"a@b.c","to":["d@e.f"],"subject":"s","text":"t","headers":{"X-A":"b"},"attachments":[{"filename":"a\r\nb","type":"x","content":"YQ=="}]}`,
		`{"from":1}`, `[]`, `{"from":"a@b.c\r\nX: y","to":["d@e.f"],"subject":"s","text":"t"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Draft
		if json.Unmarshal(body, &d) != nil || d.check() != nil {
			return
		}
		raw, err := d.Raw("<id@b.c>", time.Unix(0, 0))
		if err != nil {
			return // a header that cannot be written
		}
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s makes a message that cannot be read: %v\n%s", body, err, raw)
		}
		known := 0
		for _, name := range []string{"From", "To", "Cc", "Reply-To", "Subject", "Message-Id", "Date", "Mime-Version", "Content-Type"} {
			known += min(len(m.Header[name]), 1)
		}
		if len(m.Header) > known+len(d.Headers) {
			t.Errorf("%s smuggles a header in:\n%s", body, raw)
		}
		if from, err := m.Header.AddressList("From"); err == nil && strings.TrimSpace(from[0].Address) != d.From.Email {
			t.Errorf("the sender became %q, want %q", from[0].Address, d.From.Email)
		}
	})
}
