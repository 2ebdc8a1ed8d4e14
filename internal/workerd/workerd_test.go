package workerd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/workerd"
)

func esModule(name, code string) workerd.Module {
	return workerd.Module{Name: name, Kind: workerd.ESModule, Source: workerd.Source{Text: code}}
}

// single is a configuration with one Worker on the socket "http".
func single(code string, bindings ...workerd.Binding) workerd.Config {
	return workerd.Config{
		Services: []workerd.Service{{Name: "main", Worker: &workerd.Worker{
			Modules: []workerd.Module{esModule("index.js", code)}, CompatibilityDate: "2026-11-01", Bindings: bindings,
		}}},
		Sockets: []workerd.Socket{{Name: "http", Service: workerd.Designator{Service: "main"}}},
	}
}

func start(t testing.TB, config workerd.Config) *workerd.Process {
	t.Helper()
	p, err := workerd.Start(t.Context(), workerd.Launch{Binary: npmtest.Workerd(t), Dir: t.TempDir(), Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		<-p.Done()
	})
	return p
}

func get(t testing.TB, p *workerd.Process, socket string) string {
	t.Helper()
	res, err := http.Get("http://" + p.Address(socket) + "/")
	if err != nil {
		t.Fatalf("%v: %s", err, p.Output())
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Whatever is in a value arrives as it is, and nothing in it becomes configuration.
func TestEveryValueArrivesAsItIs(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for r := range rune(0x180) {
		all.WriteRune(r)
	}
	values := []string{all.String(), "", `"`, `\`, "\\n", "\x00", "\n", "é💡\u2028", `"), (name="X", text="y`, "#c", "embed \"/etc/passwd\"", strings.Repeat("x", 100_000)}
	var bindings []workerd.Binding
	for i := range values {
		bindings = append(bindings, workerd.Binding{Name: fmt.Sprintf("V%d\"\\\n", i), Text: &values[i]})
	}
	p := start(t, single(`export default { fetch(request, env) { return Response.json(Object.entries(env).sort((a, b) => parseInt(a[0].slice(1)) - parseInt(b[0].slice(1))).flatMap(([k, v]) => [k, [...v].map((c) => c.codePointAt(0)).join()])) } }`, bindings...))
	var want strings.Builder
	want.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			want.WriteByte(',')
		}
		var points []string
		for _, r := range v {
			points = append(points, strconv.Itoa(int(r)))
		}
		fmt.Fprintf(&want, `"V%d\"\\\n","%s"`, i, strings.Join(points, ","))
	}
	want.WriteByte(']')
	if got := get(t, p, "http"); got != want.String() {
		t.Errorf("got %.2000s\nwant %.2000s", got, want.String())
	}
}

func TestAModuleMayBeAFileAnywhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), `odd "name' é.js`)
	if err := os.WriteFile(file, []byte(`export default { fetch() { return new Response("from a file") } }`), 0o600); err != nil {
		t.Fatal(err)
	}
	config := single("")
	config.Services[0].Worker.Modules = []workerd.Module{{Name: "index.js", Kind: workerd.ESModule, Source: workerd.Source{File: file}}}
	if got := get(t, start(t, config), "http"); got != "from a file" {
		t.Errorf("got %q", got)
	}
}

func TestAFailedStartHasWorkerdsWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := workerd.Start(t.Context(), workerd.Launch{Binary: npmtest.Workerd(t), Dir: dir, Config: single(`throw new Error("boom")`)})
	var failed *workerd.StartError
	if !errors.As(err, &failed) || !strings.Contains(failed.Text, "service main: Uncaught Error: boom") {
		t.Errorf("got %v, want a *StartError with workerd's text", err)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := workerd.Start(cancelled, workerd.Launch{Binary: npmtest.Workerd(t), Dir: dir, Config: single("export default {}")}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := workerd.Start(t.Context(), workerd.Launch{Binary: filepath.Join(dir, "nope"), Dir: dir, Config: single("export default {}")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a binary that is not there: %v", err)
	}
}

func TestAStartThatComputesTooLongIsEnded(t *testing.T) {
	t.Parallel()
	_, err := workerd.Start(t.Context(), workerd.Launch{Binary: npmtest.Workerd(t), Dir: t.TempDir(), Config: single("for (;;);"), CPU: 500 * time.Millisecond})
	if !errors.Is(err, workerd.ErrCPU) {
		t.Errorf("got %v, want ErrCPU", err)
	}
}

// What other programs compute on a busy machine is not the start's. It is not parallel: a
// child that another test forks while the script is written would keep it from being run.
func TestAStartThatWaitsMayTakeLong(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what a process computes")
	}
	slow := filepath.Join(t.TempDir(), "workerd")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\nsleep 1.5\nexec "+npmtest.Workerd(t)+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := workerd.Start(t.Context(), workerd.Launch{Binary: slow, Dir: t.TempDir(), Config: single("export default {}"), CPU: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	<-p.Done()
}

func TestStopFinishesRequests(t *testing.T) {
	t.Parallel()
	p := start(t, single(`export default { async fetch() { console.log("in"); await scheduler.wait(200); return new Response("done") } }`))
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + p.Address("http") + "/")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(p.Output(), "in"); {
		if time.Now().After(deadline) {
			t.Fatalf("the request did not arrive: %s", p.Output())
		}
		runtime.Gosched()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p.Stop(ctx)
	if got := <-answer; got != "done" {
		t.Errorf("got %q, want done", got)
	}
}

// TestParent is the program that TestWorkerdDiesWithAKilledParent kills.
func TestParent(t *testing.T) {
	if os.Getenv("CLODO_TEST_PARENT") == "" {
		return // it is run as another process only
	}
	p := start(t, single("export default { fetch() {} }"))
	fmt.Println("pid", p.PID())
	select {}
}

func TestWorkerdDiesWithAKilledParent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills the children of a killed program")
	}
	npmtest.Workerd(t)
	parent := exec.Command(os.Args[0], "-test.run=TestParent$", "-test.v")
	parent.Env = append(os.Environ(), "CLODO_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := ""
	for lines := bufio.NewScanner(out); pid == "" && lines.Scan(); {
		pid, _ = strings.CutPrefix(lines.Text(), "pid ")
		if pid == lines.Text() {
			pid = ""
		}
	}
	if pid == "" {
		t.Fatal("the helper did not start workerd")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed on purpose
	for deadline := time.Now().Add(10 * time.Second); ; {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("workerd %s outlives its parent", pid)
		}
		runtime.Gosched()
	}
}

func TestADateIsClampedToWhatWorkerdTakes(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{"": "2021-11-02", "2024-01-01": "2024-01-01", "2026-11-24": "2026-11-23", "2999-01-01": "2026-11-23"} {
		if got := workerd.ClampDate(in, day); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	if got := workerd.ClampDate("2999-01-01", day.AddDate(1, 0, 0)); got != workerd.NewestDate {
		t.Errorf("a year later: got %s, want %s", got, workerd.NewestDate)
	}
	config := single("export default { fetch() { return new Response() } }")
	config.Services[0].Worker.CompatibilityDate = workerd.ClampDate("2999-01-01", time.Now())
	start(t, config)
}

func TestCLODO_WORKERDReplacesThePinnedBinary(t *testing.T) {
	own := filepath.Join(t.TempDir(), "workerd")
	if err := os.WriteFile(own, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLODO_WORKERD", own)
	if got, err := workerd.Path(t.Context(), npm.Installer{NPM: "not-called"}); got != own || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, wrong := range []string{t.TempDir(), own + "-not-there"} {
		t.Setenv("CLODO_WORKERD", wrong)
		if got, err := workerd.Path(t.Context(), npm.Installer{}); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("got %q, %v; want an error that names %q", got, err, wrong)
		}
	}
}

func TestABinaryThatIsNotWorkerdIsTold(t *testing.T) {
	t.Setenv("CLODO_WORKERD", npmtest.Workerd(t))
	if err := workerd.Prepare(t.Context(), npm.Installer{}); err != nil {
		t.Errorf("the real one: %v", err)
	}
	other, err := os.Executable() // this test, which has no --version
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "workerd")
	if err := os.WriteFile(text, []byte("not a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{other, text} {
		t.Setenv("CLODO_WORKERD", wrong)
		var told *diag.Error
		if err := workerd.Prepare(t.Context(), npm.Installer{}); !errors.As(err, &told) || told.Code != "N206" {
			t.Errorf("%s: got %v, want N206", wrong, err)
		}
	}
}
