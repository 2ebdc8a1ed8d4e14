package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/assets"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

const account = "0123456789abcdef0123456789abcdef"

// accounts gives every name the same account.
type accounts struct{ only *edge.Account }

func (a accounts) Account(context.Context, string) (*edge.Account, error) { return a.only, nil }

// values are secrets by name.
type values map[string]string

func (v values) Value(_ context.Context, _ project.TargetID, name string) (secret.Value, error) {
	text, ok := v[name]
	if !ok {
		return secret.Value{}, errors.New("no value on this machine")
	}
	return secret.New(text), nil
}

// against is an Edge whose calls go to base, each with one attempt.
func against(t *testing.T, base string, secrets values) *edge.Edge {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := cloudflare.New(cloudflare.Options{
		BaseURL: base, Token: cloudflare.NewSecret("t0ken"), Attempts: 1, HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	return edge.New(accounts{&edge.Account{Client: client, ID: account, Name: "acme"}}, secrets, assets.Hash)
}

// fake is an API at which h answers everything.
func fake(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func refusal(status, code int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"success": false, "errors": []any{map[string]any{"code": code, "message": message}}, "messages": []any{}, "result": nil,
		})
	}
}

var script = deploy.Script{Name: "web"}

func upload(mode deploy.UploadMode) deploy.Upload {
	return deploy.Upload{
		Script: script, Mode: mode, Tag: "clodo/1 r p c", Metadata: json.RawMessage(`{"main_module":"index.js","bindings":[]}`),
		Artifact: deploy.Artifact{MainModule: "index.js", Modules: []deploy.Module{
			deploy.NewModule("index.js", "application/javascript+module", []byte("export default {}")),
		}},
	}
}

// operation is a call of a port that makes one call of the API.
type operation struct {
	reads   bool
	uploads bool
	gone    bool // that the thing does not exist is a success
	do      func(context.Context, *edge.Edge) error
}

