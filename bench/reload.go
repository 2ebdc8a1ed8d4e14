package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	loadConnections = 8
	loadReloads     = 5
)

// tally is what one connection saw.
type tally struct {
	took    series // ms
	failed  int
	example error // of a failure
	texts   map[string]int
}

// reload deploys new versions of a Worker while connections ask it without a pause.
// Not one request may fail, and each answer must be of a version that was deployed.
func (l *lab) reload(ctx context.Context) error {
	l.say("reload: %d deploys under load on %d connections", loadReloads, loadConnections)
	c, err := l.startCloud(ctx, filepath.Join(l.dir, "cloud-reload"))
	if err != nil {
		return err
	}
	defer func() { _ = c.stop() }() // the numbers are already taken
	const name = "bench-reload"
	version := func(n int) string { return fmt.Sprintf("version %d", n) }
	dir, err := l.project(name, version(0))
	if err != nil {
		return err
	}
	ship := func(n int) error {
		if err := source(dir, version(n)); err != nil {
			return err
		}
		if _, err := command(ctx, dir, c.env(environment()), l.clodo, "deploy"); err != nil {
			return err
		}
		_, err := answers(ctx, c.Data, c.host(name), version(n))
		return err
	}
	if err := ship(0); err != nil {
		return err
	}
	load, stop := context.WithCancel(ctx)
	defer stop()
	tallies := make([]tally, loadConnections)
	var group sync.WaitGroup
	for i := range tallies {
		group.Go(func() { tallies[i] = ask(load, c.Data, c.host(name)) })
	}
	began := time.Now()
	for n := 1; n <= loadReloads; n++ {
		if err := ship(n); err != nil {
			stop()
			group.Wait()
			return err
		}
	}
	stop()
	group.Wait()
	return l.judge(tallies, time.Since(began), version)
}

func (l *lab) judge(tallies []tally, took time.Duration, version func(int) string) error {
	var all series
	var examples []error
	failed, wrong := 0, 0
	texts := map[string]int{}
	for _, one := range tallies {
		all = append(all, one.took...)
		failed += one.failed
		if one.example != nil {
			examples = append(examples, one.example)
		}
		for text, n := range one.texts {
			texts[text] += n
		}
	}
	for n := range loadReloads + 1 {
		delete(texts, version(n))
	}
	for _, n := range texts {
		wrong += n
	}
	if len(all) == 0 {
		return errors.Join(append(examples, errors.New("not one request was answered"))...)
	}
	slices.Sort(all)
	l.add(result{
		what: fmt.Sprintf("failed or wrong of %d requests at %.0f/s during %d deploys", len(all)+failed, float64(len(all))/took.Seconds(), loadReloads),
		ours: series{float64(failed + wrong)}, noteOfGoal: "0",
	})
	l.add(result{what: "their latency: p50 / p99 / max", unit: "ms", ours: series{all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}})
	return errors.Join(examples...)
}

// ask sends one request after the other on a connection of its own until ctx ends. It
// speaks to the socket itself, because an HTTP client repeats a request silently when
// the connection breaks, which is what has to be seen here. A connection that the
// server announced to close is replaced without counting.
func ask(ctx context.Context, base, host string) tally {
	t := tally{texts: map[string]int{}}
	address, err := url.Parse(base)
	if err != nil {
		t.failed, t.example = 1, err
		return t
	}
	request := []byte("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
	var conn net.Conn
	var in *bufio.Reader
	for ctx.Err() == nil {
		if conn == nil {
			if conn, err = net.DialTimeout("tcp", address.Host, 5*time.Second); err != nil {
				t.failed++
				t.example = err
				continue
			}
			in = bufio.NewReader(conn)
		}
		began := time.Now()
		body, last, err := exchange(conn, in, request)
		if err != nil {
			t.failed++
			t.example = err
		} else {
			t.took = append(t.took, time.Since(began).Seconds()*1000)
			t.texts[body]++
		}
		if err != nil || last {
			_ = conn.Close() // replaced
			conn = nil
		}
	}
	if conn != nil {
		_ = conn.Close() // the end
	}
	return t
}

// exchange is one request and its answer; last says that the server closes.
func exchange(conn net.Conn, in *bufio.Reader, request []byte) (body string, last bool, err error) {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", false, err
	}
	if _, err := conn.Write(request); err != nil {
		return "", false, err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return "", false, err
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return "", false, err
	}
	if res.StatusCode != http.StatusOK {
		return "", false, fmt.Errorf("answered %d %.80q", res.StatusCode, bytes.TrimSpace(b))
	}
	return string(b), res.Close, nil
}
