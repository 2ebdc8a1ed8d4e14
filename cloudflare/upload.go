package cloudflare

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Content types of modules; they tell Cloudflare what kind of module a part is.
const (
	TypeESModule   = "application/javascript+module"
	TypeCommonJS   = "application/javascript"
	TypeWasm       = "application/wasm"
	TypeText       = "text/plain"
	TypeData       = "application/octet-stream"
	TypeSourceMap  = "application/source-map"
	TypePython     = "text/x-python"
	TypePythonReqs = "text/x-python-requirement"
)

// Module is one file of a Worker. Name is what other modules import it by.
type Module struct {
	Name        string
	ContentType string
	Content     []byte
}

// Upload is a Worker's code and everything that makes a version of it.
type Upload struct {
	Metadata Metadata
	Modules  []Module
}

// Metadata describes an upload. Exactly one of MainModule (ES modules) and BodyPart
// (service-worker syntax) names the module that starts.
type Metadata struct {
	MainModule         string
	BodyPart           string
	Bindings           []Binding
	CompatibilityDate  string // absent means 2021-11-02 to Cloudflare
	CompatibilityFlags []string
	// KeepBindings are binding types that are taken over from the previous version,
	// such as secret_text.
	KeepBindings []string
	Migrations   *Migrations // durable objects
	Assets       *MetadataAssets
	KeepAssets   bool // serve the previous version's assets
	Annotations  Annotations
	Tags         []string // of the script, at most 8
	// Extra are further fields exactly as the API has them: observability, placement,
	// limits, logpush, tail_consumers, ….
	Extra map[string]any
}

// Annotations say why a version or deployment exists. Cloudflare cuts Message at 1,000
// bytes and refuses a Tag over 100.
type Annotations struct {
	Message     string `json:"workers/message,omitempty"`
	Tag         string `json:"workers/tag,omitempty"`
	TriggeredBy string `json:"workers/triggered_by,omitempty"` // only in answers
}

// Migrations move durable object classes from OldTag, which must be the tag that
// Cloudflare has, to NewTag.
type Migrations struct {
	OldTag string          `json:"old_tag,omitempty"`
	NewTag string          `json:"new_tag"`
	Steps  []MigrationStep `json:"steps"`
}

// MigrationStep is one change of durable object classes.
type MigrationStep struct {
	NewClasses         []string           `json:"new_classes,omitempty"`
	NewSQLiteClasses   []string           `json:"new_sqlite_classes,omitempty"`
	RenamedClasses     []RenamedClass     `json:"renamed_classes,omitempty"`
	DeletedClasses     []string           `json:"deleted_classes,omitempty"`
	TransferredClasses []TransferredClass `json:"transferred_classes,omitempty"`
}

// RenamedClass gives a durable object class a new name.
type RenamedClass struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// TransferredClass takes a durable object class over from another Worker.
type TransferredClass struct {
	From       string `json:"from"`
	FromScript string `json:"from_script"`
	To         string `json:"to"`
}

// MetadataAssets joins uploaded static files to a version.
type MetadataAssets struct {
	JWT    Secret         // the completion ticket; zero keeps what is there, with KeepAssets
	Config map[string]any // html_handling, not_found_handling, run_worker_first, …
}

// Script is a Worker as lists and uploads answer it.
type Script struct {
	ID                 string         `json:"id"` // its name
	Tag                string         `json:"tag"`
	Tags               []string       `json:"tags"`
	ETag               string         `json:"etag"`
	Handlers           []string       `json:"handlers"`
	CreatedOn          time.Time      `json:"created_on"`
	ModifiedOn         time.Time      `json:"modified_on"`
	CompatibilityDate  string         `json:"compatibility_date"`
	CompatibilityFlags []string       `json:"compatibility_flags"`
	HasAssets          bool           `json:"has_assets"`
	HasModules         bool           `json:"has_modules"`
	LastDeployedFrom   string         `json:"last_deployed_from"`
	MigrationTag       string         `json:"migration_tag"`
	UsageModel         string         `json:"usage_model"`
	Logpush            bool           `json:"logpush"`
	Observability      map[string]any `json:"observability"`
}

// Uploaded is the answer to PutScript.
type Uploaded struct {
	Script
	StartupTimeMS int `json:"startup_time_ms"`
	// DeploymentID is the new version's id without its hyphens. It is not documented
	// and may be missing: see VersionID.
	DeploymentID string `json:"deployment_id"`
}

