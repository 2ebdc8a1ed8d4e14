package services_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/services"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures are provoked here
	os.Exit(m.Run())
}

// transport is a service that answers as its function does.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// answering is a service whose answers have these statuses, one after the other and then
// the last again and again; 0 is a connection that breaks. times are those of the
// requests.
func answering(times *[]time.Time, statuses ...int) transport {
	return func(r *http.Request) (*http.Response, error) {
		n := min(len(*times), len(statuses)-1)
		*times = append(*times, time.Now())
		if r.Body != nil {
			if b, _ := io.ReadAll(r.Body); !json.Valid(b) {
				return nil, fmt.Errorf("the body is %q", b)
			}
			_ = r.Body.Close()
		}
		if statuses[n] == 0 {
			return nil, errors.New("the connection broke")
		}
		return answer(statuses[n], `{}`), nil
	}
}

func answer(status int, body string, header ...string) *http.Response {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i < len(header); i += 2 {
		res.Header.Set(header[i], header[i+1])
	}
	return res
}

type item struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func TestACallIsMadeAsItWasSaid(t *testing.T) {
	t.Parallel()
	var got []string
	ctx := services.With(t.Context(), "items", transport(func(r *http.Request) (*http.Response, error) {
		body := ""
		if r.Body != nil {
			b, _ := io.ReadAll(r.Body)
			body = string(b)
		}
		got = append(got, fmt.Sprintf("%s %s %s %s|%s", r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("If-Match"), body))
		if r.Method == "DELETE" {
			return answer(204, ""), nil
		}
		return answer(200, `{"id":"a/b","name":"x","more":1}`), nil
	}))
	items := services.Open("items", services.Options{})
	one, err := services.Call[item](ctx, items, services.Request{Path: "/items/a%2Fb", Query: map[string][]string{"q": {"ü"}}})
	if diff := cmp.Diff(item{"a/b", "x"}, one); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := services.Call[*item](ctx, items, services.Request{Method: "PUT", Path: "/items/1", Body: item{"1", "y"}, Header: http.Header{"If-Match": {`"1"`}}}); err != nil {
		t.Error(err)
	}
	if _, err := services.Call[struct{}](ctx, items, services.Request{Method: "DELETE", Path: "/items/1"}); err != nil {
		t.Error(err)
	}
	want := []string{
		"GET https://items/items/a%2Fb?q=%C3%BC  |", `PUT https://items/items/1 application/json "1"|{"id":"1","name":"y"}`, "DELETE https://items/items/1  |",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, r := range map[string]services.Request{
		"a path without a slash":     {Path: "items"},
		"a path with another host":   {Path: "@evil.example/"},
		"a method with a space":      {Path: "/", Method: "GET /x HTTP/1.1\r\n"},
		"a body that is no JSON":     {Path: "/", Method: "PUT", Body: func() {}},
		"a path that is not escaped": {Path: "/%zz"},
	} {
		if _, err := services.Call[item](ctx, items, r); err == nil {
			t.Errorf("%s was sent", name)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d requests were sent", len(got))
	}
}

func TestAnAnswerThatIsAnErrorIsOne(t *testing.T) {
	t.Parallel()
	problem := `{"title":"Not Found","status":404,"detail":"There is no item 7.","code":"not_found"}`
	tests := map[string]struct {
		answer *http.Response
		err    string
		client int // the status that the caller's own client gets
	}{
		"with a problem":      {answer(404, problem, "Content-Type", "application/problem+json"), "items: GET /items/7: 404 Not Found: There is no item 7.", 502},
		"without one":         {answer(404, "nothing"), "items: GET /items/7: 404 Not Found", 502},
		"a problem that lies": {answer(403, `"x"`, "Content-Type", "application/problem+json"), "items: GET /items/7: 403 Forbidden", 502},
		"too many requests":   {answer(429, "", "Retry-After", "7"), "items: GET /items/7: 429 Too Many Requests", 503},
		"no JSON":             {answer(200, "<html>"), "items: GET /items/7: reading the answer: invalid character '<' looking for beginning of value", 502},
		"another type":        {answer(200, `[]`), "items: GET /items/7: reading the answer: json: cannot unmarshal array into Go value of type services_test.item", 502},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := services.With(t.Context(), "items", transport(func(*http.Request) (*http.Response, error) { return test.answer, nil }))
			_, err := services.Call[item](ctx, services.Open("items", services.Options{Retries: -1}), services.Request{Path: "/items/7"})
			var e *services.Error
			if !errors.As(err, &e) || e.Error() != test.err {
				t.Fatalf("got  %v\nwant %s", err, test.err)
			}
			w := httptest.NewRecorder()
			clodo.WriteError(w, httptest.NewRequest("GET", "/", nil), fmt.Errorf("asking: %w", err))
			if w.Code != test.client || strings.Contains(w.Body.String(), "no item 7") || w.Header().Get("Retry-After") != test.answer.Header.Get("Retry-After") {
				t.Errorf("the caller's client gets %d %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
}

func TestOnlyWhatIsSafeIsRepeated(t *testing.T) {
	t.Parallel()
	key := http.Header{"Idempotency-Key": {"k"}}
	tests := map[string]struct {
		request  services.Request
		statuses []int
		attempts int
	}{
		"a GET until it succeeds":             {services.Request{}, []int{0, 502, 200}, 3},
		"a GET four times":                    {services.Request{}, []int{503}, 4},
		"a PUT with its body":                 {services.Request{Method: "PUT", Body: item{}}, []int{504, 200}, 2},
		"a DELETE":                            {services.Request{Method: "DELETE"}, []int{429, 204}, 2},
		"a POST is not":                       {services.Request{Method: "POST", Body: item{}}, []int{503, 200}, 1},
		"nor is a PATCH":                      {services.Request{Method: "PATCH", Body: item{}}, []int{0, 200}, 1},
		"but one with an Idempotency-Key":     {services.Request{Method: "POST", Body: item{}, Header: key}, []int{0, 201}, 2},
		"an error that stays an error is not": {services.Request{}, []int{500, 200}, 1},
		"nor is one of the caller's":          {services.Request{}, []int{404, 200}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var times []time.Time
				ctx := services.With(t.Context(), "items", answering(&times, test.statuses...))
				test.request.Path = "/"
				_, err := services.Call[item](ctx, services.Open("items", services.Options{}), test.request)
				last := test.statuses[min(test.attempts, len(test.statuses))-1]
				if len(times) != test.attempts || (err == nil) != (last/100 == 2) {
					t.Errorf("%d attempts, error %v", len(times), err)
				}
				for i := 1; i < len(times); i++ {
					longest := time.Second << (i - 1)
					if waited := times[i].Sub(times[i-1]); waited < longest/2 || waited > longest {
						t.Errorf("before attempt %d it waited %v, want %v to %v", i+1, waited, longest/2, longest)
					}
				}
			})
		})
	}
}

func TestWhoAsksToWaitIsHeard(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]struct {
		attempts int
		waited   time.Duration
	}{
		"3":                             {2, 3 * time.Second},
		"0":                             {2, 0},
		"Sat, 01 Jan 2000 00:00:05 GMT": {2, 5 * time.Second}, // synctest begins at midnight
		"3600":                          {1, 0},               // the answer is the answer
	} {
		synctest.Test(t, func(t *testing.T) {
			attempts, began := 0, time.Now()
			ctx := services.With(t.Context(), "items", transport(func(*http.Request) (*http.Response, error) {
				if attempts++; attempts == 1 {
					return answer(503, "", "Retry-After", after), nil
				}
				return answer(200, "{}"), nil
			}))
			_, err := services.Call[item](ctx, services.Open("items", services.Options{}), services.Request{Path: "/"})
			if attempts != want.attempts || time.Since(began) != want.waited || (err == nil) != (attempts == 2) {
				t.Errorf("Retry-After %s: %d attempts, %v, after %v", after, attempts, err, time.Since(began))
			}
		})
	}
}

func TestWhatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := transport(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
		items := services.Open("items", services.Options{Retries: -1})
		began := time.Now()
		_, err := services.Call[item](services.With(t.Context(), "items", hangs), items, services.Request{Path: "/"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		w := httptest.NewRecorder()
		if clodo.WriteError(w, httptest.NewRequest("GET", "/", nil), err); w.Code != 504 {
			t.Errorf("the caller's client gets %d", w.Code)
		}
		// An answer that begins and does not go on is given up too.
		stuck, release := io.Pipe()
		defer release.Close()
		half := transport(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: stuck}, nil
		})
		began = time.Now()
		_, err = services.Call[item](services.With(t.Context(), "items", half), items, services.Request{Path: "/"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		// The caller who leaves is not kept waiting for a repetition.
		ctx, cancel := context.WithTimeout(services.With(t.Context(), "items", answering(&[]time.Time{}, 0)), 100*time.Millisecond)
		defer cancel()
		began = time.Now()
		if _, err := services.Call[item](ctx, services.Open("items", services.Options{}), services.Request{Path: "/"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestAServiceThatIsDownIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests, healthy := 0, false
		ctx := services.With(t.Context(), "items", transport(func(*http.Request) (*http.Response, error) {
			requests++
			if healthy {
				return answer(200, "{}"), nil
			}
			return answer(500, ""), nil
		}))
		items := services.Open("items", services.Options{Retries: -1})
		call := func() error {
			_, err := services.Call[item](ctx, items, services.Request{Path: "/"})
			return err
		}
		for range 4 {
			_ = call()
		}
		healthy = true
		_ = call() // a success begins the count anew
		healthy = false
		for range 5 {
			if err := call(); errors.Is(err, services.ErrOpen) {
				t.Fatal("it was left alone after less than 5 failures in a row")
			}
		}
		time.Sleep(59 * time.Second)
		err := call()
		var e *services.Error
		if !errors.As(err, &e) || !errors.Is(err, services.ErrOpen) || e.RetryAfter != time.Second || requests != 10 {
			t.Fatalf("%v, to be asked again after %v; %d requests", err, e.RetryAfter, requests)
		}
		if p := e.Problem(); p.Status != 503 || p.Header.Get("Retry-After") != "1" {
			t.Errorf("the caller's client gets %d, Retry-After %s", p.Status, p.Header.Get("Retry-After"))
		}
		time.Sleep(time.Second)
		if err := call(); errors.Is(err, services.ErrOpen) || requests != 11 {
			t.Fatalf("after a minute it was not tried: %v", err)
		}
		if err := call(); !errors.Is(err, services.ErrOpen) {
			t.Fatalf("the trial failed, and the next call was made: %v", err)
		}
		time.Sleep(time.Minute)
		healthy = true
		for range 2 {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		}
		healthy = false
		_ = call()
		if err := call(); !errors.Is(err, services.ErrOpen) {
			t.Fatalf("after two successes and a failure the next call was made: %v", err)
		}
		time.Sleep(time.Minute)
		healthy = true
		for range 3 {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		}
		healthy = false
		for range 5 { // closed: it takes five again
			if err := call(); errors.Is(err, services.ErrOpen) {
				t.Fatal("after three successes it was not well again")
			}
		}
		if err := call(); !errors.Is(err, services.ErrOpen) {
			t.Fatal("five failures in a row, and it was called")
		}
	})
}

func TestWhileItIsTriedOthersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan int)
		ctx := services.With(t.Context(), "items", transport(func(*http.Request) (*http.Response, error) { return answer(<-gate, "{}"), nil }))
		items := services.Open("items", services.Options{Retries: -1, Failures: 1})
		results := make(chan error)
		call := func() {
			_, err := services.Call[item](ctx, items, services.Request{Path: "/"})
			results <- err
		}
		go call()
		gate <- 500
		<-results
		time.Sleep(time.Minute)
		go call()
		synctest.Wait()
		go call()
		if err := <-results; !errors.Is(err, services.ErrOpen) {
			t.Errorf("a second call was made during the trial: %v", err)
		}
		gate <- 200
		if err := <-results; err != nil {
			t.Error(err)
		}
	})
}

