package localcloud

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/mail"
)

// events has everything happen to a service in Go that is no request.
func (s goService) events(t *testing.T) {
	var want []string
	t.Run("work goes on after the answer", func(t *testing.T) {
		if got := text(t, s.ask("GET", "/later", nil)); got != "accepted" {
			t.Errorf("%q", got)
		}
		s.open("later") // what the work waits for
		want = append(want, "later, open, <nil>")
		s.recorded(want...)
	})
	t.Run("a cron trigger fires", func(t *testing.T) {
		for query, answer := range map[string]string{
			"?cron=0+4+*+*+*&time=1700000000000": `200 {"noRetry":false,"outcome":"ok"}`,
			"?cron=0+5+*+*+*&time=1700000000000": `500 {"noRetry":false,"outcome":"exception"}`,
		} {
			res := s.ask("GET", "/cdn-cgi/local/scheduled"+query+"&format=json", nil)
			if got := fmt.Sprint(res.StatusCode, " ", strings.TrimSpace(text(t, res))); got != answer {
				t.Errorf("%s: %s", query, got)
			}
		}
		want = append(want, "0 4 * * * at 2023-11-14T22:13:20Z")
		s.recorded(want...)
	})
	t.Run("messages of a queue are acknowledged and delivered again", func(t *testing.T) {
		s.made("/queues/"+s.queues.orders+"/consumers", map[string]any{
			"type": "worker", "script_name": "go", "settings": map[string]any{"max_retries": 2, "max_wait_time_ms": 0, "max_concurrency": 1, "batch_size": 1},
		}, "consumer_id")
		for _, m := range []string{"text", "bytes", "object", "acked", "panics", "again", "failing", "later"} {
			s.get("other", "/send?m="+m)
		}
		want = append(want, `orders "text" #1`, `orders "\x01\xff" #1`, `orders "{\"a\":1}" #1`, `orders "acked" #1`, `orders "panics" #1`,
			`orders "again" #1`, `orders "again" #2`, `orders "failing" #1`, `orders "failing" #2`, `orders "later" #1`)
		s.recorded(want...)
		s.queues.backlog(s.queues.orders, 1) // what is to be delivered in an hour
		for range 20 {
			if got := text(t, s.ask("GET", "/count", nil)); len(got) > 3 {
				t.Errorf("the instance whose handler had panicked answered %s", got)
			}
		}
	})
	t.Run("emails are forwarded, rejected and replied to", func(t *testing.T) {
		for subject, outcome := range map[string]string{
			"nothing": "ok ", "reject": "rejected no such person", "forward": "ok ", "reply": "ok ", "stranger": "exception ",
		} {
			raw := "From: you@home.example\r\nTo: shop@shop.example\r\nMessage-ID: <m1@home.example>\r\nSubject: " + subject + "\r\n\r\nhi"
			code, b := s.send("POST", "/local/accounts/{a}/workers/scripts/go/email?from=you@home.example&to=shop@shop.example", "message/rfc822", strings.NewReader(raw))
			var m mail.Mail
			fatal(t, json.Unmarshal(b, &m))
			if code != 200 || m.Outcome+" "+m.Reason != outcome {
				t.Errorf("%s: %d %+v", subject, code, m)
			}
		}
		made := map[string]string{}
		for _, m := range s.mails() {
			if m.Kind != mail.Received {
				made[m.Kind] += fmt.Sprint(m.From, " ", m.To, " ", m.Subject, " ", m.Headers)
			}
		}
		if diff := cmp.Diff(map[string]string{
			mail.Forwarded: "you@home.example [boss@shop.example] forward map[x-seen:yes]",
			mail.Replied:   "shop@shop.example [you@home.example] Re map[]",
		}, made); diff != "" {
			t.Errorf("what the handler made (-want +got):\n%s", diff)
		}
	})
}
