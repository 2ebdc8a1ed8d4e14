package localcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/localcloud/internal/api"
)

// start starts a cloud that ends with its test.
func start(t *testing.T, o Options) *Cloud {
	t.Helper()
	c, err := Start(t.Context(), local(o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, c) })
	return c
}

func local(o Options) Options {
	if o.APIAddr == "" {
		o.APIAddr = "127.0.0.1:0"
	}
	if o.DataAddr == "" {
		o.DataAddr = "127.0.0.1:0"
	}
	return o
}

func end(t *testing.T, c *Cloud) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestInfoIsAContract(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir(), Seed: Seed{Zones: []string{"shop.example"}}})
	b, err := json.Marshal(c.Info())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for key, prefix := range map[string]string{"api": "http://127.0.0.1:", "data": "http://127.0.0.1:", "account_id": "", "api_token": api.TokenPrefix, "workers_dev": "local.workers.dev"} {
		if s, _ := got[key].(string); s == "" || !strings.HasPrefix(s, prefix) {
			t.Errorf("%s is %q, want something that begins with %q", key, s, prefix)
		}
	}
	if len(got) != 6 || !strings.HasSuffix(got["api"].(string), "/client/v4") || got["zones"].([]any)[0] != "shop.example" {
		t.Errorf("info is %s", b)
	}
}

func TestTheFolderRemembers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seed := Seed{
		Accounts: []Account{{ID: strings.Repeat("1", 32), Name: "My Shop"}, {ID: strings.Repeat("2", 32), Name: "my shop"}},
		Zones:    []string{"Shop.Example."},
		Tokens:   []Token{{Value: "clodo_local_reader", Groups: []string{"D1 Read"}}},
	}
	first, err := Start(t.Context(), local(Options{Dir: dir, Seed: seed}))
	if err != nil {
		t.Fatal(err)
	}
	before := first.Info()
	end(t, first)
	c := start(t, Options{Dir: dir, Seed: seed})
	after := c.Info()
	if before.AccountID != after.AccountID || before.APIToken != after.APIToken || after.WorkersDev != "my-shop.workers.dev" || len(after.Zones) != 1 || after.Zones[0] != "shop.example" {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if err := c.Extend(t.Context(), Seed{Zones: []string{"second.example"}}); err != nil || len(c.Info().Zones) != 2 {
		t.Errorf("zones %v: %v", c.Info().Zones, err)
	}
	if err := c.Extend(t.Context(), Seed{Accounts: []Account{{ID: "nonsense"}}}); err == nil {
		t.Error("an account with a senseless id was added")
	}
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.Info(); len(got.Zones) != 1 || got.APIToken != after.APIToken {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestAResetForgetsWhatWasMade(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir(), Seed: Seed{Zones: []string{"shop.example"}}})
	r := remote{t, c.Info()}
	for path, body := range map[string]any{
		"/client/v4/accounts/{a}/d1/database":           map[string]string{"name": "db"},
		"/client/v4/accounts/{a}/storage/kv/namespaces": map[string]string{"title": "kv"},
		"/client/v4/zones":                              map[string]any{"name": "more.example", "account": map[string]string{"id": r.info.AccountID}},
	} {
		r.do("POST", path, body)
	}
	r.do("POST", "/local/reset", nil)
	for path, want := range map[string]int{"accounts/{a}/d1/database": 0, "accounts/{a}/storage/kv/namespaces": 0, "zones": 1, "accounts": 1} {
		var found []any
		fatal(t, json.Unmarshal(r.do("GET", "/client/v4/"+path, nil), &found))
		if len(found) != want {
			t.Errorf("after the reset %s has %d, want %d", path, len(found), want)
		}
	}
}

