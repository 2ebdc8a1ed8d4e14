package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// serving is one start up to the first 200, and what it needed then.
type serving struct {
	took time.Duration
	rss  float64 // MB of all processes together; 0 where /proc is missing
}

// serve compares `clodo cloud` plus `clodo deploy` with `wrangler dev`, each up to the
// first 200 from the Worker: on an empty state folder, then on the one that it left.
func (l *lab) serve(ctx context.Context) error {
	l.say("serve: start to the first 200")
	kinds := []string{"start to first 200, empty state", "start to first 200, existing state"}
	took, rss := map[string]series{}, map[string]series{}
	for round := range l.rounds {
		text := fmt.Sprintf("round %d", round)
		for i := range len(l.peers) + 1 {
			dir, err := l.project("bench-serve", text)
			if err != nil {
				return err
			}
			state, err := os.MkdirTemp(l.dir, "state-")
			if err != nil {
				return err
			}
			for _, kind := range kinds {
				name, s := "clodo", serving{}
				if i == 0 {
					s, err = l.serveOurs(ctx, dir, state, text)
				} else {
					name = l.peers[i-1].name
					s, err = l.serveTheirs(ctx, l.peers[i-1], dir, state, text)
				}
				if err != nil {
					return fmt.Errorf("%s, %s: %w", name, kind, err)
				}
				took[kind+name] = took[kind+name].seconds(s.took)
				rss[kind+name] = append(rss[kind+name], s.rss)
			}
		}
	}
	for n, kind := range kinds {
		for _, p := range l.peers {
			l.add(result{what: kind, unit: "s", ours: took[kind+"clodo"], peer: p.name, theirs: took[kind+p.name], goal: []float64{7, 10}[n]})
			if rss[kind+"clodo"].min() > 0 && rss[kind+p.name].min() > 0 {
				l.add(result{what: "memory at that 200 (sum of RSS)", unit: "MB", ours: rss[kind+"clodo"], peer: p.name, theirs: rss[kind+p.name], goal: 3})
			}
		}
	}
	return nil
}

// serveOurs starts a local cloud, deploys, and watches for the 200 from outside while
// `clodo deploy` still works, so that its memory counts too.
func (l *lab) serveOurs(ctx context.Context, dir, state, text string) (serving, error) {
	began := time.Now()
	c, err := l.startCloud(ctx, state)
	if err != nil {
		return serving{}, err
	}
	defer func() { _ = c.stop() }() // the numbers are already taken
	deployed := make(chan error, 1)
	go func() {
		_, err := command(ctx, dir, c.env(environment()), l.clodo, "deploy")
		deployed <- err
	}()
	at, err := answers(ctx, c.Data, c.host("bench-serve"), text)
	s := serving{took: at.Sub(began), rss: residentOf(os.Getpid())}
	return s, errors.Join(err, <-deployed)
}

func (l *lab) serveTheirs(ctx context.Context, p peer, dir, state, text string) (serving, error) {
	port, err := freePort()
	if err != nil {
		return serving{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	argv := append(append([]string{}, p.argv...), "dev", "--ip", "127.0.0.1", "--port", fmt.Sprint(port), "--persist-to", state)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, p.env, 10*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	log, err := os.Create(filepath.Join(l.dir, "wrangler-dev.log"))
	if err != nil {
		return serving{}, err
	}
	defer func() { _ = log.Close() }() // only read when something failed
	cmd.Stdout, cmd.Stderr = log, log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return serving{}, err
	}
	at, err := answers(ctx, fmt.Sprintf("http://127.0.0.1:%d/", port), "127.0.0.1", text)
	s := serving{took: at.Sub(began), rss: residentOf(os.Getpid())}
	cancel()
	_ = cmd.Wait() // interrupted on purpose
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		return s, fmt.Errorf("%w\n%s", err, said)
	}
	return s, nil
}
