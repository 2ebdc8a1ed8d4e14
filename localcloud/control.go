package localcloud

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
)

// The control endpoints lie beside Cloudflare's API, below /local/: what a cloud on
// one's own machine can do and the real one cannot.

// status is what /local/info answers.
type status struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
	Info
}

func (c *Cloud) newControl() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /local/info", func(w http.ResponseWriter, r *http.Request) {
		s := status{PID: os.Getpid(), Since: c.lock.since, Info: c.Info()}
		if !c.authorized(r) {
			s.APIToken = ""
		}
		answer(w, http.StatusOK, s)
	})
	mux.HandleFunc("POST /local/extend", c.withToken(func(w http.ResponseWriter, r *http.Request) {
		var in Seed
		if read(w, r, &in) && done(w, c.Extend(r.Context(), in)) {
			answer(w, http.StatusOK, c.Info())
		}
	}))
	mux.HandleFunc("POST /local/reset", c.withToken(func(w http.ResponseWriter, r *http.Request) {
		if err := c.Reset(r.Context()); err != nil {
			answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, c.Info())
	}))
	mux.HandleFunc("POST /local/stop", c.withToken(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusAccepted, map[string]int{"pid": os.Getpid()})
		c.stopOnce.Do(func() { close(c.stop) })
	}))
	c.addManners(mux)
	mux.HandleFunc("GET /local/events", c.withToken(c.streamEvents))
	mux.HandleFunc("PUT /local/accounts/{account_id}/workers/scripts/{script_name}/problem", c.withToken(c.putProblem))
	mux.HandleFunc("DELETE /local/accounts/{account_id}/workers/scripts/{script_name}/problem", c.withToken(c.deleteProblem))
	mux.HandleFunc("PUT "+storedSecretPath, c.withToken(c.putStoredSecret))
	mux.HandleFunc("GET "+storedSecretPath, c.withToken(c.askStoredSecret))
	mux.HandleFunc("GET "+api.TailPath, c.api.ServeTail)
	mux.HandleFunc("PUT /local/d1/uploads/{token}", c.api.Upload)
	mux.HandleFunc("GET /local/d1/exports/{token}", c.api.Download)
	mux.HandleFunc("POST /local/accounts/{account_id}/workers/scripts/{script_name}/cron", c.api.FireCron)
	mux.HandleFunc("POST /local/accounts/{account_id}/workers/scripts/{script_name}/email", c.withToken(c.postEmail))
	mux.HandleFunc("GET /local/mailbox", c.withToken(c.listMails))
	mux.HandleFunc("GET /local/mailbox/{id}", c.withToken(c.showMail))
	mux.HandleFunc("DELETE /local/mailbox", c.withToken(c.clearMails))
	mux.HandleFunc("/local/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("the local cloud has no %s %s", r.Method, r.URL.Path)})
	})
	return mux
}

func (c *Cloud) authorized(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && c.opens(token)
}

// opens reports whether a token is the one that opens everything.
func (c *Cloud) opens(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(c.token)) == 1
}

func (c *Cloud) withToken(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !c.authorized(r) {
			answer(w, http.StatusForbidden, map[string]string{"error": "this needs the token of the local cloud"})
			return
		}
		next(w, r)
	}
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set(api.Header, "1")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// Ask asks the API at base, such as http://127.0.0.1:7787/client/v4, how its cloud
// is reached. It is an error when no local cloud answers there. The token is left
// out: whoever wants it has it.
func Ask(ctx context.Context, base string) (Info, error) {
	s, err := ask(ctx, base)
	return s.Info, err
}

func ask(ctx context.Context, base string) (status, error) {
	var s status
	err := control(ctx, base, "", http.MethodGet, "/local/info", nil, &s)
	return s, err
}

// Extend adds accounts and zones to the running cloud that info describes.
func Extend(ctx context.Context, info Info, zones []string, accounts []Account) error {
	return control(ctx, info.API, info.APIToken, http.MethodPost, "/local/extend", Seed{Accounts: accounts, Zones: zones}, nil)
}

// control calls one of the control endpoints.
func control(ctx context.Context, base, token, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := controlRequest(ctx, base, token, method, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	transport := directTransport()
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("asking the local cloud: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("asking the local cloud: %w", err)
	}
	if res.Header.Get(api.Header) == "" {
		return fmt.Errorf("%s is not a local cloud", req.URL.Host)
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("the local cloud answered %s: %s", res.Status, strings.TrimSpace(string(b)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// controlRequest is one to a control endpoint of the cloud whose API is at base. path may
// have escapes; an empty token is left out.
func controlRequest(ctx context.Context, base, token, method, path string, body io.Reader) (*http.Request, error) {
	u, err := url.Parse(base)
	if err == nil {
		u, err = u.Parse(path)
	}
	if err != nil {
		return nil, fmt.Errorf("address of the local cloud: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err == nil && token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, err
}

// directTransport goes by no proxy, which has no business between this machine and itself.
func directTransport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return transport
}
