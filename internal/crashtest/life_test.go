package crashtest

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
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud"
)

// asCloud makes this test binary a local cloud on the folder that it names.
const asCloud = "CLODO_CRASHTEST_CLOUD"

// serveCloud is the body of such a process; it ends when it is killed.
func serveCloud(dir string) error {
	cloud, err := localcloud.Start(context.Background(), localcloud.Options{
		Dir: dir, APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0", RateLimit: localcloud.RateLimit{Calls: localcloud.Unlimited},
	})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(cloud.Info()); err != nil {
		return err
	}
	<-cloud.Stopped()
	return cloud.Close(context.Background())
}

// life is a local cloud from the start of its process to its death.
type life struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	said   bytes.Buffer
	info   localcloud.Info
	client *http.Client
}

// born starts a process; ready waits until it answers.
func born(t *testing.T, dir string) *life {
	t.Helper()
	l := &life{cmd: exec.Command(os.Args[0]), client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	l.cmd.Env = append(os.Environ(), asCloud+"="+dir)
	l.cmd.Stderr = &l.said
	out, err := l.cmd.StdoutPipe()
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	l.out = bufio.NewReader(out)
	t.Cleanup(l.die)
	return l
}

func (l *life) ready() error {
	line, err := l.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &l.info)
	}
	if err != nil {
		l.die()
		return fmt.Errorf("the cloud does not open its state: %w\n%s", err, l.said.String())
	}
	return nil
}

// die is kill -9 of the cloud; the kernel then does the same to its workerd.
func (l *life) die() {
	_ = l.cmd.Process.Kill() // it may be dead
	_ = l.cmd.Wait()         // and then says so
	l.client.CloseIdleConnections()
}

// runtimes are the processes of workerd that the cloud has now.
func (l *life) runtimes() []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var children []int
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(l.cmd.Process.Pid) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				children = append(children, pid)
			}
		}
	}
	return children
}

// api is a call of the REST API; {a} in the path is the account. Anything but a
// success is an error.
func (l *life) api(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	url := l.info.API + strings.ReplaceAll(path, "{a}", "/accounts/"+l.info.AccountID)
	return l.send(ctx, method, url, "", contentType, body)
}

// do is api with JSON, whose result is decoded into out.
func (l *life) do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = b
	}
	answer, err := l.api(ctx, method, path, "application/json", body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, &struct{ Result any }{out})
}

// ask is a request to a Worker on workers.dev.
func (l *life) ask(ctx context.Context, method, worker, target string, body []byte) (string, error) {
	answer, err := l.send(ctx, method, l.info.Data+target, worker+"."+l.info.WorkersDev, "text/plain", body)
	return string(answer), err
}

func (l *life) send(ctx context.Context, method, url, host, contentType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Host = host
	req.Header.Set("Content-Type", contentType)
	if host == "" {
		req.Header.Set("Authorization", "Bearer "+l.info.APIToken)
	}
	res, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s answered %d %.300s", method, url, res.StatusCode, answer)
	}
	return answer, err
}

// deploy uploads a Worker of one module.
func (l *life) deploy(ctx context.Context, name, code, metadata string) error {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err := w.WriteField("metadata", `{"main_module":"index.js","compatibility_date":"2026-04-01"`+metadata+`}`)
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="index.js"; filename="index.js"`)
	h.Set("Content-Type", "application/javascript+module")
	part, err2 := w.CreatePart(h)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	_, err = io.WriteString(part, code)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	_, err = l.api(ctx, "PUT", "{a}/workers/scripts/"+name, w.FormDataContentType(), b.Bytes())
	return err
}
