package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// cloud is a running `clodo cloud`.
type cloud struct {
	API        string `json:"api"`
	Data       string `json:"data"`
	AccountID  string `json:"account_id"`
	APIToken   string `json:"api_token"`
	WorkersDev string `json:"workers_dev"`

	cmd   *exec.Cmd
	cause bytes.Buffer // stderr
}

// startCloud starts one on free ports, without the limit of calls that would be
// measured else, and returns when it is ready.
func (l *lab) startCloud(ctx context.Context, state string) (*cloud, error) {
	c := &cloud{cmd: exec.CommandContext(ctx, l.clodo, "cloud", "--port", "0", "--state", state, "--rate-limit", "off", "--json")}
	c.cmd.Env, c.cmd.Stderr, c.cmd.WaitDelay = environment(), &c.cause, 5*time.Second
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(os.Interrupt) }
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the local cloud: %w", err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, c)
	}
	if err != nil {
		_ = c.stop() // what it said is in cause
		return nil, fmt.Errorf("read the local cloud's first line %q: %w\n%s", line, err, c.cause.String())
	}
	return c, nil
}

// stop ends it and waits.
func (c *cloud) stop() error {
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		_ = c.cmd.Process.Kill() // Windows has no interrupt
	}
	kill := time.AfterFunc(15*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	if err := c.cmd.Wait(); err != nil && c.cmd.ProcessState == nil {
		return fmt.Errorf("wait for the local cloud: %w", err)
	}
	return nil
}

// env points a tool at this cloud.
func (c *cloud) env(base []string) []string {
	return append(append([]string{}, base...),
		"CLOUDFLARE_API_BASE_URL="+c.API, "CLOUDFLARE_API_TOKEN="+c.APIToken, "CLOUDFLARE_ACCOUNT_ID="+c.AccountID)
}

// host is the name that a Worker answers to on the data port.
func (c *cloud) host(worker string) string { return worker + "." + c.WorkersDev }

// call is one call of the REST API with JSON.
func (c *cloud) call(ctx context.Context, method, path, body string) (status int, answer []byte, err error) {
	return c.send(ctx, method, path, "application/json", body)
}

func (c *cloud) send(ctx context.Context, method, path, contentType, body string) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.API+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.APIToken)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return res.StatusCode, b.Bytes(), err
}
