package clodo_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

func TestAServiceKnowsWhatItWasTold(t *testing.T) {
	for name, value := range map[string]string{
		"CLODO_SERVICE": "shop", "CLODO_ENVIRONMENT": "staging", "CLODO_CUSTOMER": "acme", "CLODO_DOMAIN": "shop.acme.example",
		"CLODO_VERSION": `{"id":"6f1c","tag":"clodo/1","timestamp":"2026-11-28T10:00:00Z"}`,
		"CLODO_ENABLED": "premium,rep", "CLODO_ENABLED_2": "orts",
	} {
		t.Setenv(name, value)
	}
	app := newApp(t, clodo.Options{})
	want := clodo.Service{
		Name: "shop", Environment: "staging", Customer: "acme", Domain: "shop.acme.example",
		Version:  clodo.Version{ID: "6f1c", Tag: "clodo/1", Created: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)},
		Features: []string{"premium", "reports"},
	}
	if diff := cmp.Diff(want, app.Service); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := app.Service; !s.IsStaging() || s.IsProduction() || s.IsDevelopment() {
		t.Error("it is not in staging alone")
	}
}

func TestTheVersionIsReadFromItsMetadata(t *testing.T) {
	at := time.Date(2026, 11, 28, 10, 0, 0, 500, time.UTC)
	for name, c := range map[string]struct {
		text string
		want clodo.Version
		ok   bool
	}{
		"all of it":                   {`{"id":"6f1c","tag":"clodo/1","timestamp":"2026-11-28T10:00:00.0000005Z"}`, clodo.Version{ID: "6f1c", Tag: "clodo/1", Created: at}, true},
		"no tag, and more than known": {` {"tag":null,"number":[1,{}],"id":"\u0061"} `, clodo.Version{ID: "a"}, true},
		"nothing":                     {`{}`, clodo.Version{}, true},
		"no object":                   {`1.0`, clodo.Version{}, false},
		"an id that is none":          {`{"id":1}`, clodo.Version{}, false},
		"a time that is none":         {`{"timestamp":"yesterday"}`, clodo.Version{}, false},
		"something after it":          {`{"id":"a"}}`, clodo.Version{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CLODO_VERSION", c.text)
			app, err := clodo.New(clodo.Options{})
			if !c.ok {
				if err == nil || !strings.Contains(err.Error(), "CLODO_VERSION") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, app.Service.Version); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAProgramStartedByHandIsLocalAndInventsNothing(t *testing.T) {
	t.Parallel()
	app := newApp(t, clodo.Options{})
	if diff := cmp.Diff(clodo.Service{Environment: "local"}, app.Service); diff != "" || !app.Service.IsDevelopment() {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsMissingIsNamedAtOnce(t *testing.T) {
	t.Setenv("PRESENT", "x")
	t.Setenv("EMPTY", "")
	_, err := clodo.New(clodo.Options{Variables: []string{"PRESENT", "EMPTY", "API_URL"}, Secrets: []string{"JWT_KEY"}, Bindings: []string{"DB"}})
	var missing *clodo.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(&clodo.MissingError{Variables: []string{"EMPTY", "API_URL"}, Secrets: []string{"JWT_KEY"}}, missing); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, part := range []string{"lacks 3", `variable "EMPTY"`, `variable "API_URL": set it under vars`, "clodo secret set SERVICE JWT_KEY", ".dev.vars"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %q:\n%v", part, err)
		}
	}
}

func TestAServiceThatNeedsBindingsDoesNotServeWithoutAny(t *testing.T) {
	t.Setenv("CLODO_BINDINGS", "")
	err := newApp(t, clodo.Options{Bindings: []string{"DB"}}).Serve()
	if err == nil || !strings.Contains(err.Error(), "needs the bindings DB") || !strings.Contains(err.Error(), "`clodo dev`") {
		t.Errorf("%v", err)
	}
}

func newApp(t *testing.T, o clodo.Options) *clodo.App {
	t.Helper()
	app, err := clodo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestEventsAreHandled(t *testing.T) {
	t.Parallel()
	app := newApp(t, clodo.Options{})
	app.Scheduled("0 4 * * *", func(_ context.Context, e clodo.ScheduledEvent) error {
		if e.Time.Equal(time.UnixMilli(0)) {
			panic("in 1970")
		}
		if !e.Time.Equal(time.UnixMilli(1700000000000)) {
			t.Errorf("at %v", e.Time)
		}
		return nil
	})
	app.Scheduled("", func(context.Context, clodo.ScheduledEvent) error {
		return &clodo.Problem{Status: 404, Code: "not_found"} // of the handler, and no answer about the event
	})
	app.Queue("orders", func(_ context.Context, b *clodo.Batch) error {
		b.Messages[0].Ack()
		b.Messages[0].Retry(0) // too late
		b.Messages[1].Retry(1500 * time.Millisecond)
		switch string(b.Messages[2].Body) {
		case "fail":
			return errors.New("it failed")
		case "panic":
			panic("a mistake")
		}
		return nil
	})
	app.Queue("lost", func(_ context.Context, b *clodo.Batch) error {
		var v struct{ A int }
		if err := b.Messages[0].Decode(&v); err != nil || v.A != 1 {
			t.Errorf("%v %v", v, err)
		}
		b.RetryAll(0)
		return nil
	})
	app.Email(func(ctx context.Context, e *clodo.Email) error {
		raw, err := io.ReadAll(e.Raw)
		if string(raw) != "Subject: hi\r\n\r\nbody" || e.Header.Get("Subject") != "hi" || e.Size != int64(len(raw)) {
			t.Errorf("%q %v %d", raw, e.Header, e.Size)
		}
		e.Reject("first")
		e.Reject("second")
		switch e.From {
		case "panic@a.example":
			panic("of " + e.From)
		case "latin@a.example":
			return e.Reply(ctx, e.To, e.From, []byte("Gr\xfce"))
		}
		return errors.Join(err, e.Forward(ctx, "boss@a.example", nil), e.Reply(ctx, e.To, e.From, []byte("raw")))
	})
	three := `[{"id":"1"},{"id":"2","bytes":"AQI="},{"id":"3","text":%}]`
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"a moment":                                {"scheduled?cron=0+4+*+*+*&time=1700000000000", "", 200, `{}`},
		"another":                                 {"scheduled?cron=x&time=0", "", 500, `{"error":"404 Not Found"}`},
		"a moment that is none":                   {"scheduled?cron=x&time=now", "", 400, "invalid_time"},
		"a batch":                                 {"queue?queue=orders", strings.Replace(three, "%", `"ok"`, 1), 200, `{"ack":["1","3"],"retry":[{"id":"2","delaySeconds":2}]}`},
		"a batch that fails":                      {"queue?queue=orders", strings.Replace(three, "%", `"fail"`, 1), 500, `{"error":"it failed","ack":["1"],"retry":[{"id":"2","delaySeconds":2}]}`},
		"a batch whose handler panics":            {"queue?queue=orders", strings.Replace(three, "%", `"panic"`, 1), 500, `{"error":"the handler panicked: a mistake","ack":["1"],"retry":[{"id":"2","delaySeconds":2}]}`},
		"a moment that is too much":               {"scheduled?cron=0+4+*+*+*&time=0", "", 500, `{"error":"the handler panicked: in 1970"}`},
		"an email whose handler panics":           {"email?from=panic@a.example&to=b@b.example", "Subject: hi\r\n\r\nbody", 500, `{"rejected":"first","error":"the handler panicked: of panic@a.example"}`},
		"an email with a reply that is not UTF-8": {"email?from=latin@a.example&to=b@b.example", "Subject: hi\r\n\r\nbody", 500, `{"rejected":"first","error":"replying to the message: the reply is not UTF-8, and a part of it that is not has to be encoded"}`},
		"all again":                               {"queue?queue=lost", `[{"id":"1","text":"{\"A\":1}"}]`, 200, `{"retry":[{"id":"1"}]}`},
		"no messages":                             {"queue?queue=orders", `{`, 400, "invalid_json"},
		"another queue":                           {"queue?queue=none", `[]`, 404, "no_handler"},
		"an email":                                {"email?from=a@a.example&to=b@b.example", "Subject: hi\r\n\r\nbody", 200, `{"rejected":"first","forwarded":[{"to":"boss@a.example"}],"replied":[{"from":"b@b.example","to":"a@a.example","raw":"raw"}]}`},
		"an email that is none":                   {"email?from=a@a.example&to=b@b.example", ": x\r\n\r\n", 400, "invalid_message"},
		"something else":                          {"alarm", "", 404, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			app.ServeEvent(w, httptest.NewRequest("POST", clodo.EventPath+c.path, strings.NewReader(c.body)))
			got := strings.TrimSpace(w.Body.String())
			if w.Code != c.status || !strings.HasPrefix(c.want, "{") && !strings.Contains(got, `"code":"`+c.want+`"`) || strings.HasPrefix(c.want, "{") && !same(t, got, c.want) {
				t.Errorf("%d %s; want %d %s", w.Code, got, c.status, c.want)
			}
		})
	}
}

func TestEventsOfAKindWithoutHandlersAreRefused(t *testing.T) {
	t.Parallel()
	app := newApp(t, clodo.Options{})
	for _, path := range []string{"scheduled?cron=x&time=0", "queue?queue=orders", "email?from=a&to=b"} {
		w := httptest.NewRecorder()
		app.ServeEvent(w, httptest.NewRequest("POST", clodo.EventPath+path, strings.NewReader("[]")))
		if w.Code != 404 || !strings.Contains(w.Body.String(), `"code":"no_handler"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// Whatever an event is described by, it is handled or refused.
func FuzzEvents(f *testing.F) {
	f.Add("scheduled?cron=x&time=1", "")
	f.Add("queue?queue=orders", `[{"id":"1","timestamp":1,"attempts":1,"bytes":"AQI="},null]`)
	f.Add("email?from=a&to=b", "A: b\r\n c\r\n\r\nbody")
	f.Add("email", "")
	f.Add("queue", `[{"text":1}]`)
	app, err := clodo.New(clodo.Options{})
	if err != nil {
		f.Fatal(err)
	}
	app.Scheduled("", func(context.Context, clodo.ScheduledEvent) error { return nil })
	app.Queue("", func(_ context.Context, b *clodo.Batch) error {
		b.AckAll()
		return nil
	})
	app.Email(func(_ context.Context, e *clodo.Email) error {
		_, err := io.ReadAll(e.Raw)
		return err
	})
	f.Fuzz(func(t *testing.T, path, body string) {
		u, err := url.Parse(clodo.EventPath + path)
		if err != nil {
			return
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL = u
		app.ServeEvent(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 404 {
			t.Errorf("%q with %q: %d %s", path, body, w.Code, w.Body)
		}
	})
}

func same(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	return cmp.Equal(x, y)
}

func TestAnEventHasOneHandler(t *testing.T) {
	t.Parallel()
	app := newApp(t, clodo.Options{})
	app.Scheduled("", func(context.Context, clodo.ScheduledEvent) error { return nil })
	app.Queue("q", func(context.Context, *clodo.Batch) error { return nil })
	app.Email(func(context.Context, *clodo.Email) error { return nil })
	for name, register := range map[string]func(){
		"cron trigger": func() { app.Scheduled("", func(context.Context, clodo.ScheduledEvent) error { return nil }) },
		"queue":        func() { app.Queue("q", func(context.Context, *clodo.Batch) error { return nil }) },
		"email":        func() { app.Email(func(context.Context, *clodo.Email) error { return nil }) },
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, name) {
					t.Errorf("a second handler: %q", said)
				}
			}()
			register()
		}()
	}
}
