package localcloud

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	netmail "net/mail"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/localcloud/internal/mail"
)

// postman sends what it is asked to, and does with an email what its subject says.
const postman = `
import { EmailMessage } from "cloudflare:email";
const raw = (from, to, more) => "From: " + from + "\r\nTo: " + to + "\r\nMessage-ID: <r1@shop.example>\r\n" + more + "\r\n\r\nhello";
export default {
	async fetch(request, env) {
		const q = new URL(request.url).searchParams;
		const from = q.get("from") ?? "shop@shop.example", to = q.get("to") ?? "you@home.example";
		try {
			if (q.get("how") === "raw") await env[q.get("by") ?? "ANY"].send(new EmailMessage(from, to, raw(q.get("header") ?? from, to, "Subject: raw")));
			else await env[q.get("by") ?? "ANY"].send({
				from: { name: "The Shop", email: from }, to: [to], cc: "copy@home.example", subject: q.get("subject") ?? "Größe",
				text: q.get("text") ?? "plain", html: "<b>bold</b>", headers: { "X-Order": "7" },
				attachments: [{ filename: "a.txt", type: "text/plain", content: btoa("attached") }, { filename: "b.bin", content: new Uint8Array([1, 2, 255]) }],
			});
			return new Response("sent");
		} catch (e) { return new Response(e.message); }
	},
	async email(message, env) {
		const subject = message.headers.get("subject");
		const text = await new Response(message.raw).text();
		if (text.length !== message.rawSize) throw new Error("size");
		if (subject === "reject") message.setReject("no such person");
		if (subject === "forward") await message.forward("boss@shop.example", new Headers({ "X-Seen": "yes" }));
		if (subject === "reply") {
			const id = message.headers.get("message-id");
			await message.reply(new EmailMessage(message.to, message.from, raw(message.to, message.from, "Subject: Re\r\nIn-Reply-To: " + id)));
		}
		if (subject === "stranger") await message.reply(new EmailMessage("x@other.example", message.from, raw("x@other.example", message.from, "In-Reply-To: <m1@home.example>")));
		if (subject === "throw") throw new Error("the handler failed");
	},
};`

func newPostman(t *testing.T) remote {
	t.Helper()
	npmtest.Workerd(t)
	r := remote{t, start(t, Options{Dir: t.TempDir()}).Info()}
	r.deploy("post", postman, `,"bindings":[{"name":"ANY","type":"send_email"},{"name":"ONE","type":"send_email","destination_address":"me@home.example"},
		{"name":"SOME","type":"send_email","allowed_destination_addresses":["me@home.example","copy@home.example"],"allowed_sender_addresses":["shop@shop.example"]}]`)
	return r
}

// mails is what the mailbox has, oldest first.
func (r remote) mails() []mail.Mail {
	r.t.Helper()
	code, b := r.send("GET", "/local/mailbox", "", nil)
	var box struct{ Mails []mail.Mail }
	fatal(r.t, json.Unmarshal(b, &box))
	if code != 200 {
		r.t.Fatalf("the mailbox answers %d %s", code, b)
	}
	var all []mail.Mail
	for _, m := range box.Mails {
		all = append([]mail.Mail{m}, all...)
	}
	return all
}

func TestWhatAWorkerSendsIsInTheMailbox(t *testing.T) {
	t.Parallel()
	r := newPostman(t)
	for query, want := range map[string]string{
		"how=raw&by=ONE": "email to you@home.example not allowed",
		"how=raw&by=SOME&to=me@home.example&from=x@y.z":     "email from x@y.z not allowed",
		"how=raw&by=SOME&to=you@home.example":               "email to you@home.example not allowed",
		"how=raw&header=other@shop.example":                 "From: header does not match mail from",
		"how=draft&by=ONE&to=me@home.example":               "email to copy@home.example not allowed",
		"how=draft&subject=":                                "the email has no `subject`",
		"how=draft&to=nobody":                               `the email is not what was expected: "nobody" is not an email address`,
		"how=raw&by=SOME&to=me@home.example":                "sent",
		"how=draft&by=SOME&to=me@home.example&text=z%C3%A9": "sent",
	} {
		if got := r.get("post", "/?"+query); got != want {
			t.Errorf("%s: the Worker saw %q, want %q", query, got, want)
		}
	}
	var draft mail.Mail
	seen := map[string]string{}
	for _, m := range r.mails() {
		seen[m.Subject] = fmt.Sprint(m.Kind, " ", m.Script, " ", m.From, " ", m.To)
		if m.Subject == "Größe" {
			draft = m
		}
	}
	if diff := cmp.Diff(map[string]string{
		"raw": "sent post shop@shop.example [me@home.example]", "Größe": "sent post shop@shop.example [me@home.example copy@home.example]",
	}, seen); diff != "" {
		t.Fatalf("the mailbox (-want +got):\n%s", diff)
	}
	_, raw := r.send("GET", "/local/mailbox/"+draft.ID, "", nil)
	if diff := cmp.Diff([]string{
		`"The Shop" <shop@shop.example> 7`, "text/plain zé", "text/html <b>bold</b>", "text/plain a.txt YXR0YWNoZWQ=", "application/octet-stream b.bin AQL/",
	}, parts(t, string(raw))); diff != "" {
		t.Errorf("the message (-want +got):\n%s\n%s", diff, raw)
	}
	if code, _ := r.send("GET", "/local/mailbox/none", "", nil); code != 404 {
		t.Errorf("a mail that is not there answers %d", code)
	}
	if code, _ := (remote{t, Info{API: r.info.API}}).send("GET", "/local/mailbox", "", nil); code != 403 {
		t.Errorf("without the token the mailbox answers %d", code)
	}
	r.send("DELETE", "/local/mailbox", "", nil)
	if left := r.mails(); len(left) != 0 {
		t.Errorf("after emptying: %v", left)
	}
}

