package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// scaffold measures how long it takes until a new service is there: all of its files, and
// its entry in clodo.yaml. The portfolio grows meanwhile.
func (l *lab) scaffold(ctx context.Context) error {
	l.say("scaffold: new services")
	if _, err := command(ctx, l.dir, environment(), l.clodo, "init", "shop"); err != nil {
		return err
	}
	shop := filepath.Join(l.dir, "shop")
	for _, language := range []string{"go", "ts"} {
		var ours series
		for i := range 4 * l.rounds {
			d, err := command(ctx, shop, environment(), l.clodo, "service", "create", fmt.Sprintf("orders-%s-%d", language, i), "--type", "data-service", "--lang", language)
			if err != nil {
				return err
			}
			ours = append(ours, d.Seconds()*1000)
		}
		l.add(result{what: "`clodo service create`, a data-service in " + language, unit: "ms", ours: ours, goal: 50})
	}
	return nil
}
