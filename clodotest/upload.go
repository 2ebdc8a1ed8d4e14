package clodotest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/tamylaa/clodo/internal/goprogram"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/project"
)

// uploader deploys to a local cloud through its API.
type uploader struct {
	ctx   context.Context //nolint:containedctx // it lives as long as one start
	cloud *localcloud.Cloud
	info  localcloud.Info
	made  map[string]string // ids of what there is, by kind and name: Workers may share it
}

// metadata is that of an upload.
type metadata struct {
	Main     string            `json:"main_module"`
	Date     string            `json:"compatibility_date,omitempty"`
	Flags    []string          `json:"compatibility_flags,omitempty"`
	Bindings []json.RawMessage `json:"bindings"`
}

// service makes what the service's bindings are for, and uploads it with the code that
// does its work.
func (u *uploader) service(s *service, o Options, c code) error {
	for name, index := range o.Indexes {
		if _, err := u.post("vectorize/v2/indexes", map[string]any{"name": name, "config": map[string]any{"dimensions": index.Dimensions, "metric": index.Metric}}); err != nil {
			return err
		}
	}
	bindings, err := u.bindings(s)
	if err != nil {
		return err
	}
	m := metadata{
		Main: c.main, Date: s.worker.CompatibilityDate.V, Flags: s.worker.CompatibilityFlags,
		Bindings: append(bindings, c.bindings...),
	}
	if err := u.worker(s.worker.Name, m, c.modules); err != nil || o.Host == "" {
		return err
	}
	_, err = u.call(http.MethodPut, "workers/domains", map[string]string{"hostname": o.Host, "service": s.worker.Name})
	return err
}

// bindings are those of a service, with its variables; what they are for is made.
func (u *uploader) bindings(s *service) ([]json.RawMessage, error) {
	var all []json.RawMessage
	for _, b := range s.worker.Bindings {
		if b.Kind == "plain_text" || b.Kind == "json" {
			continue // with the other variables
		}
		id, err := u.resource(b)
		if err != nil {
			return nil, fmt.Errorf("the binding %s: %w", b.Name, err)
		}
		raw, err := json.Marshal(b.Metadata(id))
		if err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	for name, value := range s.vars {
		raw, err := json.Marshal(map[string]string{"type": "plain_text", "name": name, "text": value})
		if err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	return all, nil
}

// resource makes what a binding is for, unless it is there, and gives its id where it has
// one.
func (u *uploader) resource(b project.Binding) (string, error) {
	name := cmp.Or(b.ID, b.Resource, b.Name)
	key := b.Kind + " " + name
	if id, there := u.made[key]; there {
		return id, nil
	}
	path, body := "", map[string]string{"name": name}
	switch b.Kind {
	case "d1":
		path = "d1/database"
	case "kv_namespace":
		path, body = "storage/kv/namespaces", map[string]string{"title": name}
	case "r2_bucket":
		path = "r2/buckets"
	case "queue":
		path, body = "queues", map[string]string{"queue_name": name}
	default:
		return b.ID, nil
	}
	id, err := u.post(path, body)
	if b.Kind == "r2_bucket" || b.Kind == "queue" {
		id = ""
	}
	u.made[key] = id
	return id, err
}

// post makes something and returns its id.
func (u *uploader) post(path string, body any) (string, error) {
	answer, err := u.call(http.MethodPost, path, body)
	if err != nil {
		return "", err
	}
	var made struct{ Result struct{ ID, UUID string } }
	if err := json.Unmarshal(answer, &made); err != nil {
		return "", err
	}
	return made.Result.UUID + made.Result.ID, nil // one of the two
}

func (u *uploader) call(method, path string, body any) ([]byte, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return u.send(method, path, "application/json", bytes.NewReader(b))
}

// worker uploads a Worker; it is reached as NAME.localhost.
func (u *uploader) worker(name string, m any, modules []goprogram.Module) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if err := form.WriteField("metadata", string(text)); err != nil {
		return err
	}
	for _, module := range modules {
		part, err := form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, module.Name, module.Name)},
			"Content-Type":        {module.ContentType},
		})
		if err != nil {
			return err
		}
		if _, err := part.Write(module.Bytes); err != nil {
			return err
		}
	}
	if err := form.Close(); err != nil {
		return err
	}
	_, err = u.send(http.MethodPut, "workers/scripts/"+name, form.FormDataContentType(), &b)
	return err
}

func (u *uploader) send(method, path, kind string, body io.Reader) ([]byte, error) {
	r, err := http.NewRequestWithContext(u.ctx, method, u.info.API+"/accounts/"+u.info.AccountID+"/"+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+u.info.APIToken)
	r.Header.Set("Content-Type", kind)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 == 2 {
		return answer, err
	}
	var said struct{ Errors []struct{ Message string } }
	if json.Unmarshal(answer, &said) == nil && len(said.Errors) > 0 {
		return nil, errors.New(said.Errors[0].Message)
	}
	return nil, fmt.Errorf("%s %s: %s: %s", method, path, res.Status, strings.TrimSpace(string(answer)))
}
