package durable_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/internal/durable"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/project"
)

// These measure what clodo itself costs to release a one-file Worker: the account
// answers at once. The first release of a portfolio also makes the tables.
func BenchmarkFirstRelease(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		releaseOnce(b, dir, deploytest.New(dir), "v1")
	}
}

func BenchmarkNextRelease(b *testing.B) {
	dir := b.TempDir()
	account := deploytest.New(dir)
	releaseOnce(b, dir, account, "v0")
	for n := 1; b.Loop(); n++ {
		releaseOnce(b, dir, account, fmt.Sprint("v", n))
	}
}

func BenchmarkUnchanged(b *testing.B) {
	dir := b.TempDir()
	account := deploytest.New(dir)
	releaseOnce(b, dir, account, "v1")
	for b.Loop() {
		releaseOnce(b, dir, account, "v1")
	}
}

// releaseOnce is one run of clodo, from opening the state folder to closing it.
func releaseOnce(b *testing.B, dir string, account *deploytest.Account, code string) {
	b.Helper()
	store := state.New(filepath.Join(dir, state.Folder))
	p := account.Ports()
	source := &deploytest.Source{Code: map[string]string{"api": code}}
	p.Builder, p.Secrets, p.Observer = source, source, &deploytest.Events{}
	p.Blobs, p.Recorder, p.History, p.Leases = store, store, store, store.Leases()
	d := deploy.New(p, deploy.Options{By: deploy.Holder{User: "jo", Host: "bench"}, Engine: func(ctx context.Context, release string, set *flow.Set) (flow.Engine, error) {
		db, err := store.Handle(ctx)
		if err != nil {
			return nil, err
		}
		return durable.New(ctx, set, durable.Options{DB: db, Scope: release})
	}})
	id := project.TargetID{Service: "api"}
	t := project.Target{TargetID: id, Health: project.HealthCheck{Timeout: time.Second}, Worker: project.Worker{Name: "api"}}
	c, err := d.Plan(b.Context(), []project.Target{t}, []deploy.Wave{{Targets: []project.TargetID{id}}})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Deploy(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
}
