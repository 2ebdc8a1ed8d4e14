package operator_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/operator"
)

func TestAClientOfAServiceThatRuns(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/openapi.json" || !strings.HasPrefix(r.Host, "notes.localhost:") {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"openapi": "3.1.0", "info": {"title": "Notes", "version": "1"}, "paths": {"/notes": {"get": {"operationId": "listNotes"}}}}`)
	}))
	t.Cleanup(service.Close)
	address := strings.Replace(service.URL, "127.0.0.1", "notes.localhost", 1)
	op := open(t, t.TempDir())
	client, err := op.Client(t.Context(), operator.ClientRequest{Of: address + "/openapi.json"})
	if err != nil {
		t.Fatal(err)
	}
	if text := string(client.Text); !strings.Contains(text, "package notes\n") || !strings.Contains(text, ") ListNotes(ctx context.Context) error {") {
		t.Error(text)
	}
	if _, err := op.Client(t.Context(), operator.ClientRequest{Of: address + "/nothing"}); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("without a document: %v", err)
	}
}
