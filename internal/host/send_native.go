//go:build !js

package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// The environment variables that say where bindings are natively: an address such as
// http://127.0.0.1:8790/, and the key that it wants.
const (
	BindingsVariable    = "CLODO_BINDINGS"
	BindingsKeyVariable = "CLODO_BINDINGS_KEY"
)

// The headers of a request to a binding.
const (
	KindHeader    = "Clodo-Kind"
	BindingHeader = "Clodo-Binding"
	KeyHeader     = "Clodo-Key"
)

type bindingsKey struct{}

// WithBindings has the bindings of ctx answered by rt instead of the process's address.
// It gets their requests as [Send] makes them.
func WithBindings(ctx context.Context, rt http.RoundTripper) context.Context {
	return context.WithValue(ctx, bindingsKey{}, rt)
}

// Bindings tells contexts with different bindings apart; nil is the process's own.
func Bindings(ctx context.Context) any { return ctx.Value(bindingsKey{}) }

// errNoBindings is for a program that was started alone.
var errNoBindings = errors.New("there are no bindings here: " + BindingsVariable + " is not set. " +
	"`clodo dev` runs the service with its bindings, and package clodotest gives them to a test")

// Send asks a binding in the protocol that workerd's bindings speak. The path, query,
// headers and body of r are those of the protocol; where it goes is said by ctx (see
// [WithBindings]) or by CLODO_BINDINGS. It gets the headers Clodo-Kind and Clodo-Binding,
// by which the other side finds the resource, and Clodo-Url, the whole URL of r. What the
// other side does not let a binding do (see [Refuse]) is an [*Error]. r is not changed.
func Send(ctx context.Context, kind, binding string, r *http.Request) (*http.Response, error) {
	r = r.Clone(ctx)
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set(KindHeader, kind)
	r.Header.Set(BindingHeader, binding)
	if r.URL.Host != "" {
		r.Header.Set(URLHeader, r.URL.String())
	}
	rt, ok := ctx.Value(bindingsKey{}).(http.RoundTripper)
	if !ok {
		if err := address(kind, binding, r); err != nil {
			return nil, err
		}
		rt = http.DefaultTransport
	}
	res, err := rt.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, binding, err)
	}
	if err := refused(kind, binding, res); err != nil {
		return nil, err
	}
	return res, nil
}

// address has r go to the process's address.
func address(kind, binding string, r *http.Request) error {
	to := os.Getenv(BindingsVariable)
	if to == "" {
		return fmt.Errorf("%s %s: %w", kind, binding, errNoBindings)
	}
	base, err := url.Parse(to)
	if err != nil || base.Host == "" {
		return fmt.Errorf("%s %s: %s is no address, as in http://127.0.0.1:8790/", kind, binding, BindingsVariable)
	}
	r.URL.Scheme, r.URL.Host, r.Host = base.Scheme, base.Host, base.Host
	if prefix := strings.TrimSuffix(base.Path, "/"); prefix != "" {
		r.URL.Path = prefix + r.URL.Path
		if r.URL.RawPath != "" {
			r.URL.RawPath = prefix + r.URL.RawPath
		}
	}
	if key := os.Getenv(BindingsKeyVariable); key != "" {
		r.Header.Set(KeyHeader, key)
	}
	return nil
}