func TestIdAndTraceGoWithACall(t *testing.T) {
	t.Parallel()
	var sent http.Header
	rt := transport(func(r *http.Request) (*http.Response, error) { sent = r.Header; return answer(200, "{}"), nil })
	items := services.Open("items", services.Options{Prepare: func(r *http.Request) error { r.Header.Set("Authorization", "Bearer t"); return nil }})
	h := clodo.RequestID(clodo.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := services.Call[item](services.With(r.Context(), "items", rt), items, services.Request{Path: "/"})
		return err
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-Id", "r-1")
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	r.Header["Tracestate"] = []string{"a=1", "b=2"}
	h.ServeHTTP(httptest.NewRecorder(), r)
	trace := sent.Get("Traceparent")
	if sent.Get("X-Request-Id") != "r-1" || sent.Get("Authorization") != "Bearer t" || sent.Get("Tracestate") != "a=1,b=2" || len(trace) != 55 ||
		!strings.HasPrefix(trace, "00-4bf92f3577b34da6a3ce929d0e0e4736-") || !strings.HasSuffix(trace, "-01") || strings.Contains(trace, "00f067aa0ba902b7") {
		t.Errorf("sent %v", sent)
	}
}

func TestAServiceIsWhereDeploySaysItIs(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(item{ID: r.URL.RequestURI()})
	}))
	defer server.Close()
	for value, want := range map[string]string{
		`{"items":{"url":"` + server.URL + `"}}`:       "/x?y=1",
		`{"items":{"url":"` + server.URL + `/base/"}}`: "/base/x?y=1",
		`{"other":{"url":"` + server.URL + `"}}`:       `does not name "items"`,
		``:                                             `does not name "items"`,
		`{`:                                            "reading CLODO_SERVICES",
		`{"items":{}}`:                                 "is no URL",
		`{"items":{"url":"items.example"}}`:            "is no URL",
		`{"items":{"url":"ftp://items.example"}}`:                  "is no URL",
		`{"items":{"url":"https://user:password@items.example"}}`:  "is no URL",
		`{"items":{"binding":"ITEMS","url":"` + server.URL + `"}}`: "there are no bindings here", // the binding goes first
	} {
		t.Setenv("CLODO_SERVICES", value)
		got, err := services.Call[item](t.Context(), services.Open("items", services.Options{Retries: -1}), services.Request{Path: "/x", Query: map[string][]string{"y": {"1"}}})
		if err == nil && got.ID != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, error %v", value, got, err)
		}
	}
}
