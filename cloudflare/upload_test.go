package cloudflare_test

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
)

// sent is what a part of a multipart body looked like.
type sent struct{ Disposition, Type, Content string }

func TestAnUploadIsOneMetadataPartAndModulesNamedAfterThemselves(t *testing.T) {
	t.Parallel()
	var parts []sent
	c := client(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		_, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
		if err != nil {
			return nil, err
		}
		for r := multipart.NewReader(req.Body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return respond(req, map[string]any{"success": true, "result": map[string]any{"deployment_id": "short"}})
			}
			if err != nil {
				return nil, err
			}
			b, err := io.ReadAll(p)
			if err != nil {
				return nil, err
			}
			parts = append(parts, sent{p.Header.Get("Content-Disposition"), p.Header.Get("Content-Type"), string(b)})
		}
	}), cloudflare.Options{})
	u := upload()
	u.Modules = append(u.Modules, cloudflare.Module{Name: "we\"ird\r\n.txt", ContentType: cloudflare.TypeText})
	done, err := c.PutScript(t.Context(), acc, "shop", u)
	if err != nil {
		t.Fatal(err)
	}
	if done.VersionID() != "" {
		t.Errorf("version %q out of an id that is none", done.VersionID())
	}
	want := []sent{
		{`form-data; name="metadata"`, "application/json", ""},
		{`form-data; name="index.js"; filename="index.js"`, "application/javascript+module", "export default {}"},
		{`form-data; name="lib/add.wasm"; filename="lib/add.wasm"`, "application/wasm", "\x00asm"},
		{`form-data; name="we\"ird%0D%0A.txt"; filename="we\"ird%0D%0A.txt"`, "text/plain", ""},
	}
	metadata := parts[0].Content
	parts[0].Content = ""
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	wantMetadata := `{"main_module":"index.js","compatibility_date":"2026-01-01","compatibility_flags":["nodejs_compat"],
		"keep_bindings":["secret_text","secret_key"],"annotations":{"workers/message":"first","workers/tag":"plan-1"},
		"assets":{"jwt":"done","config":{"html_handling":"none"}},"observability":{"enabled":true},
		"bindings":[{"type":"plain_text","name":"GREETING","text":"hi"},{"type":"secret_text","name":"KEY","text":"s3cret"},
		{"type":"d1","name":"DB","database_id":"` + uuid + `"},{"type":"service","name":"CART","service":"cart"},
		{"type":"durable_object_namespace","name":"ROOM","class_name":"Room"}]}`
	if diff := cmp.Diff(decoded(t, wantMetadata), decoded(t, metadata)); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestAnUploadThatCannotWorkIsNotSent(t *testing.T) {
	t.Parallel()
	module := func(names ...string) cloudflare.Upload {
		u := cloudflare.Upload{Metadata: cloudflare.Metadata{MainModule: "a.js"}}
		for _, n := range names {
			u.Modules = append(u.Modules, cloudflare.Module{Name: n, ContentType: cloudflare.TypeESModule})
		}
		return u
	}
	unwritable := module("a.js")
	unwritable.Metadata.Extra = map[string]any{"limits": func() {}}
	tests := []struct {
		name   string
		upload cloudflare.Upload
		want   string
	}{
		{"its main module is missing", module("b.js"), `its main module "a.js" is not among the modules`},
		{"a module is there twice", module("a.js", "a.js"), `"a.js", or is there twice`},
		{"a module is called like the metadata", module("a.js", "metadata"), `cannot be called "metadata"`},
		{"a module has no name", module("a.js", ""), `cannot be called ""`},
		{"its metadata cannot be written", unwritable, "write the upload's metadata"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, &play{t: t}, cloudflare.Options{}).CreateVersion(t.Context(), acc, "shop", tt.upload)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestABindingIsReadWithoutItsSecretAndWrittenForPeopleWithoutIt(t *testing.T) {
	t.Parallel()
	var b cloudflare.Binding
	if err := json.Unmarshal([]byte(`{"type":"secret_text","name":"KEY","text":"leak"}`), &b); err != nil {
		t.Fatal(err)
	}
	if len(b.Fields) != 0 || !b.Text.IsZero() {
		t.Errorf("the text was kept: %v", b.Fields)
	}
	b.Text = cloudflare.NewSecret("s3cret")
	out, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out), `{"name":"KEY","text":"[hidden]","type":"secret_text"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnImportThatArrivesDamagedIsNotIngested(t *testing.T) {
	t.Parallel()
	c := client(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host == "r2.example" {
			return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"other"`}}, Body: http.NoBody}, nil
		}
		return respond(req, map[string]any{"success": true, "result": map[string]any{"upload_url": "https://r2.example/f?signature=hush", "filename": "f"}})
	}), cloudflare.Options{})
	_, err := c.Import(t.Context(), acc, uuid, []byte("SELECT 1;"))
	if err == nil || !strings.Contains(err.Error(), `has checksum "other"`) {
		t.Errorf("got %v, want the checksums", err)
	}
}

func TestAnAddressThatWasGivenOutIsNotPrinted(t *testing.T) {
	t.Parallel()
	c := client(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host == "r2.example" {
			return nil, refused
		}
		return respond(req, map[string]any{"success": true, "result": map[string]any{
			"upload_url": "https://r2.example/f?signature=hush", "filename": "f",
			"status": "complete", "result": map[string]any{"signed_url": "https://r2.example/f?signature=hush"},
		}})
	}), cloudflare.Options{})
	_, importing := c.Import(t.Context(), acc, uuid, []byte("SELECT 1;"))
	exporting := c.Export(t.Context(), acc, uuid, cloudflare.ExportOptions{}, io.Discard)
	for _, err := range []error{importing, exporting} {
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("got %v, want an error without the signature", err)
		}
	}
}