// parts takes a message apart.
func parts(t *testing.T, raw string) []string {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	fatal(t, err)
	out := []string{m.Header.Get("From") + " " + m.Header.Get("X-Order")}
	var walk func(kind string, body io.Reader)
	walk = func(kind string, body io.Reader) {
		_, params, err := mime.ParseMediaType(kind)
		fatal(t, err)
		reader := multipart.NewReader(body, params["boundary"])
		for {
			p, err := reader.NextPart()
			if err == io.EOF {
				return
			}
			fatal(t, err)
			kind := p.Header.Get("Content-Type")
			if strings.HasPrefix(kind, "multipart/") {
				walk(kind, p)
				continue
			}
			b, err := io.ReadAll(p)
			fatal(t, err)
			kind, _, _ = strings.Cut(kind, ";")
			out = append(out, strings.Join(strings.Fields(kind+" "+p.FileName()+" "+string(b)), " "))
		}
	}
	walk(m.Header.Get("Content-Type"), m.Body)
	return out
}

func TestAnEmailIsGivenToAWorker(t *testing.T) {
	t.Parallel()
	r := newPostman(t)
	raw := func(subject string) string {
		return "From: you@home.example\r\nTo: shop@shop.example\r\nMessage-ID: <m1@home.example>\r\nSubject: " + subject + "\r\n\r\nhi"
	}
	give := func(script, query, body string) (int, mail.Mail) {
		t.Helper()
		code, b := r.send("POST", "/local/accounts/{a}/workers/scripts/"+script+"/email?"+query, "message/rfc822", strings.NewReader(body))
		var m mail.Mail
		fatal(t, json.Unmarshal(b, &m))
		return code, m
	}
	const envelope = "from=you@home.example&to=shop@shop.example"
	for subject, want := range map[string]string{
		"nothing":  "ok ",
		"reject":   "rejected no such person",
		"forward":  "ok ",
		"reply":    "ok ",
		"stranger": "exception ",
		"throw":    "exception ",
	} {
		if code, m := give("post", envelope, raw(subject)); code != 200 || m.Outcome+" "+m.Reason != want {
			t.Errorf("%s: %d %+v, want %q", subject, code, m, want)
		}
	}
	made := map[string]string{}
	for _, m := range r.mails() {
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
	for name, bad := range map[string]struct {
		script, query, body string
		code                int
	}{
		"no recipient":       {"post", "from=a@b.c", raw("x"), 400},
		"no message":         {"post", envelope, "", 400},
		"no header":          {"post", envelope, "hello", 400},
		"no id":              {"post", envelope, "From: a@b.c\r\n\r\nx", 400},
		"no such Worker":     {"nobody", envelope, raw("x"), 404},
		"a path in its name": {"..%2f..", envelope, raw("x"), 404},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _ := give(bad.script, bad.query, bad.body); code != bad.code {
				t.Errorf("got %d, want %d", code, bad.code)
			}
		})
	}
}

func TestHandlersAreCalledAtTheWorkersAddress(t *testing.T) {
	t.Parallel()
	r := newPostman(t)
	r.deploy("clock", `export default { fetch: () => new Response("page"), scheduled(event) { if (event.cron === "once") return event.noRetry(); if (event.cron !== "0 4 * * *" || event.scheduledTime !== 1700000000000) throw new Error("no") } }`, "")
	call := func(host, path, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", r.info.Data+path, strings.NewReader(body))
		fatal(t, err)
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		fatal(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		fatal(t, err)
		return fmt.Sprint(res.StatusCode, " ", strings.TrimSpace(string(b)))
	}
	email := "From: a@b.c\r\nMessage-ID: <x@b.c>\r\nSubject: %s\r\n\r\nhi"
	cron := "?" + url.Values{"cron": {"0 4 * * *"}, "time": {"1700000000000"}}.Encode()
	for _, test := range []struct{ host, path, body, want string }{
		{"clock.localhost", "/cdn-cgi/handler/scheduled" + cron, "", "200 ok"},
		{"clock.localhost", "/cdn-cgi/local/scheduled" + cron + "&format=json", "", `200 {"noRetry":false,"outcome":"ok"}`},
		{"clock.localhost", "/cdn-cgi/handler/scheduled?cron=once&format=json", "", `200 {"noRetry":true,"outcome":"ok"}`},
		{"clock.localhost", "/cdn-cgi/handler/scheduled", "", "500 exception"},
		{"clock.localhost", "/cdn-cgi/handler/scheduled?time=now", "", "400 time is a number of milliseconds"},
		{"clock.localhost", "/cdn-cgi/handler/other", "", "200 page"},
		{"post.localhost", "/cdn-cgi/handler/scheduled", "", `404 "post": the Worker has no handler for the event: scheduled`},
		{"post.localhost", "/cdn-cgi/handler/email?from=a@b.c&to=d@e.f", fmt.Sprintf(email, "x"), "200 Worker successfully processed email"},
		{"post.localhost", "/cdn-cgi/handler/email?from=a@b.c&to=d@e.f", fmt.Sprintf(email, "reject"), "400 Worker rejected email with the following reason: no such person"},
		{"post.localhost", "/cdn-cgi/handler/email?from=a@b.c&to=d@e.f", fmt.Sprintf(email, "throw"), "500 the email handler ended with exception"},
	} {
		if got := call(test.host, test.path, test.body); got != test.want {
			t.Errorf("%s%s: got %q, want %q", test.host, test.path, got, test.want)
		}
	}
}
