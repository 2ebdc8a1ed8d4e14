package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// dev measures the inner loop: from a file that was saved to the first answer of the
// code in it, in TypeScript beside `wrangler dev` and in Go.
func (l *lab) dev(ctx context.Context) error {
	l.say("dev: from a changed file to the first answer of its code")
	root, err := l.portfolio(ctx)
	if err != nil {
		return err
	}
	ours, err := l.clodoDev(ctx, root)
	if err != nil {
		return err
	}
	defer ours.stop()
	loops := []*loop{
		{name: "TypeScript", dir: filepath.Join(root, "services", "bench-ts"), door: ours.doors["bench-ts"], save: source},
		{name: "Go", dir: filepath.Join(root, "services", "bench-go"), door: ours.doors["bench-go"], save: goSource},
	}
	for _, p := range l.peers {
		dir, err := l.project("bench-dev", "first")
		if err != nil {
			return err
		}
		c, err := l.wranglerDevOf(ctx, p, dir)
		if err != nil {
			return err
		}
		defer func() { _ = c.stop() }() // the numbers are already taken
		loops = append(loops, &loop{name: p.name, dir: dir, door: c.door, save: source})
	}
	for round := range l.rounds + 1 {
		for _, o := range loops {
			if err := o.change(ctx, fmt.Sprintf("%s, change %d", o.name, round), round > 0); err != nil { // the first one warms up
				return err
			}
		}
	}
	l.add(result{what: "changed file to first answer, TypeScript", unit: "ms", ours: loops[0].took, goal: 150})
	l.add(result{what: "changed file to first answer, Go", unit: "ms", ours: loops[1].took, goal: 1500})
	for _, o := range loops[2:] {
		l.add(result{what: "changed file to first answer, TypeScript", unit: "ms", ours: loops[0].took, peer: o.name + " dev", theirs: o.took})
	}
	return nil
}

// loop is a Worker whose source is changed while it runs.
type loop struct {
	name string
	dir  string
	door
	save func(dir, text string) error
	took series // milliseconds
}

// change saves a source that answers text, and waits for that answer.
func (o *loop) change(ctx context.Context, text string, counts bool) error {
	if err := o.save(o.dir, text); err != nil {
		return err
	}
	began := time.Now()
	at, err := answers(ctx, "http://"+o.address+"/", o.host, text)
	if counts {
		o.took = append(o.took, float64(at.Sub(began).Microseconds())/1000)
	}
	return err
}

// goSource writes the one file of a service in Go.
func goSource(dir, text string) error {
	code := fmt.Sprintf(`package main

import (
	"io"
	"log"
	"net/http"

	"github.com/tamylaa/clodo"
)

func main() {
	app := clodo.NewRouter()
	app.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, %q) })
	log.Fatal(clodo.Serve(app))
}
`, text)
	return os.WriteFile(filepath.Join(dir, "main.go"), []byte(code), 0o644)
}

// portfolio is a folder with a service in each language.
func (l *lab) portfolio(ctx context.Context) (string, error) {
	root := filepath.Join(l.dir, "dev")
	if _, err := command(ctx, l.dir, environment(), l.clodo, "init", root, "--yes"); err != nil {
		return "", err
	}
	// Which also makes the module that services in Go belong to.
	if _, err := command(ctx, root, environment(), l.clodo, "service", "create", "bench-go", "--type", "worker", "--lang", "go"); err != nil {
		return "", err
	}
	const config = `{ "name": %q, "main": %q, "compatibility_date": "2026-01-01" }`
	for name, main := range map[string]string{"bench-ts": "index.ts", "bench-go": "main.go"} {
		dir := filepath.Join(root, "services", name)
		if err := errors.Join(
			os.MkdirAll(dir, 0o755),
			os.WriteFile(filepath.Join(dir, "wrangler.jsonc"), fmt.Appendf(nil, config, name, main), 0o644),
		); err != nil {
			return "", err
		}
	}
	return root, errors.Join(
		os.WriteFile(filepath.Join(root, "clodo.yaml"), []byte("version: 1\nportfolio: dev\nservices:\n  bench-ts: { path: services/bench-ts }\n  bench-go: { path: services/bench-go }\n"), 0o644),
		source(filepath.Join(root, "services", "bench-ts"), "first"),
		goSource(filepath.Join(root, "services", "bench-go"), "first"),
	)
}

// developing is a running `clodo dev`.
type developing struct {
	doors map[string]door // by service
	stop  func()
}

// clodoDev starts `clodo dev` and waits until both services serve.
func (l *lab) clodoDev(ctx context.Context, root string) (*developing, error) {
	cmd := exec.CommandContext(ctx, l.clodo, "dev", "--json")
	var said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.WaitDelay, cmd.Stderr = root, environment(), 10*time.Second, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &developing{doors: map[string]door{}, stop: func() {
		_ = cmd.Cancel() // the numbers are already taken
		_ = cmd.Wait()
	}}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for len(d.doors) < 2 && lines.Scan() {
		var e struct {
			Event    string
			Services []string
			URL      string
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			d.stop()
			return nil, fmt.Errorf("clodo dev said %q: %w", lines.Text(), err)
		}
		switch e.Event {
		case "serving":
			host := strings.TrimPrefix(e.URL, "http://")
			_, port, _ := strings.Cut(host, ":")
			d.doors[e.Services[0]] = door{"127.0.0.1:" + port, host}
		case "failed":
			d.stop()
			return nil, fmt.Errorf("clodo dev: %s", lines.Text())
		}
	}
	if len(d.doors) < 2 {
		d.stop()
		return nil, fmt.Errorf("clodo dev ended: %w\n%s", lines.Err(), said.String())
	}
	go func() {
		for lines.Scan() { // what is not read would stop it in the end
		}
	}()
	return d, nil
}
