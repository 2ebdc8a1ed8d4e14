package logs_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/data/logs"
	"github.com/tamylaa/clodo/internal/datatest"
)

type note struct {
	_    data.Table `data:"notes"`
	ID   int64      `data:"id,key"`
	Text string     `data:"text"`
}

func TestWhatChangesIsWrittenDown(t *testing.T) {
	t.Parallel()
	key, err := clodo.HS256Key("", []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := key.Sign(clodo.Claims{Subject: "ann", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	auth := clodo.Authenticate(clodo.Bearer(clodo.TokenOptions{Keys: []clodo.Key{key}}))
	var lines bytes.Buffer
	app, hooks, model := clodo.NewRouter(), &data.Hooks{}, data.Define(data.Options[note]{})
	modules := data.Register(app, hooks, logs.New(logs.Options{DB: d1.Open("DB"), Auth: auth, Log: slog.New(slog.NewJSONHandler(&lines, nil))}).Module())
	notes := data.NewStore(model, d1.Open("DB"), data.StoreOptions{Hooks: hooks})
	data.Resource(app, "/notes", notes, data.ResourceOptions{Auth: auth, PublicRead: true})
	ctx := datatest.New(t, append(modules.Models, model.Schema())...)
	send := func(method, target, body string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		return w
	}
	signed := []string{"Authorization", "Bearer " + jwt, "X-Request-Id", "r-1"}
	send("POST", "/notes", `{"text":"a"}`, signed...)
	send("PATCH", "/notes/1", `{"text":"b"}`, signed...)
	send("DELETE", "/notes/1", "", signed...)
	send("POST", "/notes", `{"text":1}`, signed...)
	if _, err := notes.Create(ctx, note{Text: "by the service"}); err != nil {
		t.Fatal(err)
	}
	if w := send("GET", "/changes", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("anybody reads who did what: %d", w.Code)
	}
	w := send("GET", "/changes?fields=operation,model,row_id,subject,request_id", "", signed...)
	want := `{"success":true,"data":[` +
		`{"operation":"create","model":"notes","row_id":"1","subject":"ann","request_id":"r-1"},` +
		`{"operation":"update","model":"notes","row_id":"1","subject":"ann","request_id":"r-1"},` +
		`{"operation":"delete","model":"notes","row_id":"1","subject":"ann","request_id":"r-1"},` +
		`{"operation":"create","model":"notes","row_id":"1","subject":null,"request_id":null}],`
	if !strings.HasPrefix(w.Body.String(), want) {
		t.Errorf("%s\nwant %s", w.Body, want)
	}
	if n := strings.Count(lines.String(), `"request_id":"r-1"`); n != 5 {
		t.Errorf("%d lines are of the request:\n%s", n, &lines)
	}
}
