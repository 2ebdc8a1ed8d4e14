package clodo

import (
	"net/http"
	"slices"
)

// RequireEnvironment is for handlers that only some environments have, such as helpers
// for tests: in the others there is nothing, and the answer is 404. The environment is
// that of [Service]: what CLODO_ENVIRONMENT says, "local" in a program that was started
// by hand.
func RequireEnvironment(names ...string) Middleware {
	mustBeNames("environment", names)
	s, err := theService()
	here := err == nil && slices.Contains(names, s.Environment)
	return func(next http.Handler) http.Handler {
		if here {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			WriteError(w, r, &Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing at " + r.URL.Path + "."})
		})
	}
}
