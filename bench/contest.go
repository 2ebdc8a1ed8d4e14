package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// contestant is something that runs the storage Worker.
type contestant struct {
	name string
	peer bool
	pid  int // of its first process
	door
	stop func() error
}

// contestants starts clodo, every wrangler and Miniflare with the storage Worker and
// state of their own on this disk. They run side by side; those that are not asked
// are idle.
func (l *lab) contestants(ctx context.Context) (all []contestant, stop func(), err error) {
	stop = func() {
		for _, c := range all {
			_ = c.stop() // the numbers are already taken
		}
	}
	starts := []func(context.Context) (contestant, error){l.ours}
	for _, p := range l.peers {
		starts = append(starts, func(ctx context.Context) (contestant, error) { return l.wranglerDev(ctx, p) })
	}
	if len(l.peers) > 0 {
		starts = append(starts, func(ctx context.Context) (contestant, error) { return l.miniflare(ctx, l.peers[len(l.peers)-1]) })
	}
	for _, start := range starts {
		c, err := start(ctx)
		if err == nil {
			all = append(all, c)
			_, err = answers(ctx, "http://"+c.address+"/plain", c.host, "plain")
		}
		if err != nil {
			stop()
			return nil, nil, err
		}
	}
	return all, stop, nil
}

// storageProject writes the Worker's folder. Wrangler and Miniflare take any id;
// clodo makes what has none.
func (l *lab) storageProject(ids bool) (string, error) {
	dir, err := os.MkdirTemp(l.dir, "storage-")
	if err != nil {
		return "", err
	}
	code, err := os.ReadFile(filepath.Join(l.root, "bench", "testdata", "storage", "index.js"))
	if err != nil {
		return "", err
	}
	database, namespace := map[string]string{"binding": "DB", "database_name": "bench"}, map[string]string{"binding": "KV"}
	if ids {
		database["database_id"], namespace["id"] = "bench", "bench"
	}
	config := map[string]any{
		"name": "bench-storage", "main": "index.js", "compatibility_date": "2026-01-01",
		"d1_databases":  []any{database},
		"kv_namespaces": []any{namespace},
	}
	if l.haveR2 {
		config["r2_buckets"] = []any{map[string]string{"binding": "BUCKET", "bucket_name": "bench"}}
	}
	text, err := json.Marshal(config)
	return dir, errors.Join(err,
		os.WriteFile(filepath.Join(dir, "index.js"), code, 0o644),
		os.WriteFile(filepath.Join(dir, "wrangler.jsonc"), text, 0o644))
}

// ours is a local cloud to which clodo has deployed the Worker.
func (l *lab) ours(ctx context.Context) (contestant, error) {
	c, err := l.startCloud(ctx, filepath.Join(l.dir, "cloud-storage"))
	if err != nil {
		return contestant{}, err
	}
	us := contestant{name: "clodo", pid: c.cmd.Process.Pid, door: door{strings.TrimPrefix(c.Data, "http://"), c.host("bench-storage")}, stop: c.stop}
	// clodo makes the database and the namespace; a bucket has to be there.
	status, answer, err := c.call(ctx, http.MethodPost, "/accounts/"+c.AccountID+"/r2/buckets", `{"name":"bench"}`)
	switch {
	case err != nil:
	case status == http.StatusNotImplemented:
		l.say("  R2 is left out: the local cloud does not have it")
	case status != http.StatusOK:
		err = fmt.Errorf("make the bucket: %d %s", status, answer)
	default:
		l.haveR2 = true
	}
	var dir string
	if err == nil {
		dir, err = l.storageProject(false)
	}
	if err == nil {
		_, err = command(ctx, dir, c.env(environment()), l.clodo, "deploy")
	}
	if err != nil {
		return us, errors.Join(err, c.stop())
	}
	return us, nil
}

// wranglerDev is the Worker under `wrangler dev`, which keeps its state on disk.
func (l *lab) wranglerDev(ctx context.Context, p peer) (contestant, error) {
	dir, err := l.storageProject(true)
	if err != nil {
		return contestant{}, err
	}
	return l.wranglerDevOf(ctx, p, dir)
}

// wranglerDevOf is the Worker of a folder under `wrangler dev`.
func (l *lab) wranglerDevOf(ctx context.Context, p peer, dir string) (contestant, error) {
	port, err := freePort()
	if err != nil {
		return contestant{}, err
	}
	argv := append(append([]string{}, p.argv...), "dev", "--ip", "127.0.0.1", "--port", fmt.Sprint(port),
		"--persist-to", dir+".state", "--log-level", "none", "--show-interactive-dev-session=false")
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, p.env, 10*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		return contestant{}, fmt.Errorf("start %s: %w", p.name, err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	return contestant{name: p.name + " dev", peer: true, pid: cmd.Process.Pid, door: door{address, address}, stop: func() error {
		return errors.Join(cmd.Cancel(), cmd.Wait())
	}}, nil
}

// miniflare is the Worker under the Miniflare that came with a wrangler, without the
// rest of `wrangler dev` around it.
func (l *lab) miniflare(ctx context.Context, p peer) (contestant, error) {
	dir, err := l.storageProject(true)
	if err != nil {
		return contestant{}, err
	}
	options, err := json.Marshal(map[string]any{
		"modules": true, "scriptPath": filepath.Join(dir, "index.js"), "compatibilityDate": "2026-01-01",
		"resourcePersistencePath": dir + ".state",
		"d1Databases":             map[string]string{"DB": "bench"},
		"kvNamespaces":            map[string]string{"KV": "bench"},
		"r2Buckets":               map[string]string{"BUCKET": "bench"},
	})
	if err != nil {
		return contestant{}, err
	}
	script := filepath.Join(l.root, "internal", "npmtest", "testdata", "miniflare.mjs")
	cmd := exec.CommandContext(ctx, p.argv[0], script, p.tree, string(options))
	var said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.WaitDelay, cmd.Stderr = dir, p.env, 10*time.Second, &said
	in, err := cmd.StdinPipe() // it ends when this does
	if err != nil {
		return contestant{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return contestant{}, err
	}
	if err := cmd.Start(); err != nil {
		return contestant{}, fmt.Errorf("start Miniflare: %w", err)
	}
	stop := func() error { return errors.Join(in.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return contestant{}, errors.Join(fmt.Errorf("start Miniflare: %w\n%s", err, said.String()), stop())
	}
	address := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "http://"), "/")
	return contestant{name: "miniflare of " + p.name, peer: true, pid: cmd.Process.Pid, door: door{address, address}, stop: stop}, nil
}

// fetchText is what a Worker answers to a GET.
func fetchText(ctx context.Context, url, host string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return b.String(), errors.Join(err, res.Body.Close())
}
