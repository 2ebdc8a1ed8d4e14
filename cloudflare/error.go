package cloudflare

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrUnknownOutcome marks an error after which nobody knows whether the call took
// effect: the connection broke after the request was sent, or the answer was a 5xx or
// could not be read. Look before repeating.
var ErrUnknownOutcome = errors.New("whether the call took effect is not known")

// ErrWrongCloud marks an answer that came from a Cloudflare on this machine though the
// real one was called, or the other way round.
var ErrWrongCloud = errors.New("the answer came from the wrong cloud")

// Error is a call that did not succeed.
type Error struct {
	Method     string
	Path       string // with its variables filled in, without query
	Status     int    // 0 when no whole answer came
	Details    []Detail
	RequestID  string        // Cloudflare's Ray ID, "" when there was no answer
	RetryAfter time.Duration // how long a 429 or 503 asked to wait; 0 when it did not say
	Attempts   int           // how often the call was sent
	Unknown    bool          // the call may have taken effect; errors.Is(err, ErrUnknownOutcome)
	Err        error         // what went wrong on the way, nil when Cloudflare refused
}

// Detail is one of the reasons that Cloudflare gives for refusing.
type Detail struct {
	Code    int
	Message string
	Pointer string // JSON pointer into the request, "" when not given
}

// Error says what was called, what came back, and Cloudflare's own words.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: ", e.Method, e.Path)
	switch {
	case len(e.Details) > 0:
		for i, d := range e.Details {
			if i > 0 {
				b.WriteString("; ")
			}
			b.WriteString(d.Message)
			if d.Code != 0 {
				fmt.Fprintf(&b, " (code %d)", d.Code)
			}
		}
		if e.Err != nil {
			fmt.Fprintf(&b, ": %v", e.Err)
		}
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(http.StatusText(e.Status))
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " [HTTP %d]", e.Status)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " [request %s]", e.RequestID)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " after %d attempts", e.Attempts)
	}
	if e.Unknown {
		b.WriteString("; whether it took effect is not known")
	}
	return b.String()
}

// Unwrap is the cause on this side: the context's error, the network's, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, Code(n)) and errors.Is(err, ErrUnknownOutcome) work.
func (e *Error) Is(target error) bool {
	if target == ErrUnknownOutcome {
		return e.Unknown
	}
	c, ok := target.(Code)
	return ok && slices.ContainsFunc(e.Details, func(d Detail) bool { return d.Code == int(c) })
}

// Code is one of Cloudflare's error codes, to compare with: errors.Is(err, Code(10007)).
type Code int

// Error is the code in words.
func (c Code) Error() string { return fmt.Sprintf("Cloudflare error code %d", int(c)) }

// The codes that callers branch on.
const (
	CodeWorkerNotFound         Code = 10007 // also: the account has no workers.dev subdomain
	CodeValidationFailed       Code = 10021
	CodeScriptTooLarge         Code = 10027
	CodeRoutePatternExists     Code = 10020
	CodeConcurrentModification Code = 10035
	CodeKVTitleExists          Code = 10014
	CodeNoSubdomain            Code = 10063
	CodeDNSRecordConflict      Code = 100117
	CodeInvalidDeployment      Code = 10210
	CodeVersionWithMigration   Code = 10211
	CodeLatestNotDeployed      Code = 10215
	CodeVersionNeedsModules    Code = 10216
	CodeSecretsChanged         Code = 10220
	CodeD1NotFound             Code = 7404
	CodeD1QueryFailed          Code = 7500
	CodeD1NameExists           Code = 7502
	CodeR2BucketNotFound       Code = 10006
	CodeR2BucketExists         Code = 10004
	CodeQueueExists            Code = 11009
)

// IsNotFound reports whether the thing that was called about does not exist.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// IsAuth reports whether Cloudflare does not know the token.
func IsAuth(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Status < 400 || e.Status >= 500 {
		return false
	}
	return (e.Status == http.StatusUnauthorized && !anyCode(e, 10000)) || anyCode(e, 6003, 6111, 9103, 9106) ||
		(anyCode(e, 1000) && strings.HasSuffix(e.Path, "/tokens/verify")) ||
		slices.ContainsFunc(e.Details, func(d Detail) bool { // 9109 also says that a known token may not do this
			return d.Code == 9109 && strings.HasPrefix(d.Message, "Invalid access token")
		})
}

// IsPermission reports whether Cloudflare knows the token but does not let it do this.
// Code 10000 says so whatever the status.
func IsPermission(err error) bool {
	var e *Error
	if !errors.As(err, &e) || IsAuth(err) {
		return false
	}
	return e.Status == http.StatusForbidden || (e.Status == http.StatusUnauthorized && anyCode(e, 10000))
}

// IsRateLimited reports whether there were too many calls.
func IsRateLimited(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusTooManyRequests
}

// IsConflict reports whether somebody else changed the thing at the same time, or it
// exists already.
func IsConflict(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusConflict
}

func anyCode(e *Error, codes ...int) bool {
	return slices.ContainsFunc(e.Details, func(d Detail) bool { return slices.Contains(codes, d.Code) })
}

// withoutURL drops the URL that net/http puts into its errors: it may be a presigned
// one, and Error names the path itself.
func withoutURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}
