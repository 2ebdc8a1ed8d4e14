package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path/filepath"
	"slices"
	"time"
)

// fleetSize is how many Workers one account has.
const fleetSize = 200

// state is a folder for a local cloud.
func (l *lab) state(name string) string { return filepath.Join(l.dir, name) }

// fleet measures the local cloud alone: its start with one Worker, and an account with
// many of them, in which one is deployed again.
func (l *lab) fleet(ctx context.Context) error {
	l.say("fleet: a start with 1 Worker, then %d in one account", fleetSize)
	if err := l.startWithOne(ctx); err != nil {
		return err
	}
	c, err := l.startCloud(ctx, l.state("cloud-fleet"))
	if err != nil {
		return err
	}
	defer func() { _ = c.stop() }() // the numbers are already taken
	began := time.Now()
	for n := range fleetSize {
		if err := c.upload(ctx, fleetName(n), fleetCode(n, 0)); err != nil {
			return err
		}
	}
	l.say("  %d uploads in %.1f s", fleetSize, time.Since(began).Seconds())
	if err := l.redeployed(ctx, c); err != nil {
		return err
	}
	if err := c.stop(); err != nil {
		return err
	}
	var took series
	for range l.rounds {
		d, err := l.startOf(ctx, l.state("cloud-fleet"), fleetName(0), fleetText(0, l.rounds))
		if err != nil {
			return err
		}
		took = took.seconds(d)
	}
	l.add(result{what: fmt.Sprintf("start to first 200 with %d Workers", fleetSize), unit: "s", ours: took})
	return nil
}

func fleetName(n int) string { return fmt.Sprintf("bench-%03d", n) }

func fleetText(n, version int) string { return fmt.Sprintf("Worker %d, version %d", n, version) }

func fleetCode(n, version int) string {
	return fmt.Sprintf("export default { fetch: () => new Response(%q) };\n", fleetText(n, version))
}

// startWithOne measures `clodo cloud` on a folder with one Worker, up to its answer.
func (l *lab) startWithOne(ctx context.Context) error {
	c, err := l.startCloud(ctx, l.state("cloud-one"))
	if err != nil {
		return err
	}
	if err := errors.Join(c.upload(ctx, fleetName(1), fleetCode(1, 1)), c.stop()); err != nil {
		return err
	}
	var took series
	for range 2 * l.rounds {
		d, err := l.startOf(ctx, l.state("cloud-one"), fleetName(1), fleetText(1, 1))
		if err != nil {
			return err
		}
		took = append(took, d.Seconds()*1000)
	}
	l.add(result{what: "`clodo cloud`: start to first 200 with 1 Worker", unit: "ms", ours: took, goal: 200})
	return nil
}

// startOf is the time from the start of the process to a Worker's right answer.
func (l *lab) startOf(ctx context.Context, state, worker, text string) (time.Duration, error) {
	began := time.Now()
	c, err := l.startCloud(ctx, state)
	if err != nil {
		return 0, err
	}
	at, err := answers(ctx, c.Data, c.host(worker), text)
	return at.Sub(began), errors.Join(err, c.stop())
}

// redeployed uploads one Worker of the fleet again while all of them run: from the
// call to its new answer, and what all processes of the cloud need before and
// meanwhile. The goals are for PSS, in which memory that processes share counts once.
func (l *lab) redeployed(ctx context.Context, c *cloud) error {
	var took, restRSS, restPSS, peakRSS, peakPSS series
	for version := range l.rounds {
		if err := errors.Join(l.wake(ctx, c), c.settled(ctx)); err != nil {
			return err
		}
		rest := memoryOf(c.cmd.Process.Pid)
		stop := peak(ctx, c.cmd.Process.Pid)
		began := time.Now()
		err := c.upload(ctx, fleetName(0), fleetCode(0, version+1))
		at := time.Now()
		if err == nil {
			at, err = answers(ctx, c.Data, c.host(fleetName(0)), fleetText(0, version+1))
		}
		if err == nil {
			err = c.settled(ctx) // the old process ends after the new one's first answer
		}
		most := stop()
		if err != nil {
			return err
		}
		took = took.seconds(at.Sub(began))
		restRSS, restPSS = append(restRSS, rest.rss), append(restPSS, rest.pss)
		peakRSS, peakPSS = append(peakRSS, most.rss), append(peakPSS, most.pss)
	}
	what := fmt.Sprintf("%d Workers in one account: ", fleetSize)
	l.add(result{what: what + "redeploy of one, to its new answer", unit: "s", ours: took, goal: 1.5})
	l.add(result{what: what + "memory at rest (PSS)", unit: "MB", ours: restPSS, goal: 600})
	l.add(result{what: what + "memory at rest (sum of RSS)", unit: "MB", ours: restRSS})
	l.add(result{what: what + "memory while switching (PSS)", unit: "MB", ours: peakPSS, goal: 1100})
	l.add(result{what: what + "memory while switching (sum of RSS)", unit: "MB", ours: peakRSS})
	return nil
}

// settled waits until the cloud's processes have been the same for 3 s: one that was
// replaced lives on for a moment, for what it still answers.
func (c *cloud) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	before, since := "", time.Now()
	for {
		now := fmt.Sprint(slices.Sorted(maps.Keys(below(c.cmd.Process.Pid))))
		if now != before {
			before, since = now, time.Now()
		}
		if time.Since(since) > 3*time.Second {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the processes of the cloud never come to rest: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// wake asks every Worker of the fleet, since those that nobody has asked need nothing.
func (l *lab) wake(ctx context.Context, c *cloud) error {
	for n := 1; n < fleetSize; n++ {
		if _, err := answers(ctx, c.Data, c.host(fleetName(n)), fleetText(n, 0)); err != nil {
			return err
		}
	}
	return nil
}

// upload puts a Worker of one module and gives it its address on workers.dev.
func (c *cloud) upload(ctx context.Context, name, code string) error {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err := w.WriteField("metadata", `{"main_module":"index.js","compatibility_date":"2026-01-01"}`)
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="index.js"; filename="index.js"`)
	h.Set("Content-Type", "application/javascript+module")
	part, err2 := w.CreatePart(h)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	_, err = part.Write([]byte(code))
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	path := "/accounts/" + c.AccountID + "/workers/scripts/" + name
	for _, call := range []struct{ method, path, contentType, body string }{
		{http.MethodPut, path, w.FormDataContentType(), b.String()},
		{http.MethodPost, path + "/subdomain", "application/json", `{"enabled":true}`},
	} {
		status, answer, err := c.send(ctx, call.method, call.path, call.contentType, call.body)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("upload %s: %s %s: %d %s %w", name, call.method, call.path, status, answer, err)
		}
	}
	return nil
}
