package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// deploy compares deploying the same one-file Worker to the same local cloud: the
// first time, after a change, and with nothing changed.
func (l *lab) deploy(ctx context.Context) error {
	l.say("deploy: the same Worker to the same local cloud")
	c, err := l.startCloud(ctx, filepath.Join(l.dir, "cloud-deploy"))
	if err != nil {
		return err
	}
	defer func() { _ = c.stop() }() // the numbers are already taken

	tools := append([]peer{{name: "clodo", argv: []string{l.clodo}, env: environment()}}, l.peers...)
	kinds := []string{"first deploy", "deploy of a change", "redeploy, nothing changed"}
	took := map[string]map[string]series{}
	for _, kind := range kinds {
		took[kind] = map[string]series{}
	}
	for round := range l.rounds {
		for i, tool := range tools {
			name := fmt.Sprintf("bench-%d-%d", i, round)
			dir, err := l.project(name, name+" one")
			if err != nil {
				return err
			}
			for _, kind := range kinds {
				text := name + " one"
				if kind != "first deploy" {
					text = name + " two"
				}
				if err := source(dir, text); err != nil {
					return err
				}
				d, err := command(ctx, dir, c.env(tool.env), append(append([]string{}, tool.argv...), "deploy")...)
				if err != nil {
					return err
				}
				if _, err := answers(ctx, c.Data, c.host(name), text); err != nil {
					return fmt.Errorf("after %s of %s: %w", kind, tool.name, err)
				}
				took[kind][tool.name] = took[kind][tool.name].seconds(d)
			}
		}
	}
	for _, kind := range kinds {
		goal := 5.0
		if kind == "redeploy, nothing changed" {
			goal = 10
		}
		for _, p := range l.peers {
			l.add(result{what: kind, unit: "s", ours: took[kind]["clodo"], peer: p.name, theirs: took[kind][p.name], goal: goal})
		}
	}
	return nil
}
