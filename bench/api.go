package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	apiClients = 16
	apiCell    = 3 * time.Second
)

// api measures authenticated reads of the REST API: what a deployment tool asks, in
// turn. Each answer has to be the one that the same call got before the load.
func (l *lab) api(ctx context.Context) error {
	l.say("api: authenticated reads, %d clients", apiClients)
	c, err := l.startCloud(ctx, l.state("cloud-api"))
	if err != nil {
		return err
	}
	defer func() { _ = c.stop() }() // the numbers are already taken
	account := "/accounts/" + c.AccountID
	if err := c.upload(ctx, "bench-api", `export default { fetch: () => new Response("api") }`); err != nil {
		return err
	}
	if status, answer, err := c.call(ctx, http.MethodPost, account+"/d1/database", `{"name":"bench"}`); err != nil || status != http.StatusOK {
		return fmt.Errorf("make a database: %d %s %w", status, answer, err)
	}
	address, err := url.Parse(c.API)
	if err != nil {
		return err
	}
	var calls []call
	for _, path := range []string{
		"/user/tokens/verify", "/accounts", account + "/workers/scripts", account + "/workers/scripts/bench-api/settings",
		account + "/workers/scripts/bench-api/deployments", account + "/d1/database", account + "/storage/kv/namespaces",
	} {
		status, answer, err := c.call(ctx, http.MethodGet, path, "")
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("read %s: %d %s %w", path, status, answer, err)
		}
		calls = append(calls, call{method: "GET", target: address.Path + path, header: "Authorization: Bearer " + c.APIToken + "\r\n", want: string(answer)})
	}
	d := door{address.Host, address.Host}
	next := func(connection, n int) call { return calls[(connection+n)%len(calls)] }
	var rates series
	for range l.rounds + 1 {
		began := time.Now()
		answered, err := drive(ctx, d, apiClients, apiCell, next)
		if err != nil {
			return err
		}
		rates = append(rates, float64(answered)/time.Since(began).Seconds())
	}
	l.add(result{what: fmt.Sprintf("REST API: %d reads in turn, %d clients", len(calls), apiClients), unit: "/s", more: true, ours: rates[1:], goal: 5000}) // the first warms up
	return nil
}
