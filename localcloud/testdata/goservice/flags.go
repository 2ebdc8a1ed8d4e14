package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/feature"
)

var premium = feature.Bool("premium")

// flags tells whether a flag is on, and lets pass where it is.
func flags(app *clodo.App) error {
	f, err := feature.Open(feature.Options{Use: []feature.Flag{premium}, MaxAge: time.Second, Timeout: time.Minute}) // of a busy machine
	if err != nil {
		return err
	}
	app.Group("/flags", f.Middleware).HandleFunc("GET /premium", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond) // so that requests meet, and several instances are made
		fmt.Fprint(w, premium.Enabled(r.Context()), " ", feature.From(r.Context()).Enabled())
	})
	app.Group("/premium", f.Middleware, feature.Require(premium)).HandleFunc("GET /reports", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "reports")
	})
	return nil
}
