// A service in Go that the tests run on the real runtime.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// started is when the program was started; where the Worker itself starts, there is no time.
var started = time.Now()

// instances tells the instances apart: each counts its own requests.
var (
	mu    sync.Mutex
	count int
)

func main() {
	app, err := clodo.New(clodo.Options{Variables: []string{"GREETING"}, Secrets: []string{"LONG"}, Bindings: append([]string{"OTHER", "DB"}, strings.Fields(os.Getenv("NEEDS"))...)})
	if err != nil {
		log.Fatal(err)
	}
	app.Use(clodo.RequestID)
	app.HandleFunc("GET /service", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(app.Service) })
	events(app)
	if err := flags(app); err != nil {
		log.Fatal(err)
	}
	app.HandleFunc("GET /users/{id}", user)
	app.Route("POST /echo", echo)
	app.Group("/small", clodo.LimitBody(1000)).Route("POST /echo", echo)
	app.HandleFunc("GET /stream", stream)
	app.HandleFunc("GET /locked", locked)
	app.HandleFunc("GET /endless", endless)
	app.Route("POST /relay", relay)
	app.Route("/fetch", fetch)
	app.HandleFunc("POST /stray", stray)
	app.HandleFunc("GET /strayed", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strays.Load()) })
	app.HandleFunc("GET /started", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, started.UTC().Year() > 2000, time.Now().UTC().Year() > 2000)
	})
	app.HandleFunc("GET /variables", variables)
	app.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) {
		count++
		fmt.Fprint(w, count)
	})
	app.HandleFunc("GET /none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	app.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("a mistake") })
	app.HandleFunc("GET /panic-late", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "the beginning")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(50 * time.Millisecond)
		panic("a mistake")
	})
	app.HandleFunc("GET /panic-after", func(w http.ResponseWriter, _ *http.Request) {
		go func() { panic("a mistake") }()
		fmt.Fprint(w, "left")
	})
	app.HandleFunc("GET /exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	answers(app.Router)
	middleware(app.Router)
	log.Fatal(app.Serve())
}

func user(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("X-Two", "a")
	w.Header().Add("X-Two", "b")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": r.PathValue("id"), "query": r.URL.Query()["q"], "host": r.Host, "header": r.Header.Get("X-Asked"), "length": r.ContentLength,
	})
}

// echo streams both ways.
func echo(w http.ResponseWriter, r *http.Request) error {
	_, err := io.Copy(w, r.Body)
	return err
}

// stream writes a line, waits for the test, and writes what came of that and another.
func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, line := range []func() string{
		func() string { return "first" },
		func() string { return gate(r.Context(), "stream") },
		func() string { return "last" },
	} {
		fmt.Fprintf(w, "data: %s\n\n", line())
		_ = http.NewResponseController(w).Flush()
	}
}

// strays counts what careless goroutines did after their request.
var strays atomic.Int32

// stray leaves goroutines behind that wait, read its body and call a binding.
func stray(w http.ResponseWriter, r *http.Request) {
	go func() {
		time.Sleep(20 * time.Millisecond)
		if n, err := r.Body.Read(make([]byte, 100)); n > 0 || err == nil {
			strays.Add(1)
		}
		if err := record(r.Context(), "stray"); err == nil {
			strays.Add(1)
		}
	}()
	go func() {
		if err := record(r.Context(), "stray"); err == nil {
			strays.Add(1)
		}
	}()
	fmt.Fprint(w, "left")
}

var db = d1.Open("DB")

// locked waits and asks D1 with a lock held, as a careless service does.
func locked(w http.ResponseWriter, r *http.Request) {
	mu.Lock()
	defer mu.Unlock()
	time.Sleep(time.Millisecond)
	var n int
	if err := db.Prepare("SELECT 41 + ?").Bind(1).First(r.Context(), &n); err != nil || n != 42 {
		http.Error(w, fmt.Sprint(n, err), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, "unlocked")
}

// endless answers until its client leaves.
func endless(w http.ResponseWriter, r *http.Request) {
	part := make([]byte, 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(part); err != nil {
			log.Print("endless: ", err)
			return
		}
	}
	log.Print("endless: ", r.Context().Err())
}
