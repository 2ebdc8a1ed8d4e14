package clodo_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	app := clodo.NewRouter()
	app.Use(clodo.RequestID, clodo.Log(nil), clodo.Recover(nil), clodo.Compress, clodo.ETag) // nothing of which may hold them back
	app.Route("GET /events", func(w http.ResponseWriter, r *http.Request) error {
		events, err := clodo.Events(w, r)
		if err != nil {
			return err
		}
		defer events.Close()
		for _, e := range []clodo.Event{
			{Data: clodo.LastEventID(r)}, {Name: "tick", ID: "8", Data: "one\ntwo\r\nthree\rdata: four\n", Retry: 1500 * time.Millisecond}, {},
		} {
			if err := events.Send(e); err != nil {
				return err
			}
			<-next
		}
		for _, bad := range []clodo.Event{{Name: "a\nid: 9"}, {Name: "a\rb"}, {ID: "a\n\ndata: forged"}, {ID: "a\x00"}} {
			if err := events.Send(bad); err == nil {
				t.Errorf("%+v was sent", bad)
			}
		}
		return nil
	})
	s := httptest.NewServer(app)
	defer s.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/events", nil)
	r.Header.Set("Last-Event-ID", "7")
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Encoding") != "" || res.Header.Get("Etag") != "" {
		t.Errorf("%v", res.Header)
	}
	body := bufio.NewReader(res.Body)
	event := func() string { // it is read before the next one is sent
		var lines []string
		for {
			line, err := body.ReadString('\n')
			if err != nil {
				t.Fatalf("%v after %q", err, lines)
			}
			if line == "\n" {
				next <- struct{}{}
				return strings.Join(lines, "")
			}
			lines = append(lines, line)
		}
	}
	got := []string{event(), event(), event()}
	want := []string{"data: 7\n", "event: tick\nid: 8\nretry: 1500\ndata: one\ndata: two\ndata: three\ndata: data: four\ndata: \n", "data: \n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) != 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func TestAStreamKnowsThatItsClientLeft(t *testing.T) {
	t.Parallel()
	left := make(chan error, 1)
	s := httptest.NewServer(clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		events, err := clodo.Events(w, r)
		if err != nil {
			return err
		}
		defer events.Close()
		<-events.Done()
		left <- events.Send(clodo.Event{Data: "late"})
		return nil
	}))
	defer s.Close()
	res, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	select {
	case err := <-left:
		if err == nil {
			t.Error("an event was sent to nobody")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the handler was not told")
	}
}

func TestASilentStreamHasAHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		events, err := clodo.Events(w, httptest.NewRequest("GET", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		if err := errors.Join(events.Close(), events.Close()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if got := w.Body.String(); got != ":\n\n:\n\n" {
			t.Errorf("%q", got)
		}
		if err := events.Send(clodo.Event{}); !errors.Is(err, clodo.ErrStreamClosed) {
			t.Errorf("after its end: %v", err)
		}
	})
}

// An answer that has begun is broken off by a panic, and not continued as a problem.
func TestAPanicBreaksAStreamOff(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(clodo.Recover(nil)(clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		events, err := clodo.Events(w, r)
		if err != nil {
			return err
		}
		defer events.Close()
		panic("now")
	})))
	defer s.Close()
	res, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil || len(b) > 0 {
		t.Errorf("%q seemed whole", b)
	}
}
