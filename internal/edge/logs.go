package edge

import (
	"context"
	"time"

	"github.com/tamylaa/clodo/cloudflare"
)

const (
	logsLate   = 5 * time.Second // how long Logged waits for logs that are on their way
	firstPause = 50 * time.Millisecond
	lastPause  = 500 * time.Millisecond
	// A local cloud's clock may have been moved ahead.
	logsAhead = 10 * 365 * 24 * time.Hour
)

// Logged implements deploy.Logs. It looks less and less often, as a token may only make so
// many calls.
func (e *Edge) Logged(ctx context.Context, account, ray string) ([]string, error) {
	a, err := e.accounts.Account(ctx, account)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, logsLate)
	defer cancel()
	now := time.Now()
	q := cloudflare.LogQuery{Account: a.ID, Ray: ray, From: now.Add(-time.Hour), To: now.Add(logsAhead)}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		logs, err := a.Client.Logs(ctx, q)
		switch {
		case ctx.Err() != nil:
			return nil, nil
		case err != nil:
			return nil, err
		case len(logs) > 0:
			var texts []string
			for _, l := range logs {
				texts = append(texts, l.Message)
			}
			return texts, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
