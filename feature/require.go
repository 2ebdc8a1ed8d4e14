package feature

import (
	"encoding/json"
	"log/slog"
	"net/http"
)

// Guard lets requests pass for which a flag is on.
type Guard struct {
	Flag *BoolFlag
	// Fallback answers the others. Default: 404 with a JSON object that names the flag.
	Fallback http.Handler
	// Optional lets the others pass too, and logs that they did.
	Optional bool
}

// Require is a Guard with its defaults: where the flag is off, there is nothing.
//
//	HTTP 404 {"error": "Feature not available", "feature": "premium",
//	          "message": "The premium feature is not enabled for this domain"}
func Require(flag *BoolFlag) func(http.Handler) http.Handler { return Guard{Flag: flag}.Middleware }

// Middleware guards next.
func (g Guard) Middleware(next http.Handler) http.Handler {
	off := g.Fallback
	switch {
	case g.Optional && off == nil:
		off = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			slog.InfoContext(r.Context(), "a request passed a feature flag that is off", "flag", g.Flag.name, "path", r.URL.Path)
			next.ServeHTTP(w, r)
		})
	case off == nil:
		off = notAvailable(g.Flag.name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.Flag.Enabled(r.Context()) {
			next.ServeHTTP(w, r)
			return
		}
		off.ServeHTTP(w, r)
	})
}

func notAvailable(name string) http.Handler {
	body, err := json.Marshal(struct {
		Error   string `json:"error"`
		Feature string `json:"feature"`
		Message string `json:"message"`
	}{"Feature not available", name, "The " + name + " feature is not enabled for this domain"})
	if err != nil {
		panic(err) // three texts can always be written
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusNotFound)
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // the client may be gone
		}
	})
}
