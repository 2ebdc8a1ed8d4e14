package deploy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPartsOfAServiceWorkerBecomeBindings(t *testing.T) {
	t.Parallel()
	a := Artifact{MainModule: "index.js", ServiceWorker: true, Modules: []Module{
		NewModule("index.js", "application/javascript", []byte("0")),
		NewModule("__a_page_html", "text/plain", []byte("<p>")),
		NewModule("index.js.map", SourceMapType, []byte("{}")),
	}}
	want := []map[string]any{{"name": "__a_page_html", "type": "text_blob", "part": "__a_page_html"}}
	if diff := cmp.Diff(want, partBindings(a)); diff != "" {
		t.Errorf("bindings (-want +got):\n%s", diff)
	}
	a.ServiceWorker = false
	if got := partBindings(a); got != nil {
		t.Errorf("got %v for a module Worker, which imports its modules; want none", got)
	}
}
