package contracttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing/iotest"

	"github.com/tamylaa/clodo/bindings/cache"
)

// ask is a request for the answer to a path; the headers are names and values.
func ask(method, path string, headers ...string) *http.Request {
	r, err := http.NewRequest(method, "https://contract.example"+path, nil)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// reply is an answer; the headers are names and values.
func reply(status int, body io.Reader, headers ...string) *http.Response {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body)}
	for i := 0; i < len(headers); i += 2 {
		res.Header.Add(headers[i], headers[i+1])
	}
	return res
}

// cached puts an answer under a path and gives what is found there for a request, "none"
// if nothing is.
func cached(ctx context.Context, r *http.Request, res *http.Response) (any, error) {
	if err := cache.Default().Put(ctx, ask("GET", r.URL.Path), res); err != nil {
		return nil, err
	}
	return found(ctx, cache.Default(), r)
}

func found(ctx context.Context, c *cache.Cache, r *http.Request) (any, error) {
	got, err := c.Match(ctx, r)
	if errors.Is(err, cache.ErrNotFound) {
		return "none", nil
	}
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	return list{got.StatusCode, string(b), got.Header.Get("Cf-Cache-Status")}, err
}

func cacheCases() []Case {
	const minute = "max-age=60"
	// kept says whether an answer with such headers is found after it was put.
	kept := func(path string, status int, headers ...string) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) {
			got, err := cached(ctx, ask("GET", path), reply(status, strings.NewReader("x"), headers...))
			return got != "none", err
		}
	}
	return []Case{
		{"what was not put is not found", `[true,false]`, func(ctx context.Context) (any, error) {
			_, err := cache.Default().Match(ctx, ask("GET", "/missing"))
			found, err2 := cache.Default().Delete(ctx, ask("GET", "/missing"))
			return list{errors.Is(err, cache.ErrNotFound), found}, err2
		}, ""},
		{"an answer is found", `[418,"body","HIT"]`, func(ctx context.Context) (any, error) {
			return cached(ctx, ask("GET", "/found"), reply(418, strings.NewReader("body"), "Cache-Control", minute))
		}, ""},
		{"with its headers", `["text/x","a, b","60"]`, func(ctx context.Context) (any, error) {
			r := ask("GET", "/headers?q=%2F")
			if err := cache.Default().Put(ctx, r, reply(200, strings.NewReader("x"), "Cache-Control", minute, "Content-Type", "text/x", "X-Two", "a", "X-Two", "b", "X-Sixty", "60")); err != nil {
				return nil, err
			}
			got, err := cache.Default().Match(ctx, r)
			if err != nil {
				return nil, err
			}
			defer got.Body.Close()
			return list{got.Header.Get("Content-Type"), strings.Join(got.Header.Values("X-Two"), ", "), got.Header.Get("X-Sixty")}, nil
		}, ""},
		{"in the cache that it was put into", `["none",[200,"x","HIT"],"none"]`, func(ctx context.Context) (any, error) {
			r := ask("GET", "/named")
			if err := cache.Open("grüezi / 1").Put(ctx, r, reply(200, strings.NewReader("x"), "Cache-Control", minute)); err != nil {
				return nil, err
			}
			var all list
			for _, c := range []*cache.Cache{cache.Default(), cache.Open("grüezi / 1"), cache.Open("other")} {
				got, err := found(ctx, c, r)
				if err != nil {
					return nil, err
				}
				all = append(all, got)
			}
			return all, nil
		}, ""},
		{"the last one that was put", `[200,"second","HIT"]`, func(ctx context.Context) (any, error) {
			if _, err := cached(ctx, ask("GET", "/twice"), reply(200, strings.NewReader("first"), "Cache-Control", minute)); err != nil {
				return nil, err
			}
			return cached(ctx, ask("GET", "/twice"), reply(200, strings.NewReader("second"), "Cache-Control", minute))
		}, ""},
		{"until it is deleted", `[true,false,"none"]`, func(ctx context.Context) (any, error) {
			r := ask("GET", "/deleted")
			if _, err := cached(ctx, r, reply(200, strings.NewReader("x"), "Cache-Control", minute)); err != nil {
				return nil, err
			}
			first, err := cache.Default().Delete(ctx, r)
			second, err2 := cache.Default().Delete(ctx, r)
			got, err3 := found(ctx, cache.Default(), r)
			return list{first, second, got}, errors.Join(err, err2, err3)
		}, ""},
		{"a condition", `[304,"","HIT"]`, func(ctx context.Context) (any, error) {
			return cached(ctx, ask("GET", "/condition", "If-None-Match", `"v1"`), reply(200, strings.NewReader("x"), "Cache-Control", minute, "Etag", `"v1"`))
		}, ""},
		{"a range", `[206,"234","HIT"]`, func(ctx context.Context) (any, error) {
			return cached(ctx, ask("GET", "/range", "Range", "bytes=2-4"), reply(200, strings.NewReader("0123456789"), "Cache-Control", minute))
		}, ""},
		{"an answer of three megabytes", `[true,3145728]`, func(ctx context.Context) (any, error) {
			r := ask("GET", "/large")
			if err := cache.Default().Put(ctx, r, reply(200, io.LimitReader(&letters{}, 3<<20), "Cache-Control", minute)); err != nil {
				return nil, err
			}
			got, err := cache.Default().Match(ctx, r)
			if err != nil {
				return nil, err
			}
			defer got.Body.Close()
			same, size := sameLetters(got.Body)
			return list{same, size}, nil
		}, ""},
		{"one that does not say how long", `true`, kept("/usual", 200), ""},
		{"nor by its status", `false`, kept("/usual", 418), ""},
		{"one for no time", `false`, kept("/now", 200, "Cache-Control", "max-age=0"), ""},
		{"one that wants not to be stored", `false`, kept("/no-store", 200, "Cache-Control", "no-store"), ""},
		{"one that is private", `false`, kept("/private", 200, "Cache-Control", "private, max-age=60"), ""},
		{"one with a cookie", `false`, kept("/cookie", 200, "Cache-Control", minute, "Set-Cookie", "a=b"), ""},
		{"one whose cookie is private", `true`, kept("/private-cookie", 200, "Cache-Control", "max-age=60, private=Set-Cookie", "Set-Cookie", "a=b"), ""},
		{"one whose body breaks off", `"none"`, func(ctx context.Context) (any, error) {
			r := ask("GET", "/broken")
			err := cache.Default().Put(ctx, r, reply(200, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(errors.New("broken"))), "Cache-Control", minute))
			if err == nil {
				return "no error", nil
			}
			return found(ctx, cache.Default(), r)
		}, ""},
		{"an answer to a POST is not put", `error: cache: answers to POST cannot be cached, only those to GET`, func(ctx context.Context) (any, error) {
			return nil, cache.Default().Put(ctx, ask("POST", "/post"), reply(200, http.NoBody))
		}, ""},
		{"a part of one is not", `error: cache: a part of an answer (206) cannot be cached`, func(ctx context.Context) (any, error) {
			return nil, cache.Default().Put(ctx, ask("GET", "/part"), reply(206, http.NoBody))
		}, ""},
		{"one that varies with everything is not", `error: cache: an answer with Vary: * cannot be cached`, func(ctx context.Context) (any, error) {
			return nil, cache.Default().Put(ctx, ask("GET", "/vary"), reply(200, http.NoBody, "Vary", "Accept", "Vary", "*"))
		}, ""},
		{"one without a status is not", `error: cache: an answer with the status 0 cannot be cached`, func(ctx context.Context) (any, error) {
			return nil, cache.Default().Put(ctx, ask("GET", "/none"), reply(0, http.NoBody))
		}, ""},
	}
}
