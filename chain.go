package clodo

import (
	"net/http"
	"slices"
)

// Chain is several middlewares as one. The first is the outermost.
func Chain(middleware ...Middleware) Middleware {
	middleware = slices.Clone(middleware)
	return func(next http.Handler) http.Handler {
		for _, m := range slices.Backward(middleware) {
			next = m(next)
		}
		return next
	}
}
