package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tamylaa/clodo"
)

// kept is what careless handlers keep in memory.
var kept [][]byte

// forgotten is the answer of a request that is over.
var forgotten http.ResponseWriter

// answers are what a Response of JavaScript and one of net/http could differ in.
func answers(app *clodo.Router) {
	app.HandleFunc("GET /keep/{megabytes}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("megabytes"))
		if err != nil {
			panic(err)
		}
		kept = append(kept, make([]byte, n<<20))
		_, _ = io.WriteString(w, strconv.Itoa(len(kept)))
	})
	app.HandleFunc("GET /answer/page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html><p>x") })
	app.HandleFunc("GET /answer/untyped", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<!doctype html><p>x")
	})
	app.HandleFunc("GET /answer/headers", func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"No Name", "", "No\r\nName", "Nö", "X-Ok"} {
			w.Header()[name] = []string{"a\r\nX-Evil: \x00b"}
		}
		_, _ = io.WriteString(w, "x")
	})
	app.HandleFunc("GET /answer/status/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil {
			panic(err)
		}
		w.WriteHeader(n)
		_, _ = io.WriteString(w, "x")
	})
	app.HandleFunc("GET /answer/afterthought", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Said", "in time")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("X-Said", "late")
		w.Header().Set("X-Late", "late")
		_, _ = io.WriteString(w, "x")
	})
	app.HandleFunc("GET /answer/controls", func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		_, _ = fmt.Fprint(w, control.EnableFullDuplex(), control.SetWriteDeadline(time.Time{}), errors.Is(control.SetWriteDeadline(time.Now()), http.ErrNotSupported))
	})
	app.HandleFunc("POST /answer/from", func(w http.ResponseWriter, r *http.Request) {
		host, port, err := net.SplitHostPort(r.RemoteAddr)
		_, _ = fmt.Fprint(w, host, " ", port, err, r.TransferEncoding, r.Header["Transfer-Encoding"])
	})
	app.HandleFunc("GET /forget", func(w http.ResponseWriter, _ *http.Request) { forgotten = w })
	app.HandleFunc("GET /remember", func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		_, err := io.WriteString(forgotten, "to another client")
		_, _ = fmt.Fprint(w, err)
	})
	app.Group("", clodo.Recover(nil)).HandleFunc("GET /recovered", func(http.ResponseWriter, *http.Request) {
		count = 1000 // of an instance that nobody gets any more
		panic("a mistake")
	})
	app.Route("POST /answer/held", func(w http.ResponseWriter, r *http.Request) error {
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		_, err := io.Copy(w, r.Body)
		return err
	})
	app.Route("GET /answer/late", func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "x")
		return clodo.Errorf(http.StatusTeapot, "late", "too late")
	})
}
