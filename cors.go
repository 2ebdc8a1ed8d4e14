package clodo

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CORSOptions say which pages of other origins may read answers. The zero value allows
// none.
type CORSOptions struct {
	// Origins are allowed: "https://app.example.com", or "https://*.example.com" for
	// every name below. There is no "*" here: see AnyOrigin.
	Origins []string
	// AnyOrigin lets every page read what anybody may read. It cannot be had together
	// with Credentials.
	AnyOrigin bool
	// Credentials lets pages send cookies and read the answers.
	Credentials bool
	Methods     []string      // default: GET, HEAD, POST, PUT, PATCH, DELETE
	Headers     []string      // that pages may send; default: Authorization, Content-Type
	Expose      []string      // headers of answers that pages may read beside the usual ones
	MaxAge      time.Duration // how long a browser may keep the permission; default: 10 minutes
}

// CORS answers the questions of browsers about other origins. It panics on options
// that would open more than they say. Give it to [Router.Use] or [Router.Group] before
// what asks for credentials: the preflight request of a browser has none.
func CORS(o CORSOptions) Middleware {
	if o.AnyOrigin && o.Credentials {
		panic("clodo: CORS for any origin cannot have credentials: every page could act as the user")
	}
	for _, origin := range o.Origins {
		u, err := url.Parse(strings.Replace(origin, "://*.", "://", 1))
		if err != nil || u.Scheme == "" || u.Host == "" || u.Host == "*" || strings.Contains(u.Host, "*") || u.Path != "" || u.RawQuery != "" || u.User != nil {
			panic("clodo: " + strconv.Quote(origin) + " is no origin such as https://app.example.com or https://*.example.com")
		}
	}
	if o.Methods == nil {
		o.Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	}
	if o.Headers == nil {
		o.Headers = []string{"Authorization", "Content-Type"}
	}
	if o.MaxAge == 0 {
		o.MaxAge = 10 * time.Minute
	}
	methods, headers, expose := strings.Join(o.Methods, ", "), strings.Join(o.Headers, ", "), strings.Join(o.Expose, ", ")
	age := strconv.Itoa(int(o.MaxAge.Seconds()))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			origin := r.Header.Get("Origin")
			preflight := r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != ""
			if !o.AnyOrigin {
				h.Add("Vary", "Origin") // also for those that are refused: caches must not mix them
			}
			if origin != "" && o.allows(origin) {
				if o.AnyOrigin {
					origin = "*"
				}
				h.Set("Access-Control-Allow-Origin", origin)
				if o.Credentials {
					h.Set("Access-Control-Allow-Credentials", "true")
				}
				if preflight {
					h.Set("Access-Control-Allow-Methods", methods)
					h.Set("Access-Control-Allow-Headers", headers)
					h.Set("Access-Control-Max-Age", age)
				} else if expose != "" {
					h.Set("Access-Control-Expose-Headers", expose)
				}
			}
			if preflight {
				w.WriteHeader(http.StatusNoContent) // without permission when it was not given above
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func (o CORSOptions) allows(origin string) bool {
	return o.AnyOrigin || slices.ContainsFunc(o.Origins, func(allowed string) bool {
		scheme, domain, below := strings.Cut(allowed, "://*.")
		if !below {
			return origin == allowed
		}
		name, ok := strings.CutPrefix(origin, scheme+"://")
		label, found := strings.CutSuffix(name, "."+domain)
		return ok && found && label != ""
	})
}
