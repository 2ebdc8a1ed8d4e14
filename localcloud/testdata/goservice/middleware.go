package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/services"
)

// other is a Worker that sends back what it is sent.
var other = services.Open("other", services.Options{Binding: "OTHER"})

// impatient is the same Worker, of which nobody waits long for an answer.
var impatient = services.Open("other", services.Options{Binding: "OTHER", Timeout: 500 * time.Millisecond})

// far is the same Worker, at the hostname that the registry has.
var far = services.Open("other", services.Options{})

// middleware registers what of package clodo and of its calls differs on Workers.
func middleware(app *clodo.Router) {
	app.Route("GET /socket", socket)
	app.Route("GET /ticks", ticks)
	app.Group("", clodo.RateLimit(clodo.RateLimitOptions{Limit: 2, Key: func(r *http.Request) string { return r.URL.RawQuery }})).
		HandleFunc("GET /limited", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, clodo.ClientAddress(r)) })
	app.Group("", clodo.Compress, clodo.ETag).HandleFunc("GET /tagged", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("hello ", 1000))
	})
	app.Route("GET /header", func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("X-Value", r.URL.Query().Get("value"))
		return clodo.JSON(w, http.StatusOK, r.Header)
	})
	app.Group("", clodo.Timeout(300*time.Millisecond)).Route("POST /patient", func(w http.ResponseWriter, r *http.Request) error {
		var v struct{ Text string }
		if err := clodo.Decode(r, &v); err != nil {
			return err
		}
		return clodo.JSON(w, http.StatusOK, v)
	})
	log := slog.New(clodo.LogHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	app.HandleFunc("GET /log", func(_ http.ResponseWriter, r *http.Request) {
		log.DebugContext(r.Context(), "a")
		log.With("n", 1).InfoContext(r.Context(), "b\nc")
		log.WarnContext(r.Context(), "d")
		log.ErrorContext(r.Context(), "e")
	})
	app.Route("POST /call/{what}", func(w http.ResponseWriter, r *http.Request) error {
		method, to := "PUT", other
		switch r.PathValue("what") {
		case "hangs":
			method, to = "POST", impatient // which is not repeated
		case "far":
			to = far
		}
		got, err := services.Call[map[string]any](r.Context(), to, services.Request{
			Method: method, Path: "/" + r.PathValue("what"), Body: map[string]string{"hello": "other"}, Header: http.Header{"X-Asked": {"why"}},
		})
		if err != nil {
			return err
		}
		return clodo.JSON(w, http.StatusOK, got)
	})
}

// socket says everything again, until it is asked to stop.
func socket(w http.ResponseWriter, r *http.Request) error {
	s, err := clodo.Upgrade(w, r, clodo.WebSocketOptions{Protocols: []string{"again"}, ReadLimit: 100_000, Origins: []string{"https://app.example.com"}})
	if err != nil {
		return err
	}
	for {
		m, err := s.Read()
		switch {
		case err != nil:
			fmt.Println("the socket ended: " + err.Error())
			return nil
		case string(m.Data) == "close":
			return s.Close(4000, "as you wish")
		case string(m.Data) == "return":
			return nil
		case string(m.Data) == "panic":
			panic("a mistake")
		case string(m.Data) == "tick":
			for range 3 {
				time.Sleep(10 * time.Millisecond)
				if err := s.Write(clodo.WebSocketMessage{Text: true, Data: []byte("tock")}); err != nil {
					return err
				}
			}
		default:
			if err := s.Write(m); err != nil {
				return err
			}
		}
	}
}

func ticks(w http.ResponseWriter, r *http.Request) error {
	s, err := clodo.Events(w, r)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := 0; ; i++ {
		if err := s.Send(clodo.Event{ID: fmt.Sprint(i), Data: "one\ntwo"}); err != nil {
			fmt.Println("the events ended: " + err.Error())
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}
