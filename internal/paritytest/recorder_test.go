package paritytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"sync"
)

// upload is everything that a tool sent for one version of a Worker.
type upload struct {
	Call     string          // method and query
	Metadata map[string]any  // decoded
	Parts    map[string]part // modules by name
	Order    []string        // of the parts
	Manifest map[string]any  // of the assets, by path; what the session before was begun with
	Files    map[string]part // assets by hash, of all sessions before
}

// part is one part of a multipart body.
type part struct {
	FileName, ContentType, Text string
}

// recorder stands between a tool and the API of a local cloud and keeps the uploads.
// What the local cloud does not run is taken out of the upload on its way, and what a
// tool asks about it beforehand is answered here.
type recorder struct {
	target  *httputil.ReverseProxy
	mu      sync.Mutex
	uploads []upload
	session upload   // assets of the upload to come
	refused []string // calls that the cloud did not answer well
}

func newRecorder(base string) (*recorder, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	r := &recorder{session: upload{Manifest: map[string]any{}, Files: map[string]part{}}}
	r.target = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: u.Scheme, Host: u.Host}) }}
	r.target.ModifyResponse = func(resp *http.Response) error {
		if resp.StatusCode >= 400 && resp.StatusCode != http.StatusNotFound {
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			resp.Body = io.NopCloser(bytes.NewReader(body))
			r.mu.Lock()
			r.refused = append(r.refused, fmt.Sprintf("%s %s: %d %s", resp.Request.Method, resp.Request.URL, resp.StatusCode, body))
			r.mu.Unlock()
		}
		return nil
	}
	return r, nil
}

// runs are the kinds of bindings that the local cloud runs.
func runs(kind any) bool {
	return slices.Contains([]any{
		"plain_text", "json", "secret_text", "d1", "kv_namespace", "service", "assets", "durable_object_namespace", "version_metadata", "inherit",
		"text_blob", "data_blob", "wasm_module",
	}, kind)
}

var (
	uploads  = regexp.MustCompile(`^(PUT|POST) .*/workers/scripts/[^/]+(/versions)?$`)
	sessions = regexp.MustCompile(`^POST .*/assets-upload-session$`)
	assets   = regexp.MustCompile(`^POST .*/workers/assets/upload$`)
)

// others answers what a tool asks about things that the local cloud does not have.
func others(call string) any {
	for pattern, answer := range map[string]any{
		`^GET .*/r2/buckets/[^/]+$`: map[string]any{"name": "files", "creation_date": "2026-01-01T00:00:00Z", "location": "WEUR"},
		`^GET .*/queues$`: []any{map[string]any{
			"queue_id": "0123456789abcdef0123456789abcdef", "queue_name": "jobs", "producers": []any{}, "consumers": []any{},
			"producers_total_count": 0, "consumers_total_count": 0, "settings": map[string]any{},
		}},
		`^(GET|PUT) .*/workflows/[^/]+$`:         map[string]any{"id": "f1", "name": "flow", "class_name": "Flow", "script_name": "storage"},
		`^GET .*/workers/dispatch/namespaces$`:   []any{map[string]any{"namespace_name": "ns"}},
		`^GET .*/ai-search/namespaces/[^/]+$`:    map[string]any{"name": "n"},
		`^GET .*/agent-memory/namespaces/[^/]+$`: map[string]any{"name": "m"},
	} {
		if regexp.MustCompile(pattern).MatchString(call) {
			return answer
		}
	}
	return nil
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	call := req.Method + " " + req.URL.Path
	if answer := others(call); answer != nil {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"success": true, "errors": []any{}, "messages": []any{}, "result": answer})
		return
	}
	var err error
	switch {
	case uploads.MatchString(call):
		err = r.upload(req)
	case sessions.MatchString(call):
		err = r.begin(req)
	case assets.MatchString(call):
		err = r.assets(req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	r.target.ServeHTTP(w, req)
}

// body reads the body of req and puts it back.
func body(req *http.Request) ([]byte, error) {
	b, err := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(b))
	return b, err
}

// parts reads the parts of a multipart body in their order.
func parts(req *http.Request) (names []string, byName map[string]part, err error) {
	b, err := body(req)
	if err != nil {
		return nil, nil, err
	}
	_, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, err
	}
	byName = map[string]part{}
	for m := multipart.NewReader(bytes.NewReader(b), params["boundary"]); ; {
		p, err := m.NextRawPart()
		if errors.Is(err, io.EOF) {
			return names, byName, nil
		}
		if err != nil {
			return nil, nil, err
		}
		text, err := io.ReadAll(p)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, p.FormName())
		// FileName would take folders away.
		_, d, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if err != nil {
			return nil, nil, err
		}
		byName[p.FormName()] = part{d["filename"], p.Header.Get("Content-Type"), string(text)}
	}
}

func (r *recorder) upload(req *http.Request) error {
	names, byName, err := parts(req)
	if err != nil {
		return err
	}
	u := upload{Call: req.Method + " ?" + req.URL.Query().Encode(), Parts: byName}
	if err := json.Unmarshal([]byte(byName["metadata"].Text), &u.Metadata); err != nil {
		return fmt.Errorf("read metadata: %w", err)
	}
	forwarded, err := withoutOthers(names, byName)
	if err != nil {
		return err
	}
	delete(byName, "metadata")
	u.Order = slices.DeleteFunc(names, func(name string) bool { return name == "metadata" })
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(forwarded.body)), int64(len(forwarded.body))
	req.Header.Set("Content-Type", forwarded.contentType)
	r.mu.Lock()
	defer r.mu.Unlock()
	u.Manifest, u.Files = r.session.Manifest, r.session.Files
	r.uploads = append(r.uploads, u)
	return nil
}

// multipartBody is a body and its content type.
type multipartBody struct {
	contentType string
	body        []byte
}

// withoutOthers is the upload without the bindings that the local cloud does not run.
func withoutOthers(names []string, byName map[string]part) (multipartBody, error) {
	var metadata map[string]any
	if err := json.Unmarshal([]byte(byName["metadata"].Text), &metadata); err != nil {
		return multipartBody{}, err
	}
	if list, ok := metadata["bindings"].([]any); ok {
		metadata["bindings"] = slices.DeleteFunc(list, func(v any) bool {
			b, _ := v.(map[string]any)
			return !runs(b["type"])
		})
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return multipartBody{}, err
	}
	var out bytes.Buffer
	m := multipart.NewWriter(&out)
	for _, name := range names {
		p := byName[name]
		header := map[string][]string{"Content-Type": {p.ContentType}, "Content-Disposition": {multipart.FileContentDisposition(name, p.FileName)}}
		if name == "metadata" {
			p.Text = string(text)
			header = map[string][]string{"Content-Disposition": {`form-data; name="metadata"`}}
		}
		w, err := m.CreatePart(header)
		if err != nil {
			return multipartBody{}, err
		}
		if _, err := io.WriteString(w, p.Text); err != nil {
			return multipartBody{}, err
		}
	}
	if err := m.Close(); err != nil {
		return multipartBody{}, err
	}
	return multipartBody{m.FormDataContentType(), out.Bytes()}, nil
}

func (r *recorder) begin(req *http.Request) error {
	b, err := body(req)
	if err != nil {
		return err
	}
	var session struct {
		Manifest map[string]any `json:"manifest"`
	}
	if err := json.Unmarshal(b, &session); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.session.Manifest = session.Manifest
	return nil
}

func (r *recorder) assets(req *http.Request) error {
	_, byName, err := parts(req)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for hash, p := range byName {
		r.session.Files[hash] = p
	}
	return nil
}
