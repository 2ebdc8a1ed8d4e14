package cloudflare

import (
	"context"
	"net/http"
)

type schedule struct {
	Cron string `json:"cron"`
}

type schedules struct {
	Schedules []schedule `json:"schedules"`
}

const schedulesPath = scriptPath + "/schedules"

// Schedules reads a Worker's cron triggers.
func (c *Client) Schedules(ctx context.Context, account, script string) ([]string, error) {
	s, err := call[schedules](ctx, c, request{method: http.MethodGet, path: schedulesPath, args: []string{account, script}, effect: reads})
	return s.crons(), err
}

// PutSchedules replaces all of a Worker's cron triggers.
func (c *Client) PutSchedules(ctx context.Context, account, script string, crons []string) ([]string, error) {
	body := make([]schedule, len(crons))
	for i, cron := range crons {
		body[i].Cron = cron
	}
	s, err := call[schedules](ctx, c, request{method: http.MethodPut, path: schedulesPath, args: []string{account, script}, effect: names}.withJSON(body))
	return s.crons(), err
}

func (s schedules) crons() []string {
	var list []string
	for _, one := range s.Schedules {
		list = append(list, one.Cron)
	}
	return list
}