func operations() map[string]operation {
	trigger := func(c deploy.TriggerChange) func(context.Context, *edge.Edge) error {
		return func(ctx context.Context, e *edge.Edge) error { return e.SetTrigger(ctx, script, c) }
	}
	route := &deploy.Route{ID: "r1", ZoneID: "z1", Pattern: "shop.example/*", Script: "web"}
	domain := &deploy.Domain{ID: "d1", ZoneID: "z1", Hostname: "shop.example", Script: "web"}
	query := func(sql string) func(context.Context, *edge.Edge) error {
		return func(ctx context.Context, e *edge.Edge) error {
			_, err := e.Database("", "db1").Query(ctx, sql)
			return err
		}
	}
	return map[string]operation{
		"Split": {reads: true, gone: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.Split(ctx, script)
			return err
		}},
		"FindVersion": {reads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.FindVersion(ctx, script, "clodo/1 r p c")
			return err
		}},
		"FindResource of a database": {reads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.FindResource(ctx, "", deploy.KindD1, "orders")
			return err
		}},
		"FindResource of a namespace": {reads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.FindResource(ctx, "", deploy.KindKV, "cache")
			return err
		}},
		"FindResource of a bucket": {reads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.FindResource(ctx, "", deploy.KindR2, "files")
			return err
		}},
		"FindResource of a queue": {reads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.FindResource(ctx, "", deploy.KindQueue, "jobs")
			return err
		}},
		"Triggers": {reads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.Triggers(ctx, script, nil, []string{"jobs"})
			return err
		}},
		"Live": {reads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.Live(ctx, []project.Target{{}})
			return err
		}},
		"Query that reads":               {reads: true, do: query("SELECT 1")},
		"Query that changes":             {do: query("CREATE TABLE t (a)")},
		"Query that begins with reading": {do: query("SELECT 1; DROP TABLE t")},
		"CreateResource of a database": {do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.CreateResource(ctx, "", deploy.KindD1, "orders")
			return err
		}},
		"CreateResource of a namespace": {do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.CreateResource(ctx, "", deploy.KindKV, "cache")
			return err
		}},
		"CreateResource of a bucket": {do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.CreateResource(ctx, "", deploy.KindR2, "files")
			return err
		}},
		"CreateResource of a queue": {do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.CreateResource(ctx, "", deploy.KindQueue, "jobs")
			return err
		}},
		"Upload by PUT": {uploads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.Upload(ctx, upload(deploy.UploadPut))
			return err
		}},
		"Upload of a version": {uploads: true, do: func(ctx context.Context, e *edge.Edge) error {
			_, err := e.Upload(ctx, upload(deploy.UploadVersion))
			return err
		}},
		"Upload of assets": {uploads: true, do: func(ctx context.Context, e *edge.Edge) error {
			u := upload(deploy.UploadVersion)
			u.Artifact.Assets = []deploy.Asset{{Path: "/a.txt", Hash: strings.Repeat("a", 32), Size: 1}}
			_, err := e.Upload(ctx, u)
			return err
		}},
		"DeleteWorker": {gone: true, do: func(ctx context.Context, e *edge.Edge) error { return e.DeleteWorker(ctx, script) }},
		"SetSplit": {do: func(ctx context.Context, e *edge.Edge) error {
			return e.SetSplit(ctx, script, deploy.Split{{Version: "v1", Percent: 100}}, "why")
		}},
		"SetTrigger that attaches a route":  {do: trigger(deploy.TriggerChange{Action: deploy.Attach, Kind: deploy.TriggerRoute, Route: route})},
		"SetTrigger that detaches a route":  {gone: true, do: trigger(deploy.TriggerChange{Action: deploy.Detach, Kind: deploy.TriggerRoute, Route: route})},
		"SetTrigger that attaches a domain": {do: trigger(deploy.TriggerChange{Action: deploy.Attach, Kind: deploy.TriggerDomain, Domain: domain})},
		"SetTrigger that detaches a domain": {gone: true, do: trigger(deploy.TriggerChange{Action: deploy.Detach, Kind: deploy.TriggerDomain, Domain: domain})},
		"SetTrigger of crons":               {do: trigger(deploy.TriggerChange{Action: deploy.Update, Kind: deploy.TriggerCrons})},
		"SetTrigger of workers.dev":         {do: trigger(deploy.TriggerChange{Action: deploy.Update, Kind: deploy.TriggerWorkersDev})},
		"SetTrigger of settings": {do: trigger(deploy.TriggerChange{
			Action: deploy.Update, Kind: deploy.TriggerSettings, Settings: json.RawMessage(`{"logpush":true}`),
		})},
	}
}

// said is which of deploy's words an error carries.
func said(err error) []string {
	words := []struct {
		name string
		err  error
	}{
		{"unknown outcome", deploy.ErrUnknownOutcome},
		{"not found", deploy.ErrNotFound},
		{"permission", deploy.ErrPermission},
		{"conflict", deploy.ErrConflict},
		{"rate limited", deploy.ErrRateLimited},
		{"unavailable", deploy.ErrUnavailable},
		{"changed", deploy.ErrChanged},
	}
	var list []string
	for _, w := range words {
		if errors.Is(err, w.err) {
			list = append(list, w.name)
		}
	}
	if de, ok := errors.AsType[*diag.Error](err); ok {
		list = append(list, de.Code)
	}
	if err != nil && list == nil {
		list = []string{"refused"}
	}
	return list
}