// VersionID is the id of the version that the upload made, "" when Cloudflare did not
// say.
func (u Uploaded) VersionID() string {
	id := strings.ReplaceAll(u.DeploymentID, "-", "")
	if len(id) != 32 {
		return ""
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

const scriptPath = "/accounts/{account_id}/workers/scripts/{script_name}"

// PutScript uploads a Worker and makes it live at once: a new version and a deployment
// of it at 100 %. An inherited binding that does not exist is refused. Since each
// sending makes a version, it is never repeated when the outcome is unknown.
func (c *Client) PutScript(ctx context.Context, account, script string, u Upload) (Uploaded, error) {
	r, err := u.request(request{
		method: http.MethodPut, path: scriptPath, args: []string{account, script}, effect: creates,
		// excludeScript keeps the code out of the answer.
		query: url.Values{"bindings_inherit": {"strict"}, "excludeScript": {"true"}},
	})
	if err != nil {
		return Uploaded{}, err
	}
	return call[Uploaded](ctx, c, r)
}

// wire is the JSON that is sent.
func (m Metadata) wire() ([]byte, error) {
	out := maps.Clone(m.Extra)
	if out == nil {
		out = map[string]any{}
	}
	if m.Bindings != nil { // assets alone take none
		out["bindings"] = wireBindings(m.Bindings)
	}
	putUnlessZero(out, "main_module", m.MainModule)
	putUnlessZero(out, "body_part", m.BodyPart)
	putUnlessZero(out, "compatibility_date", m.CompatibilityDate)
	putUnlessZero(out, "keep_assets", m.KeepAssets)
	putUnlessZero(out, "annotations", m.Annotations)
	putUnlessZero(out, "migrations", m.Migrations)
	putUnlessEmpty(out, "compatibility_flags", m.CompatibilityFlags)
	putUnlessEmpty(out, "keep_bindings", m.KeepBindings)
	putUnlessEmpty(out, "tags", m.Tags)
	if m.Assets != nil {
		a := map[string]any{}
		putUnlessZero(a, "jwt", m.Assets.JWT.Reveal())
		if m.Assets.Config != nil {
			a["config"] = m.Assets.Config
		}
		out["assets"] = a
	}
	return json.Marshal(out)
}

func putUnlessZero[T comparable](m map[string]any, key string, v T) {
	var zero T
	if v != zero {
		m[key] = v
	}
}

func putUnlessEmpty(m map[string]any, key string, v []string) {
	if len(v) > 0 {
		m[key] = v
	}
}

// request gives r the upload as its body: one part "metadata", and each module as a
// part that is named after itself.
func (u Upload) request(r request) (request, error) {
	meta, err := u.Metadata.wire()
	if err != nil {
		return r, fmt.Errorf("write the upload's metadata: %w", err)
	}
	parts := []Module{{Name: "metadata", ContentType: "application/json", Content: meta}}
	main := cmp.Or(u.Metadata.MainModule, u.Metadata.BodyPart)
	seen := map[string]bool{}
	for _, m := range u.Modules {
		if m.Name == "metadata" || m.Name == "" || seen[m.Name] {
			return r, fmt.Errorf("write the upload: a module cannot be called %q, or is there twice", m.Name)
		}
		seen[m.Name] = true
		parts = append(parts, m)
	}
	if main != "" && !seen[main] {
		return r, fmt.Errorf("write the upload: its main module %q is not among the modules", main)
	}
	r.contentType, r.body, err = multipartBody(parts)
	return r, err
}

// multipartBody writes parts whose name and file name are the same; "metadata" and
// "settings", the JSON parts, have no file name.
func multipartBody(parts []Module) (contentType string, body []byte, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "%0D", "\n", "%0A")
	for _, p := range parts {
		disposition := `form-data; name="` + quote.Replace(p.Name) + `"`
		if p.ContentType != "application/json" {
			disposition += `; filename="` + quote.Replace(p.Name) + `"`
		}
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {disposition},
			"Content-Type":        {p.ContentType},
		})
		if err == nil {
			_, err = part.Write(p.Content)
		}
		if err != nil {
			return "", nil, fmt.Errorf("write part %q: %w", p.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, fmt.Errorf("end the multipart body: %w", err)
	}
	return w.FormDataContentType(), b.Bytes(), nil
}