func TestAResetForgetsWhatDidNotRun(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir()})
	info := c.Info()
	problem := func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, info.Data, nil)
		fatal(t, err)
		req.Host = "Web.localhost"
		res, err := http.DefaultClient.Do(req)
		fatal(t, err)
		fatal(t, res.Body.Close())
		return res.Header.Get(ProblemHeader)
	}
	fatal(t, SetProblem(t.Context(), info, info.AccountID, "web", &Problem{Title: "web does not compile"}))
	if problem() == "" {
		t.Error("the problem of web is not told")
	}
	fatal(t, c.Reset(t.Context()))
	if got := problem(); got != "" {
		t.Errorf("after a reset web has the problem %s", got)
	}
}

// code is the diag code of an error, "" without one.
func code(err error) string {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestOnlyOneCloudUsesAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, Options{Dir: dir})
	_, err := Start(t.Context(), local(Options{Dir: dir}))
	if code(err) != "L103" || diag.ExitOf(err) != diag.ExitBusy || !strings.Contains(err.Error(), "process ") || !strings.Contains(err.Error(), "since ") {
		t.Errorf("the second cloud was told %v", err)
	}
}

func TestWhoeverLooksIsNotInTheWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	var looking sync.WaitGroup
	for range 2 {
		looking.Go(func() {
			for ctx.Err() == nil {
				if _, err := inUse(dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		c, err := Start(t.Context(), local(Options{Dir: dir}))
		if err != nil {
			t.Error(err)
			break
		}
		end(t, c)
	}
	stop()
	looking.Wait()
}

func TestBadPlacesAreExplained(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		options Options
		code    string
	}{
		"a port in use":                     {Options{Dir: t.TempDir(), APIAddr: taken.Addr().String()}, "L101"},
		"a data port in use":                {Options{Dir: t.TempDir(), DataAddr: taken.Addr().String()}, "L101"},
		"an address that others reach":      {Options{Dir: t.TempDir(), APIAddr: "0.0.0.0:0"}, "L102"},
		"an address of every interface":     {Options{Dir: t.TempDir(), DataAddr: ":0"}, "L102"},
		"a state folder that is a file":     {Options{Dir: file}, "L106"},
		"a state folder inside of a file":   {Options{Dir: filepath.Join(file, "x")}, "L106"},
		"a database that is something else": {Options{Dir: broken(t)}, "L106"},
		"a folder with other files":         {Options{Dir: thesis(t)}, "L105"},
	}
	if dir := forbidden(t); dir != "" {
		tests["a state folder that nobody may use"] = struct {
			options Options
			code    string
		}{Options{Dir: dir}, "L106"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Start(t.Context(), local(test.options))
			if err == nil {
				end(t, c)
			}
			if code(err) != test.code {
				t.Errorf("got %v (%s), want %s", err, code(err), test.code)
			}
			if test.code == "L101" && !errors.Is(err, ErrPortInUse) {
				t.Error("the error is not ErrPortInUse")
			}
		})
	}
}

func TestTroubleWithTheDiskIsExplained(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err           error
		code, message string
	}{
		"a full disk":                       {&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "L107", "is full"},
		"a full database":                   {errors.New("sqlite: database or disk is full"), "L107", "is full"},
		"a full disk below the log's index": {fmt.Errorf("opening: %w", sqlite.ResultIOErrSHMSize.ToError()), "L107", "is full"},
		"a file that is no database":        {fmt.Errorf("opening: %w", sqlite.ResultNotADB.ToError()), "L106", "has a damaged file"},
		"a database with a broken page":     {fmt.Errorf("opening: %w", sqlite.ResultCorrupt.ToError()), "L106", "has a damaged file"},
		"a read-only disk":                  {&os.PathError{Op: "mkdir", Path: "x", Err: syscall.EROFS}, "L106", "not writable"},
		"no permission":                     {&os.PathError{Op: "mkdir", Path: "x", Err: syscall.EACCES}, "L106", "not writable"},
		"anything else":                     {io.ErrUnexpectedEOF, "L106", "cannot be used"},
		"what is explained":                 {usedError("dir", status{}), "L103", "in use"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := folderError("dir", test.err)
			if code(err) != test.code || !strings.Contains(err.Error(), test.message) || !errors.Is(err, test.err) {
				t.Errorf("got %v (%s), want %s with %q", err, code(err), test.code, test.message)
			}
		})
	}
	if folderError("dir", nil) != nil {
		t.Error("no trouble is explained")
	}
}

