package clodo

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// Identity is who sends a request, as an [Authenticator] has found out.
type Identity struct {
	Subject string   // the user or the program
	Scopes  []string // what the credentials may be used for
	Roles   []string // what the subject is
	Claims  *Claims  // of the token; nil when there was none
}

// ErrNoCredentials is what an [Authenticator] returns for a request that has none of its
// kind.
var ErrNoCredentials = errors.New("the request has no credentials")

// Authenticator finds out who sends a request. It returns [ErrNoCredentials] when the
// request has no credentials of its kind, a [Problem] of status 401 when it does not
// accept them, and another error when it could not tell. An Identity that is nil without
// an error lets nobody through: it is as ErrNoCredentials.
type Authenticator func(*http.Request) (*Identity, error)

// IdentityOf is who sends the request of ctx; nil when nobody has asked or nobody is
// known.
func IdentityOf(ctx context.Context) *Identity {
	id, _ := ctx.Value(identityKey).(*Identity)
	return id
}

// Authenticate lets requests through whose sender one of the authenticators knows, and
// answers the others with 401. They are asked in turn until one finds credentials of its
// kind; credentials that it does not accept are refused, whatever else there is.
func Authenticate(a ...Authenticator) Middleware { return authenticate(a, false) }

// Identify is Authenticate for what anybody may see: requests without credentials go
// through, without an [Identity]. Credentials that are wrong are refused all the same.
func Identify(a ...Authenticator) Middleware { return authenticate(a, true) }

func authenticate(all []Authenticator, anonymous bool) Middleware {
	if len(all) == 0 {
		panic("clodo: nothing to authenticate requests by")
	}
	all = slices.Clone(all)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, a := range all {
				id, err := a(r)
				switch {
				case errors.Is(err, ErrNoCredentials), err == nil && id == nil:
					continue
				case err != nil:
					WriteError(w, r, err)
					return
				}
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey, id)))
				return
			}
			if anonymous {
				next.ServeHTTP(w, r)
				return
			}
			WriteError(w, r, unauthenticated())
		})
	}
}

func unauthenticated() *Problem {
	return &Problem{
		Status: http.StatusUnauthorized, Code: "credentials_missing", Detail: "The request has no credentials.",
		Header: http.Header{"Www-Authenticate": {"Bearer"}},
	}
}

// refused are credentials that are not accepted. The detail is one of this package's own
// texts: it stands in a header.
func refused(code, detail string, err error) *Problem {
	return &Problem{
		Status: http.StatusUnauthorized, Code: code, Detail: detail, Err: err,
		Header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token", error_description="` + detail + `"`}},
	}
}

// RequireScope lets requests through whose credentials have all of the scopes, after
// [Authenticate] or [Identify]: without an identity the answer is 401, and 403 without
// the scopes. It panics on names that are no scopes.
func RequireScope(scopes ...string) Middleware {
	mustBeNames("scope", scopes)
	challenge := `Bearer error="insufficient_scope", scope="` + strings.Join(scopes, " ") + `"`
	missing := "It takes the scope " + strings.Join(scopes, " and ") + "."
	return guard(func(id *Identity) *Problem {
		for _, s := range scopes {
			if !slices.Contains(id.Scopes, s) {
				return &Problem{Status: http.StatusForbidden, Code: "insufficient_scope", Detail: missing, Header: http.Header{"Www-Authenticate": {challenge}}}
			}
		}
		return nil
	})
}

// RequireRole lets requests through whose sender has one of the roles, after
// [Authenticate] or [Identify]: without an identity the answer is 401, and 403 without
// such a role.
func RequireRole(roles ...string) Middleware {
	mustBeNames("role", roles)
	return guard(func(id *Identity) *Problem {
		if slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(id.Roles, role) }) {
			return nil
		}
		return &Problem{Status: http.StatusForbidden, Code: "insufficient_role", Detail: "It takes the role " + strings.Join(roles, " or ") + "."}
	})
}

func guard(against func(*Identity) *Problem) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := IdentityOf(r.Context())
			if id == nil {
				WriteError(w, r, unauthenticated())
				return
			}
			if p := against(id); p != nil {
				WriteError(w, r, p)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// mustBeNames panics when a guard would guard nothing, or break the header it stands in.
func mustBeNames(what string, names []string) {
	if len(names) == 0 {
		panic("clodo: no " + what + " to require")
	}
	for _, name := range names {
		if !plain(name) || strings.ContainsAny(name, `"\`) {
			panic("clodo: " + quoted(name) + " is no name of a " + what)
		}
	}
}

// bearer is the token of an Authorization header; ok is false when it has none.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}
