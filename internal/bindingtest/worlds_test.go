package bindingtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/localcloud"
)

const compatibilityDate = "2026-04-01"

// world is where the Worker runs.
type world struct{ url, host string }

// run has a world run all cases of a product and returns what they saw, by name.
func (w world) run(ctx context.Context, product string) (map[string]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(w.url, "/")+"/"+product, nil)
	if err != nil {
		return nil, err
	}
	req.Host = w.host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d %.500s", product, res.StatusCode, body)
	}
	var seen map[string]json.RawMessage
	return seen, json.Unmarshal(body, &seen)
}

// modules are the files of the Worker, the main one first.
func modules(t *testing.T) []string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", "suite"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.js"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	main := filepath.Join(dir, "index.js")
	list := []string{main}
	for _, f := range files {
		if f != main {
			list = append(list, f)
		}
	}
	return list
}

// miniflare runs the Worker in the Miniflare of the current wrangler.
func miniflare(t *testing.T) world {
	t.Helper()
	var list []map[string]string
	for _, file := range modules(t) {
		list = append(list, map[string]string{"type": "ESModule", "path": file})
	}
	state := t.TempDir()
	cmd := npmtest.Miniflare(t, map[string]any{
		"name": "suite", "modules": list, "modulesRoot": filepath.Dir(modules(t)[0]), "compatibilityDate": compatibilityDate,
		"resourcePersistencePath": state,
		"d1Databases":             map[string]string{"DB": "suite"},
		"kvNamespaces":            map[string]string{"KV": "suite"},
		"r2Buckets":               map[string]string{"BUCKET": "suite"},
		"queueProducers":          map[string]string{"QUEUE": "suite"},
		"queueConsumers":          map[string]any{"suite": map[string]int{"maxBatchSize": 1, "maxBatchTimeout": 0, "maxRetries": 5}},
	})
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it then ends
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("start Miniflare: %v\n%s", err, said.String())
	}
	return world{url: strings.TrimSpace(line)}
}

// ours runs the Worker in a local cloud.
func ours(t *testing.T) world {
	t.Helper()
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{Dir: filepath.Join(t.TempDir(), "cloud"), APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	c := client{t, cloud.Info()}
	var database struct{ UUID string }
	c.do("POST", "/d1/database", map[string]string{"name": "suite"}, &database)
	var namespace struct{ ID string }
	c.do("POST", "/storage/kv/namespaces", map[string]string{"title": "suite"}, &namespace)
	c.do("POST", "/r2/buckets", map[string]string{"name": "suite"}, nil)
	var queue struct {
		ID string `json:"queue_id"`
	}
	c.do("POST", "/queues", map[string]string{"queue_name": "suite"}, &queue)
	c.upload("suite", modules(t), map[string]any{
		"main_module": "index.js", "compatibility_date": compatibilityDate,
		"bindings": []map[string]string{
			{"name": "DB", "type": "d1", "id": database.UUID},
			{"name": "KV", "type": "kv_namespace", "namespace_id": namespace.ID},
			{"name": "BUCKET", "type": "r2_bucket", "bucket_name": "suite"},
			{"name": "QUEUE", "type": "queue", "queue_name": "suite"},
		},
	})
	c.do("POST", "/queues/"+queue.ID+"/consumers", map[string]any{
		"type": "worker", "script_name": "suite", "settings": map[string]int{"batch_size": 1, "max_wait_time_ms": 0, "max_retries": 5},
	}, nil)
	c.do("POST", "/workers/scripts/suite/subdomain", map[string]bool{"enabled": true}, nil)
	return world{url: c.info.Data, host: "suite." + c.info.WorkersDev}
}

// client speaks the REST API of a local cloud.
type client struct {
	t    *testing.T
	info localcloud.Info
}

func (c client) do(method, path string, in, out any) {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(method, path, "application/json", body, out)
}

func (c client) upload(name string, files []string, metadata any) {
	c.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	text, err := json.Marshal(metadata)
	if err == nil {
		err = w.WriteField("metadata", string(text))
	}
	for _, file := range files {
		h := textproto.MIMEHeader{}
		base := filepath.Base(file)
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, base, base))
		h.Set("Content-Type", "application/javascript+module")
		part, err2 := w.CreatePart(h)
		if err = errors.Join(err, err2); err != nil {
			c.t.Fatal(err)
		}
		_, err = part.Write(read(c.t, file))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		c.t.Fatal(err)
	}
	c.send("PUT", "/workers/scripts/"+name, w.FormDataContentType(), b.Bytes(), nil)
}

func (c client) send(method, path, contentType string, body []byte, out any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.info.API+"/accounts/"+c.info.AccountID+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.info.APIToken)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, answer, err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, &struct{ Result any }{out}); err != nil {
			c.t.Fatal(err)
		}
	}
}