func broken(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cloud.db"), []byte(strings.Repeat("not a database", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, lockName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// thesis is a folder that somebody would not want to lose.
func thesis(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// forbidden is a folder that this user may not write, "" on a system that knows none.
func forbidden(t *testing.T) string {
	switch {
	case runtime.GOOS == "windows":
		return ""
	case os.Geteuid() == 0: // who may write everywhere but where the system makes the files
		return map[string]string{"linux": "/proc/clodo"}[runtime.GOOS]
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestARunningCloudIsFoundAndStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, running, err := Running(t.Context(), dir); running || err != nil {
		t.Errorf("an empty folder runs: %v, %v", running, err)
	}
	c := start(t, Options{Dir: dir})
	info, running, err := Running(t.Context(), dir)
	if err != nil || !running || info.API != c.Info().API || info.APIToken != c.Info().APIToken {
		t.Errorf("found %+v, %v, %v", info, running, err)
	}
	asked, err := Ask(t.Context(), info.API)
	if err != nil || asked.Data != info.Data || asked.APIToken != "" {
		t.Errorf("asked without a token: %+v, %v", asked, err)
	}
	if err := Extend(t.Context(), info, []string{"more.example"}, []Account{{ID: strings.Repeat("7", 32), Name: "seven"}}); err != nil {
		t.Error(err)
	}
	if got := c.Info().Zones; len(got) != 1 || got[0] != "more.example" {
		t.Errorf("zones are %v", got)
	}
	stranger := info
	stranger.APIToken = "clodo_local_wrong"
	if err := Extend(t.Context(), stranger, []string{"x.example"}, nil); err == nil {
		t.Error("a stranger added a zone")
	}
	go func() {
		<-c.Stopped()
		end(t, c)
	}()
	if was, err := Stop(t.Context(), dir); !was || err != nil {
		t.Errorf("Stop: %v, %v", was, err)
	}
	if was, err := Stop(t.Context(), dir); was || err != nil {
		t.Errorf("a second Stop: %v, %v", was, err)
	}
	if _, running, err := Running(t.Context(), dir); running || err != nil {
		t.Errorf("after its end it runs: %v, %v", running, err)
	}
	if _, err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
}

func TestWhoLooksForACloudNeedNotWaitForIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	starting, err := lockFolder(dir) // which says nothing yet
	fatal(t, err)
	t.Cleanup(func() { fatal(t, starting.release()) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Running(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestARunningCloudTakesTokensWithLimitedRights(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir()})
	info := c.Info()
	extend := func(body string) error {
		return control(t.Context(), info.API, info.APIToken, http.MethodPost, "/local/extend", json.RawMessage(body), nil)
	}
	if err := extend(`{"tokens": [{"value": "clodo_local_reader", "accounts": ["` + info.AccountID + `"], "groups": ["Workers Scripts Read"]}]}`); err != nil {
		t.Fatal(err)
	}
	scripts := "/accounts/" + info.AccountID + "/workers/scripts"
	for _, call := range []struct {
		method, path, want string
		status             int
	}{
		{http.MethodGet, scripts, `"success":true`, http.StatusOK},
		{http.MethodDelete, scripts + "/web", `"code":10000`, http.StatusForbidden},
		{http.MethodGet, "/accounts/" + info.AccountID + "/d1/database", `"code":10000`, http.StatusForbidden},
	} {
		req, err := http.NewRequestWithContext(t.Context(), call.method, info.API+call.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer clodo_local_reader")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != call.status || !strings.Contains(strings.ReplaceAll(string(text), " ", ""), call.want) {
			t.Errorf("%s %s: got %d %s, want %d with %s", call.method, call.path, res.StatusCode, text, call.status, call.want)
		}
	}
	for name, body := range map[string]string{
		"a value that the cloud does not make": `{"tokens": [{"value": "secret"}]}`,
		"a group that nothing asks for":        `{"tokens": [{"value": "clodo_local_x", "groups": ["Workers Scripts Raed"]}]}`,
		"an account that is not there":         `{"tokens": [{"value": "clodo_local_x", "accounts": ["` + strings.Repeat("9", 32) + `"]}]}`,
		"the token that opens everything":      `{"tokens": [{"value": "` + info.APIToken + `", "groups": []}]}`,
		"a field that the cloud does not know": `{"buckets": ["x"]}`,
	} {
		if err := extend(body); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestWhatAKilledCloudLeftIsNotTakenForARunningOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	card := `{"pid":1,"since":"2026-01-01T00:00:00Z","api":"http://127.0.0.1:1/client/v4"}`
	for name, content := range map[string]string{lockName: "", cardName: card} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, running, err := Running(t.Context(), dir); running || err != nil {
		t.Errorf("it runs: %v, %v", running, err)
	}
	start(t, Options{Dir: dir})
}

func TestOnlyAStateFolderIsRemoved(t *testing.T) {
	t.Parallel()
	dir := thesis(t)
	if was, err := Remove(dir); was || code(err) != "L105" {
		t.Errorf("removing something else: %t, %v", was, err)
	}
	if was, err := Remove(filepath.Join(dir, "none")); was || err != nil {
		t.Errorf("removing nothing: %t, %v", was, err)
	}
	running := t.TempDir()
	start(t, Options{Dir: running})
	if was, err := Remove(running); was || code(err) != "L103" {
		t.Errorf("removing the folder of a running cloud: %t, %v", was, err)
	}
}

// A cloud that did not come to be leaves no folder; one that somebody else had made, and
// the log in it, stay.
func TestACloudThatDoesNotStartLeavesNothing(t *testing.T) {
	t.Parallel()
	above := t.TempDir()
	given := filepath.Join(above, "given")
	fatal(t, os.Mkdir(given, 0o700))
	fatal(t, os.WriteFile(filepath.Join(given, "cloud.log"), nil, 0o600))
	nowhere := Seed{Zones: []string{"a.example@00000000000000000000000000000000"}}
	for _, dir := range []string{filepath.Join(above, "a", "b"), filepath.Join(above, "c"), given} {
		if _, err := Start(t.Context(), local(Options{Dir: dir, Seed: nowhere})); code(err) != "L109" {
			t.Errorf("starting with a zone of no account: %v", err)
		}
		if err := Restore(dir, strings.NewReader("photo")); code(err) != "L111" {
			t.Errorf("restoring what is no cloud: %v", err)
		}
	}
	var left []string
	fatal(t, filepath.WalkDir(above, func(path string, _ os.DirEntry, err error) error {
		left = append(left, filepath.Base(path))
		return err
	}))
	if got := strings.Join(left[1:], " "); got != "given cloud.log" {
		t.Errorf("what is left: %s", got)
	}
	// The state of one that was there is not touched.
	dir := filepath.Join(above, "there")
	c, err := Start(t.Context(), local(Options{Dir: dir}))
	fatal(t, err)
	end(t, c)
	if _, err := Start(t.Context(), local(Options{Dir: dir, Seed: nowhere})); code(err) != "L109" {
		t.Error(err)
	}
	if was, err := Remove(dir); !was || err != nil {
		t.Errorf("the folder of a cloud that ran before: %t, %v", was, err)
	}
}

func TestTheAPIAnswersToThisMachineOnly(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir()})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(c.Info().Data, "http://"))
	for host, want := range map[string]int{
		"": 200, "localhost:PORT": 200, "[::1]:PORT": 200, "evil.example": 421, "127.0.0.1:" + port: 421, "127.0.0.1": 421,
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", c.Info().API+"/accounts", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.Info().APIToken)
		if host != "" {
			req.Host = strings.ReplaceAll(host, "PORT", req.URL.Port())
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != want || res.Header.Get(api.Header) == "" {
			t.Errorf("Host %q: %d, want %d", host, res.StatusCode, want)
		}
	}
}
