package clodo_test

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/tamylaa/clodo"
)

// note is what the examples keep.
type note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

func ExampleRouter() {
	notes := map[string]note{"1": {"1", "buy milk"}}

	app := clodo.NewRouter()
	app.Use(clodo.RequestID, clodo.Log(nil), clodo.Recover(nil))

	api := app.Group("/api", clodo.LimitBody(100<<10), clodo.Timeout(10*time.Second))
	api.Route("GET /notes/{id}", func(w http.ResponseWriter, r *http.Request) error {
		n, ok := notes[r.PathValue("id")]
		if !ok {
			return clodo.Errorf(404, "note_not_found", "There is no note %s.", r.PathValue("id"))
		}
		return clodo.JSON(w, http.StatusOK, n)
	})
	api.Route("PUT /notes/{id}", func(w http.ResponseWriter, r *http.Request) error {
		var n note
		if err := clodo.Decode(r, &n); err != nil {
			return err
		}
		notes[r.PathValue("id")] = n
		return clodo.JSON(w, http.StatusOK, n)
	})

	for _, request := range []string{"GET /api/notes/1", "GET /api/notes/7", "DELETE /api/notes/1", `PUT /api/notes/2 {"text":1}`, `PUT /api/notes/2 {"txt":"x"}`, "OPTIONS /api/notes/1"} {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		fmt.Println(w.Code, w.Header().Get("Allow"), strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200  {"id":"1","text":"buy milk"}
	// 404  {"title":"Not Found","status":404,"detail":"There is no note 7.","code":"note_not_found"}
	// 405 GET, HEAD, PUT, OPTIONS {"title":"Method Not Allowed","status":405,"detail":"/api/notes/1 takes GET, HEAD, PUT, OPTIONS, not DELETE.","code":"method_not_allowed"}
	// 422  {"title":"Unprocessable Entity","status":422,"detail":"The body has a field that is not valid.","code":"validation_failed","errors":[{"field":"text","code":"INVALID_TYPE","message":"is a number and should be a string"}]}
	// 422  {"title":"Unprocessable Entity","status":422,"detail":"The body has a field that is not valid.","code":"validation_failed","errors":[{"field":"txt","code":"UNKNOWN_FIELD","message":"is not known here"}]}
	// 204 GET, HEAD, PUT, OPTIONS
}

// Any net/http program can take one piece alone.
func ExampleDecode() {
	mux := http.NewServeMux()
	mux.Handle("POST /notes", clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		var n note
		if err := clodo.Decode(r, &n); err != nil {
			return err
		}
		return clodo.JSON(w, http.StatusCreated, n)
	}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/notes", strings.NewReader(`{"text":`)))
	fmt.Println(w.Code, w.Body)
	// Output: 400 {"title":"Bad Request","status":400,"detail":"The body is no JSON: it ends too early.","code":"invalid_json"}
}

func ExampleRateLimit() {
	app := clodo.NewRouter()
	limit := clodo.RateLimit(clodo.RateLimitOptions{Limit: 100, Period: time.Minute})
	app.Group("/api", limit).HandleFunc("GET /notes", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") })

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/api/notes", nil))
	fmt.Println(w.Header().Get("RateLimit-Policy"), w.Header().Get("RateLimit"))
	// Output: "process";q=100;w=60 "process";r=99;t=1
}

func ExampleCheckMatch() {
	version := 3

	app := clodo.NewRouter()
	app.Route("GET /note", func(w http.ResponseWriter, r *http.Request) error {
		if clodo.NotModified(w, r, clodo.WeakETag(fmt.Sprint(version))) {
			return nil
		}
		return clodo.JSON(w, http.StatusOK, note{"1", "buy milk"})
	})
	app.Route("PUT /note", func(_ http.ResponseWriter, r *http.Request) error {
		if err := clodo.CheckMatch(r, clodo.WeakETag(fmt.Sprint(version))); err != nil {
			return err
		}
		version++
		return nil
	})

	for range 2 {
		r := httptest.NewRequest("PUT", "/note", nil)
		r.Header.Set("If-Match", `W/"3"`)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Body)
	}
	// Output:
	// 200 ""
	// 412 "{\"title\":\"Precondition Failed\",\"status\":412,\"detail\":\"It is not as If-Match says any more.\",\"code\":\"precondition_failed\"}"
}

func ExampleEvents() {
	ticks := make(chan int)

	app := clodo.NewRouter()
	app.Route("GET /ticks", func(w http.ResponseWriter, r *http.Request) error {
		events, err := clodo.Events(w, r)
		if err != nil {
			return err
		}
		defer events.Close()
		for {
			select {
			case n, open := <-ticks:
				if !open {
					return nil
				}
				if err := events.Send(clodo.Event{ID: fmt.Sprint(n), Data: "tick"}); err != nil {
					return nil // the client has left
				}
			case <-events.Done():
				return nil
			}
		}
	})

	go func() { defer close(ticks); ticks <- 1; ticks <- 2 }()
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/ticks", nil))
	fmt.Print(w.Body)
	// Output:
	// id: 1
	// data: tick
	//
	// id: 2
	// data: tick
}

func ExampleUpgrade() {
	app := clodo.NewRouter()
	app.Route("GET /echo", func(w http.ResponseWriter, r *http.Request) error {
		socket, err := clodo.Upgrade(w, r, clodo.WebSocketOptions{Origins: []string{"https://app.example.com"}})
		if err != nil {
			return err
		}
		for {
			m, err := socket.Read()
			if err != nil {
				return nil // the client has left
			}
			if err := socket.Write(m); err != nil {
				return nil
			}
		}
	})

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/echo", nil))
	fmt.Println(w.Code, w.Header().Get("Upgrade"))
	// Output: 426 websocket
}

//go:embed testdata/site
var assets embed.FS

func ExampleFiles() {
	app := clodo.NewRouter()
	app.Handle("GET /assets/", http.StripPrefix("/assets", clodo.Files(assets, clodo.FilesOptions{})))

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/assets/testdata/site/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 <h1>hello</h1>
}

func ExampleHealth() {
	database := func(context.Context) error { return nil }
	mail := func(context.Context) error { return fmt.Errorf("no answer") }

	app := clodo.NewRouter()
	app.Handle("GET /health", clodo.Health(
		clodo.Check{Name: "database", Run: database},
		clodo.Check{Name: "mail", Run: mail, Optional: true},
	))

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/health", nil))
	status, _, _ := strings.Cut(w.Body.String(), ",")
	fmt.Println(w.Code, status)
	// Output: 200 {"status":"degraded"
}

func ExampleLogHandler() {
	slog.SetDefault(slog.New(clodo.LogHandler(os.Stderr, nil)))

	app := clodo.NewRouter()
	app.Use(clodo.RequestID, clodo.Log(nil))
	app.HandleFunc("POST /notes", func(_ http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "a note was made", "id", "7")
	})
}

func ExampleCORS() {
	app := clodo.NewRouter()
	key, err := clodo.HS256Key("", bytes.Repeat([]byte("secret"), 8))
	if err != nil {
		log.Fatal(err)
	}
	tokens := clodo.TokenOptions{Keys: []clodo.Key{key}}
	api := app.Group("/api",
		clodo.CORS(clodo.CORSOptions{Origins: []string{"https://app.example.com", "https://*.shop.example"}, Credentials: true}),
		clodo.Authenticate(clodo.Bearer(tokens)),
	)
	api.HandleFunc("PUT /notes", func(http.ResponseWriter, *http.Request) {})

	for _, origin := range []string{"https://app.example.com", "https://evil.example"} {
		r := httptest.NewRequest("OPTIONS", "/api/notes", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "PUT")
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// 204 "https://app.example.com"
	// 204 ""
}
