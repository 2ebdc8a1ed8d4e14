package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/workerd"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/project"
)

// How long a Worker is asked before its CPU time is measured, and while it is.
const (
	warming   = 1500 * time.Millisecond
	measuring = 2500 * time.Millisecond
)

// program is a Worker that does what the others do.
type program struct {
	name    string
	modules []workerd.Module
	cpu     map[string]series // microseconds per request, by path
	first   series            // milliseconds
}

// goservice compares a service in Go with the same in JavaScript, and with the same on
// syumai/workers, each alone in a workerd process of its own: CPU time of the process
// per request, and the time to the answer of its first one.
func (l *lab) goservice(ctx context.Context) error {
	l.say("goservice: a request to a service in Go")
	binary, err := workerd.Path(ctx, npm.Installer{})
	if err != nil {
		return err
	}
	programs, err := l.programs(ctx)
	if err != nil {
		return err
	}
	db, stop, err := l.database(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for range l.rounds {
		for _, p := range programs {
			if err := l.round(ctx, binary, p, db); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	js, ours, peer := programs[0], programs[1], programs[2]
	l.add(result{what: "CPU of a request", unit: "µs", ours: ours.cpu["/hello"], peer: js.name, theirs: js.cpu["/hello"], goal: 0.25})
	l.add(result{what: "CPU of a request", unit: "µs", ours: ours.cpu["/hello"], peer: peer.name, theirs: peer.cpu["/hello"], goal: 20})
	l.add(result{what: "CPU of a request with a D1 read", unit: "µs", ours: ours.cpu["/d1"], peer: js.name, theirs: js.cpu["/d1"], goal: 0.42})
	l.add(result{what: "first request of a process", unit: "ms", ours: ours.first, goal: 60})
	l.add(result{what: "first request of a process", unit: "ms", ours: ours.first, peer: js.name, theirs: js.first})
	l.add(result{what: "first request of a process", unit: "ms", ours: ours.first, peer: peer.name, theirs: peer.first})
	return nil
}

// servicePaths are what the programs answer, always with the same. The peer reads D1 by
// database/sql, which is another thing to compare.
func (p *program) servicePaths() []string {
	if strings.HasPrefix(p.name, "syumai") {
		return []string{"/hello"}
	}
	return []string{"/hello", "/d1"}
}

// database is a D1 database of one row, as workerd finds it.
func (l *lab) database(ctx context.Context) (db workerd.Service, stop func(), err error) {
	data, err := localcloud.OpenData(localcloud.DataOptions{Dir: filepath.Join(l.dir, "goservice-data")})
	if err != nil {
		return db, nil, err
	}
	bindings, err := data.Bindings(ctx, localcloud.Program{Script: "bench", Bindings: []json.RawMessage{json.RawMessage(`{"type":"d1","name":"DB","id":"bench"}`)}})
	if err == nil {
		_, err = d1.Open("DB").Exec(host.WithBindings(ctx, bindings), "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT)\nINSERT INTO users VALUES(1, 'Ada', 'ada@example.com')")
	}
	if err != nil {
		return db, nil, errors.Join(err, data.Close())
	}
	server := httptest.NewServer(bindings)
	db = workerd.Service{Name: "db", External: &workerd.External{
		Address: server.Listener.Addr().String(), InjectHeaders: [][2]string{{host.KindHeader, "d1"}, {host.BindingHeader, "DB"}},
	}}
	return db, func() {
		server.Close()
		_ = data.Close() // nobody needs it any more
	}, nil
}

// round measures a program once.
func (l *lab) round(ctx context.Context, binary string, p *program, db workerd.Service) error {
	bindings := []workerd.Binding{{Name: "DB", Wrapped: &workerd.Wrapped{
		Module: "cloudflare-internal:d1-api", Inner: []workerd.Binding{{Name: "fetcher", Service: &workerd.Designator{Service: db.Name}}},
	}}}
	process, err := workerd.Start(ctx, workerd.Launch{Binary: binary, Dir: l.dir, Config: workerd.Config{
		Services: []workerd.Service{{Name: "main", Worker: &workerd.Worker{
			Modules: p.modules, Bindings: bindings, CompatibilityDate: workerd.NewestDate, CompatibilityFlags: []string{"enable_request_signal"},
		}}, db},
		Sockets: []workerd.Socket{{Name: "http", Service: workerd.Designator{Service: "main"}}},
	}})
	if err != nil {
		return err
	}
	defer process.Stop(context.WithoutCancel(ctx))
	d := door{process.Address("http"), "service.example"}
	began := time.Now()
	want, err := answerOf(ctx, "http://"+d.address+p.servicePaths()[0])
	if err != nil {
		return err
	}
	p.first = append(p.first, float64(time.Since(began).Microseconds())/1000)
	for _, path := range p.servicePaths() {
		if want, err = answerOf(ctx, "http://"+d.address+path); err != nil {
			return err
		}
		ask := func(int, int) call { return call{method: "GET", target: path, want: want} }
		if _, err := drive(ctx, d, 8, warming, ask); err != nil {
			return err
		}
		before, _ := process.CPUTime()
		n, err := drive(ctx, d, 8, measuring, ask)
		if err != nil {
			return err
		}
		after, known := process.CPUTime()
		if !known {
			return fmt.Errorf("this system does not tell the CPU time of a process")
		}
		p.cpu[path] = append(p.cpu[path], float64((after-before).Microseconds())/float64(n))
		l.say("  %s %s: %.0f µs CPU, %.0f requests/s", p.name, path, p.cpu[path][len(p.cpu[path])-1], float64(n)/measuring.Seconds())
	}
	return nil
}

func answerOf(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", address, res.Status, b)
	}
	return string(b), err
}

// programs builds all of them: JavaScript, ours, and the peer's.
func (l *lab) programs(ctx context.Context) ([]*program, error) {
	dir := filepath.Join(l.root, "bench", "testdata", "goservice")
	var all []*program
	for name, make := range map[string]func(context.Context, string) ([]workerd.Module, error){
		"js": l.plainProgram, "clodo": l.ourProgram, "syumai": l.peerProgram,
	} {
		modules, err := make(ctx, filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", name, err)
		}
		all = append(all, &program{name: name, modules: modules, cpu: map[string]series{}})
	}
	order := map[string]int{"js": 0, "clodo": 1, "syumai": 2}
	sorted := make([]*program, len(all))
	for _, p := range all {
		sorted[order[p.name]] = p
	}
	sorted[0].name, sorted[2].name = "JavaScript", "syumai/workers 0.33.0"
	return sorted, nil
}

func (l *lab) plainProgram(_ context.Context, dir string) ([]workerd.Module, error) {
	return []workerd.Module{esModule(dir, "index.js")}, nil
}

func (l *lab) ourProgram(ctx context.Context, dir string) ([]workerd.Module, error) {
	w := project.Worker{Name: "bench", Dir: dir, File: "wrangler.jsonc"}
	w.Main.V = "main.go"
	built, err := bundle.Bundle(ctx, &w, dir)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(l.dir, "goservice")
	var modules []workerd.Module
	for _, m := range built.Modules {
		name := filepath.Join(out, filepath.FromSlash(m.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, m.Bytes, 0o644); err != nil {
			return nil, err
		}
		modules = append(modules, esModule(out, m.Name))
	}
	return modules, nil
}

// peerProgram builds with the tool that comes with the peer, and the go command.
func (l *lab) peerProgram(ctx context.Context, dir string) ([]workerd.Module, error) {
	out := filepath.Join(l.dir, "syumai")
	for _, c := range []struct {
		argv []string
		env  []string
	}{
		{argv: []string{"run", "github.com/syumai/workers/cmd/workers-assets-gen", "-mode", "go", "-o", out}},
		{argv: []string{"build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(out, "app.wasm"), "."}, env: []string{"GOOS=js", "GOARCH=wasm"}},
	} {
		cmd := exec.CommandContext(ctx, "go", c.argv...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), c.env...)
		if said, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(c.argv, " "), err, said)
		}
	}
	return []workerd.Module{esModule(out, "worker.mjs"), esModule(out, "runtime.mjs"), esModule(out, "wasm_exec.js"), esModule(out, "app.wasm")}, nil
}

// esModule is a module in a file, of the kind that its name says.
func esModule(dir, name string) workerd.Module {
	kind := workerd.ESModule
	if filepath.Ext(name) == ".wasm" {
		kind = workerd.WasmModule
	}
	return workerd.Module{Name: name, Kind: kind, Source: workerd.Source{File: filepath.Join(dir, filepath.FromSlash(name))}}
}
