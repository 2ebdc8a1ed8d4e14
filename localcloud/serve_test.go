package localcloud

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
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// remote is a client of a cloud that need not be in this process.
type remote struct {
	t    *testing.T
	info Info
}

func (r remote) send(method, path, contentType string, body io.Reader) (int, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, strings.TrimSuffix(r.info.API, "/client/v4")+strings.ReplaceAll(path, "{a}", r.info.AccountID), body)
	fatal(r.t, err)
	req.Header.Set("Authorization", "Bearer "+r.info.APIToken)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	fatal(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	fatal(r.t, err)
	return res.StatusCode, b
}

// do sends JSON and demands a success.
func (r remote) do(method, path string, body any) json.RawMessage {
	r.t.Helper()
	b, err := json.Marshal(body)
	fatal(r.t, err)
	code, answer := r.send(method, path, "application/json", bytes.NewReader(b))
	return r.result(method+" "+path, code, answer)
}

func (r remote) result(what string, code int, answer []byte) json.RawMessage {
	r.t.Helper()
	var envelope struct{ Result json.RawMessage }
	if code >= 300 {
		r.t.Fatalf("%s: %d %s", what, code, answer)
	}
	fatal(r.t, json.Unmarshal(answer, &envelope)) // the control endpoints have no result
	return envelope.Result
}

// upload puts a Worker of one module and gives it an address.
func (r remote) upload(name, code, metadata string) (int, []byte) {
	r.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	fatal(r.t, w.WriteField("metadata", `{"main_module":"index.js","compatibility_date":"2026-04-01"`+metadata+`}`))
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="index.js"; filename="index.js"`)
	h.Set("Content-Type", "application/javascript+module")
	part, err := w.CreatePart(h)
	fatal(r.t, err)
	_, err = io.WriteString(part, code)
	fatal(r.t, errors.Join(err, w.Close()))
	return r.send("PUT", "/client/v4/accounts/{a}/workers/scripts/"+name, w.FormDataContentType(), &b)
}

func (r remote) deploy(name, code, metadata string) {
	r.t.Helper()
	status, answer := r.upload(name, code, metadata)
	r.result("upload "+name, status, answer)
	r.do("POST", "/client/v4/accounts/{a}/workers/scripts/"+name+"/subdomain", map[string]bool{"enabled": true})
}

// get asks a Worker by its name on workers.dev.
func (r remote) get(name, path string) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.info.Data+path, nil)
	fatal(r.t, err)
	req.Host = name + "." + r.info.WorkersDev
	res, err := http.DefaultClient.Do(req)
	fatal(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	fatal(r.t, err)
	return string(b)
}

const counter = `
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
	async add() { const n = ((await this.ctx.storage.get("n")) ?? 0) + 1; await this.ctx.storage.put("n", n); return n; }
}
export default {
	async fetch(request, env) {
		await env.DB.exec("CREATE TABLE IF NOT EXISTS visits(at TEXT)");
		await env.DB.prepare("INSERT INTO visits VALUES('now')").run();
		const { n } = await env.DB.prepare("SELECT count(*) AS n FROM visits").first();
		const id = env.COUNTER.idFromName("one");
		return new Response("visits " + n + ", counter " + (await env.COUNTER.get(id).add()) + ", fired " + (await env.KV.get("fired")));
	},
	async scheduled(controller, env) { await env.KV.put("fired", controller.cron); },
};`

// child is this test binary as a cloud of its own, which can be killed.
func child(t *testing.T, dir string) (Info, *os.Process) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCloudProcess$")
	cmd.Env = append(os.Environ(), "CLODO_TEST_CLOUD_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	fatal(t, err)
	fatal(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone already
		_ = cmd.Wait()         // and then says so
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the cloud did not start")
	}
	var info Info
	fatal(t, json.Unmarshal(lines.Bytes(), &info))
	return info, cmd.Process
}

// TestCloudProcess is no test of its own: it is the body of child.
func TestCloudProcess(t *testing.T) {
	dir := os.Getenv("CLODO_TEST_CLOUD_DIR")
	if dir == "" {
		return // it is run as another process only
	}
	c, err := Start(t.Context(), local(Options{Dir: dir}))
	fatal(t, err)
	b, err := json.Marshal(c.Info())
	fatal(t, err)
	fmt.Println(string(b))
	<-c.Stopped()
	end(t, c)
}

func TestAKilledCloudComesBackWithEverything(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	dir := t.TempDir()
	info, process := child(t, dir)
	r := remote{t, info}
	var db struct{ UUID string }
	fatal(t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/d1/database", map[string]string{"name": "db"}), &db))
	var kv struct{ ID string }
	fatal(t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/storage/kv/namespaces", map[string]string{"title": "kv"}), &kv))
	r.deploy("web", counter, `,"migrations":{"new_tag":"v1","new_sqlite_classes":["Counter"]},"bindings":[
		{"name":"DB","type":"d1","id":"`+db.UUID+`"},{"name":"KV","type":"kv_namespace","namespace_id":"`+kv.ID+`"},
		{"name":"COUNTER","type":"durable_object_namespace","class_name":"Counter"}]`)
	r.do("PUT", "/client/v4/accounts/{a}/workers/scripts/web/schedules", []map[string]string{{"cron": "0 * * * *"}})
	if got := r.get("web", "/"); got != "visits 1, counter 1, fired null" {
		t.Fatalf("before: %q", got)
	}
	if code, answer := r.send("POST", "/local/accounts/{a}/workers/scripts/web/cron", "", nil); code != 200 {
		t.Fatalf("firing the cron: %d %s", code, answer)
	}
	fatal(t, process.Kill())
	_, err := process.Wait()
	fatal(t, err)
	if _, running, err := Running(t.Context(), dir); running || err != nil {
		t.Errorf("the killed cloud runs: %v, %v", running, err)
	}
	info, _ = child(t, dir)
	r = remote{t, info}
	if got := r.get("web", "/"); got != "visits 2, counter 2, fired 0 * * * *" {
		t.Errorf("after: %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if was, err := Stop(ctx, dir); !was || err != nil {
		t.Errorf("Stop: %v, %v", was, err)
	}
}

func TestAWorkerThatDoesNotStartTakesNobodyDown(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	r := remote{t, start(t, Options{Dir: t.TempDir()}).Info()}
	r.deploy("api", `export default { fetch() { return new Response("api") } }`, "")
	r.deploy("web", `export default { async fetch(q, env) { return new Response("web of " + await (await env.API.fetch(q)).text()) } }`, `,"bindings":[{"name":"API","type":"service","service":"api"}]`)
	for name, test := range map[string]struct{ code, metadata, want string }{
		"a throw":                      {`throw new Error("boom")`, "", `"code":10021,"message":"Uncaught Error: boom`},
		"a syntax error":               {`export default {`, "", `"code":10021,"message":"Uncaught SyntaxError`},
		"no handler":                   {`const unused = 1;`, "", `"code":10068`},
		"a class that is not exported": {`export default { fetch() {} }`, `,"migrations":{"new_tag":"v1","new_sqlite_classes":["Nobody"]}`, `"code":1006`},
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer := r.upload("api", test.code, test.metadata); status != 400 || !strings.Contains(string(answer), test.want) {
				t.Errorf("got %d %s, want 400 with %s", status, answer, test.want)
			}
			if got := r.get("web", "/"); got != "web of api" {
				t.Errorf("the others answer %q", got)
			}
		})
	}
}
