package main

import (
	"context"
	"fmt"
	"testing"

	sdk "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/memprovider"

	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/openfeature"
)

const benchFlags = `{"v":1,"environment":"production","flags":{
	"premium":{"default":false,"environment":true},
	"share":{"default":false,"rules":[{"percentage":50,"value":true}]},
	"rule":{"default":false,"rules":[{"when":[{"attribute":"plan","equals":"pro"}],"percentage":50,"value":true}]}
}}`

// benchSubject is a subject with half of whom the flags are on.
const benchSubject = "user-12346"

// checksPerCall hides what the call around a check costs.
const checksPerCall = 100

// feature compares reading a flag by its handle with OpenFeature's client, on
// OpenFeature's own provider in memory and on ours.
func (l *lab) feature(ctx context.Context) error {
	flags, err := feature.Open(feature.Options{Document: benchFlags})
	if err != nil {
		return err
	}
	e := flags.Evaluate(ctx, feature.Context{Domain: "shop.example.com", Subject: benchSubject, Attributes: map[string]string{"plan": "pro"}})
	want := func(flag string) bool { d, _ := e.Detail(flag); return d.Value == true }
	evaluate := benchRule
	memory := memprovider.NewInMemoryProvider(map[string]memprovider.InMemoryFlag{
		"premium": {State: memprovider.Enabled, DefaultVariant: "on", Variants: map[string]any{"on": true}},
		"rule": {
			State: memprovider.Enabled, DefaultVariant: "off", Variants: map[string]any{"on": true, "off": false},
			ContextEvaluator: &evaluate,
		},
	})
	clients := map[string]*sdk.Client{}
	for name, provider := range map[string]sdk.FeatureProvider{"memory": memory, "clodo": openfeature.NewProvider(flags)} {
		if err := sdk.SetNamedProviderWithContextAndWait(ctx, name, provider); err != nil {
			return fmt.Errorf("OpenFeature on %s: %w", name, err)
		}
		clients[name] = sdk.NewClient(name)
	}
	in := sdk.NewEvaluationContext(benchSubject, map[string]any{"plan": "pro"})
	asked := func(client, flag string) func(int) bool {
		c, right := clients[client], want(flag)
		return func(int) bool { return c.Boolean(ctx, flag, !right, in) == right }
	}
	by := func(flag string) func(int) bool {
		handle, right := feature.Bool(flag), want(flag)
		return func(int) bool {
			n := 0
			for range checksPerCall {
				if handle.In(e) == right {
					n++
				}
			}
			return n == checksPerCall
		}
	}
	for _, c := range []struct {
		what, flag string
		most, goal float64
		peer       string // "": there is none
	}{
		{"on or off", "premium", 5, 40, "memory"},
		{"by a share of subjects", "share", 25, 40, "clodo"},
		{"by a rule and a share", "rule", 25, 40, "memory"},
	} {
		row := result{what: "a flag, " + c.what, unit: "ns", peer: "OpenFeature SDK, provider in memory", goal: c.goal}
		if c.peer == "clodo" {
			row.peer = "OpenFeature SDK, provider of clodo"
		}
		check := by(c.flag)
		for range l.rounds {
			ours, err := perCall(ctx, 1, check)
			if err != nil {
				return fmt.Errorf("%s: %w", row.what, err)
			}
			theirs, err := perCall(ctx, 1, asked(c.peer, c.flag))
			if err != nil {
				return fmt.Errorf("%s by %s: %w", row.what, row.peer, err)
			}
			row.ours, row.theirs = append(row.ours, ours/checksPerCall), append(row.theirs, theirs)
		}
		l.add(row)
		l.add(result{what: row.what + ", alone", unit: "ns", ours: row.ours, goal: c.most})
		l.add(result{
			what: row.what + ", allocations", ours: series{testing.AllocsPerRun(100, func() { check(0) })},
			noteOfGoal: "≤ 0",
		})
	}
	return nil
}

// benchRule is the flag "rule" as a program has to write it for the provider in memory,
// which knows neither rules nor shares. The hash is ours, so that both answer the same.
func benchRule(f memprovider.InMemoryFlag, in sdk.FlattenedContext) (any, sdk.ProviderResolutionDetail) {
	subject, _ := in[sdk.TargetingKey].(string)
	variant := f.DefaultVariant
	if in["plan"] == "pro" && feature.Bucket("rule", subject) < 5000 {
		variant = "on"
	}
	return f.Variants[variant], sdk.ProviderResolutionDetail{Reason: sdk.TargetingMatchReason, Variant: variant}
}
