package main

import (
	"context"
	"fmt"
	"os"
)

// binary measures what every call pays: the size of the program and its start.
func (l *lab) binary(ctx context.Context) error {
	l.say("binary: size and start")
	info, err := os.Stat(l.clodo)
	if err != nil {
		return fmt.Errorf("look at the binary: %w", err)
	}
	l.add(result{what: "stripped binary", unit: "MB", ours: series{float64(info.Size()) / 1e6}, goal: 45})
	var ours series
	for range 5 * l.rounds {
		d, err := command(ctx, l.dir, environment(), l.clodo, "version")
		if err != nil {
			return err
		}
		ours = append(ours, d.Seconds()*1000)
	}
	l.add(result{what: "`clodo version`", unit: "ms", ours: ours, goal: 15})
	for _, p := range l.peers {
		var theirs series
		for range l.rounds {
			d, err := command(ctx, l.dir, p.env, append(append([]string{}, p.argv...), "--version")...)
			if err != nil {
				return err
			}
			theirs = append(theirs, d.Seconds()*1000)
		}
		l.add(result{what: "`version`", unit: "ms", ours: ours, peer: p.name, theirs: theirs})
	}
	return nil
}