func TestEachAnswerIsSaidInDeploysWords(t *testing.T) {
	t.Parallel()
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>Bad gateway</html>")
		}
	}
	same := func(words ...string) func(operation) []string {
		return func(operation) []string { return words }
	}
	lost := func(o operation) []string {
		if o.reads {
			return []string{"unavailable"}
		}
		return []string{"unknown outcome"}
	}
	plain := func(o operation) []string {
		if o.uploads {
			return []string{"D220"}
		}
		return []string{"refused"}
	}
	tests := map[string]struct {
		answer http.HandlerFunc
		want   func(operation) []string
	}{
		"the token lacks a permission":                    {refusal(403, 10000, "Authentication error"), same("permission")},
		"the token lacks a permission, said with 401":     {refusal(401, 10000, "Authentication error"), same("permission")},
		"the token is not known":                          {refusal(401, 9106, "Invalid access token"), same("permission", "A102")},
		"the token cannot be read":                        {refusal(400, 6003, "Invalid request headers"), same("permission", "A102")},
		"somebody else changes it now":                    {refusal(409, 10035, "Concurrent modification"), same("conflict")},
		"there were too many calls":                       {refusal(429, 971, "Please wait and consider throttling your request speed"), same("rate limited")},
		"the request is wrong":                            {refusal(400, 10021, "Uncaught ReferenceError: confg is not defined"), plain},
		"the call does not exist there":                   {refusal(501, 501, "not implemented"), plain},
		"Cloudflare fails after it began":                 {refusal(500, 10013, "An unknown error has occurred"), lost},
		"a gateway gives up":                              {html(502), lost},
		"a gateway loses patience":                        {html(408), lost},
		"a page of something else says that all is well":  {html(200), lost},
		"the connection ends before the answer":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, lost},
		"the connection ends in the middle of the answer": {cut, lost},
		"the thing does not exist": {refusal(404, 10007, "This Worker does not exist on your account."), func(o operation) []string {
			if o.gone {
				return nil
			}
			return []string{"not found"}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := against(t, fake(t, tt.answer), nil)
			for op, o := range operations() {
				if op == "Live" && strings.HasPrefix(name, "the token lacks") {
					continue // it goes on without what was refused
				}
				err := o.do(t.Context(), e)
				if d := cmp.Diff(tt.want(o), said(err)); d != "" {
					t.Errorf("%s: %v (-want +got):\n%s", op, err, d)
				}
				if err != nil && strings.Contains(err.Error(), "t0ken") {
					t.Errorf("%s tells the token: %v", op, err)
				}
			}
		})
	}
}

// cut begins an answer and ends the connection.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"success":true`)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func TestAChangeThatWasNeverSentIsNotAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	e := against(t, "http://127.0.0.1:1", nil) // which the system gives to nobody who asks for any port
	for op, o := range operations() {
		if d := cmp.Diff([]string{"unavailable"}, said(o.do(t.Context(), e))); d != "" {
			t.Errorf("%s (-want +got):\n%s", op, d)
		}
	}
}

func TestAPermissionErrorNamesAccountAndPermission(t *testing.T) {
	t.Parallel()
	e := against(t, fake(t, refusal(403, 10000, "Authentication error")), nil)
	want := map[string]deploy.Permission{
		"CreateResource of a database": deploy.PermD1, "CreateResource of a namespace": deploy.PermKV, "CreateResource of a bucket": deploy.PermR2, "CreateResource of a queue": deploy.PermQueues, "Query that changes": deploy.PermD1,
		"Upload of a version": deploy.PermWorkers, "Split": deploy.PermWorkersRead, "SetTrigger that attaches a route": deploy.PermRoutes,
		"SetTrigger that attaches a domain": deploy.PermWorkers,
	}
	for op, permission := range want {
		err := operations()[op].do(t.Context(), e)
		var pe *deploy.PermissionError
		if !errors.As(err, &pe) || pe.Permission != permission || pe.Account != "acme" || !strings.Contains(pe.Error(), "Authentication error") {
			t.Errorf("%s: got %v, want one that names acme, %q and the answer", op, err, permission)
		}
	}
}

func TestARefusedUploadIsToldInCloudflaresWords(t *testing.T) {
	t.Parallel()
	e := against(t, fake(t, refusal(400, 10021, "Uncaught ReferenceError: confg is not defined at index.js:1:7")), nil)
	_, err := e.Upload(t.Context(), upload(deploy.UploadVersion))
	de, ok := errors.AsType[*diag.Error](err)
	if !ok || de.Code != "D220" || de.Why != "Uncaught ReferenceError: confg is not defined at index.js:1:7" || de.Exit != diag.ExitConfig {
		t.Errorf("got %#v", err)
	}
}

func TestAFailedQueryIsToldInSQLitesWords(t *testing.T) {
	t.Parallel()
	const text = `near "FOO": syntax error at offset 3: SQLITE_ERROR`
	e := against(t, fake(t, refusal(400, 7500, text)), nil)
	if _, err := e.Database("", "db1").Query(t.Context(), "FOO"); err == nil || err.Error() != text {
		t.Errorf("got %v, want %s", err, text)
	}
}
