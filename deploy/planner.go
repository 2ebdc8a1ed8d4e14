package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/migrate"
	"github.com/tamylaa/clodo/project"
)

// Checked is a plan that went through the gate, with the bytes that it speaks of. Only
// Deployer makes one, so that nothing can be deployed past the gate.
type Checked struct {
	Plan  Plan // with all findings
	blobs [][]byte
}

// Err is why the plan may not be carried out: a *diag.Error with all findings, or nil.
func (c Checked) Err() error {
	return diag.Findings(c.Plan.Findings)
}

// store keeps everything that steps will read, before the first of them.
func (c Checked) store(ctx context.Context, blobs Blobs) error {
	var g errgroup.Group
	g.SetLimit(8)
	for _, b := range c.blobs {
		g.Go(func() error {
			_, err := blobs.Put(ctx, b)
			return err
		})
	}
	return g.Wait()
}

// Plan builds targets, reads what is live, compares and runs the gate. It changes
// nothing. waves comes from portfolio.Order. Findings are in the result, see
// Checked.Err; the error is for what could not be read or built at all.
func (d *Deployer) Plan(ctx context.Context, targets []project.Target, waves []Wave) (Checked, error) {
	r := Request{
		Targets: targets, Waves: waves, Artifacts: map[project.TargetID]Artifact{},
		Files: map[project.TargetID]map[string][]migrate.File{}, Secrets: map[project.TargetID][]SecretInfo{},
	}
	var found []diag.Finding
	var mu sync.Mutex // guards r and found
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(d.o.Parallel + 1)
	g.Go(func() (err error) {
		r.Live, err = d.ports.Live.Live(gctx, targets)
		return err
	})
	for _, t := range targets {
		g.Go(func() error {
			a, err := d.build(gctx, t)
			if err != nil {
				var de *diag.Error
				if errors.As(err, &de) && len(de.Findings) > 0 {
					mu.Lock()
					defer mu.Unlock()
					found = append(found, de.Findings...)
					return nil // so that the other targets' findings come in the same run
				}
				return err
			}
			secrets, err := d.ports.Secrets.Available(gctx, t.TargetID)
			if err != nil {
				return fmt.Errorf("list secrets of %s: %w", t.TargetID, err)
			}
			files, fs := migrationFiles(t)
			mu.Lock()
			defer mu.Unlock()
			r.Artifacts[t.TargetID], r.Secrets[t.TargetID], r.Files[t.TargetID] = a, secrets, files
			found = append(found, fs...)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return Checked{}, unread(err)
	}
	if diag.HasErrors(found) {
		return Checked{Plan: Plan{Findings: found}}, nil
	}
	if err := d.readApplied(ctx, &r); err != nil {
		return Checked{}, unread(err)
	}
	start := time.Now()
	p := NewPlan(r)
	p.Findings = append(p.Findings, found...)
	p.Findings = Gate(p, r)
	unfinished, err := d.unfinished(ctx, p)
	if err != nil {
		return Checked{}, err
	}
	p.Findings = append(p.Findings, unfinished...)
	c := Checked{Plan: p}
	for _, t := range p.Targets {
		e := Event{Time: time.Now(), Target: t.Target, Step: StepPlan, State: Done, Detail: changesWords(len(t.Changes)), Elapsed: time.Since(start)}
		d.ports.Observer.Observe(e)
		if t.Mode != UploadNone {
			if err := c.add(r.Artifacts[t.Target]); err != nil {
				return c, err
			}
		}
		for _, files := range r.Files[t.Target] {
			for _, f := range files {
				c.blobs = append(c.blobs, []byte(f.SQL))
			}
		}
	}
	return c, nil
}

// unfinished warns of releases that have begun on the Workers of p: what is live may
// look as planned and was never verified.
func (d *Deployer) unfinished(ctx context.Context, p Plan) ([]diag.Finding, error) {
	list, err := d.ports.History.Unfinished(ctx)
	if err != nil {
		return nil, fmt.Errorf("read releases: %w", err)
	}
	var found []diag.Finding
	for _, old := range list {
		for i, t := range old.Targets {
			if t.Outcome == Running && slices.ContainsFunc(p.Targets, old.Plan.Targets[i].sameWorker) {
				found = append(found, diag.Finding{
					Code: "D303", Severity: diag.SeverityWarning,
					Message: fmt.Sprintf("release %s of %s is not finished", old.ID, t.Target),
					Why:     fmt.Sprintf("%s@%s started it %s; what is live may not have been verified", old.By.User, old.By.Host, old.Started.Local().Format("2006-01-02 15:04")),
					Fix:     "wait if it still runs; else clodo deploy --resume goes on after its last finished step",
				})
			}
		}
	}
	return found, nil
}

func changesWords(n int) string {
	switch n {
	case 0:
		return "no changes"
	case 1:
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

// add remembers the bytes of an artifact, and its own JSON.
func (c *Checked) add(a Artifact) error {
	raw, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write artifact: %w", err)
	}
	c.blobs = append(c.blobs, raw)
	for _, m := range a.Modules {
		if Digest(m.Bytes) != m.Digest {
			return fmt.Errorf("module %s does not have the digest that the plan names", m.Name)
		}
		c.blobs = append(c.blobs, m.Bytes)
	}
	return nil
}

// build makes the artifact of t and tells the observer.
func (d *Deployer) build(ctx context.Context, t project.Target) (Artifact, error) {
	start := time.Now()
	e := Event{Time: start, Target: t.TargetID, Step: StepBuild, State: Started}
	d.ports.Observer.Observe(e)
	a, err := d.ports.Builder.Build(ctx, t)
	e.Time, e.Elapsed, e.State, e.Detail = time.Now(), time.Since(start), Done, sizeWords(a)
	switch {
	case err != nil && stopped(err): // by an interrupt, or because something else went wrong
		e.State, e.Detail = Skipped, "stopped"
	case err != nil:
		e.State, e.Error, e.Detail = Failed, err.Error(), ""
		var de *diag.Error
		if errors.As(err, &de) {
			e.Findings = de.Findings
		}
	}
	d.ports.Observer.Observe(e)
	return a, err
}

// stopped reports whether err says only that the work was to end.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func sizeWords(a Artifact) string {
	if a.MainModule == "" {
		return fmt.Sprintf("%d assets", len(a.Assets))
	}
	return fmt.Sprintf("%.1f KB gzip", float64(a.GzipSize)/1000)
}

// migrationFiles reads the migrations of each D1 binding of t.
func migrationFiles(t project.Target) (map[string][]migrate.File, []diag.Finding) {
	files := map[string][]migrate.File{}
	var found []diag.Finding
	for _, b := range t.Worker.Bindings {
		if b.Kind != string(KindD1) || b.MigrationsDir == "" {
			continue
		}
		shown, err := filepath.Rel(t.Root, b.MigrationsDir)
		if err != nil {
			shown = b.MigrationsDir
		}
		list, fs := migrate.ReadDir(b.MigrationsDir, filepath.ToSlash(shown))
		files[b.Name] = list
		found = append(found, fs...)
	}
	return files, found
}

// readApplied asks every database that has migration files and exists what ran.
func (d *Deployer) readApplied(ctx context.Context, r *Request) error {
	r.Live.Applied = map[string]migrate.Applied{}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(d.o.Parallel)
	asked := map[string]bool{}
	for _, t := range r.Targets {
		account := AccountName(t)
		b := &planBuilder{Request: *r}
		for _, res := range b.resources(t, r.Live.Accounts[account]) {
			i := slices.IndexFunc(t.Worker.Bindings, func(x project.Binding) bool { return x.Name == res.Binding })
			table := cmp.Or(t.Worker.Bindings[i].MigrationsTable, migrate.DefaultTable)
			key := AppliedKey(account, res.ID, table)
			if res.Kind != KindD1 || res.ID == "" || len(r.Files[t.TargetID][res.Binding]) == 0 || asked[key] {
				continue
			}
			asked[key] = true
			g.Go(func() error {
				applied, err := migrate.Read(gctx, d.ports.Databases.Database(account, res.ID), table)
				if err != nil {
					return fmt.Errorf("database %s: %w", res.Name, err)
				}
				for name, rec := range applied.Records {
					if text, err := d.ports.Blobs.Get(gctx, rec.Checksum); err == nil { // only to show where a file was edited
						rec.Text = string(text)
						applied.Records[name] = rec
					}
				}
				mu.Lock()
				defer mu.Unlock()
				r.Live.Applied[key] = applied
				return nil
			})
		}
	}
	return g.Wait()
}

// unread is an error of reading or building, for people.
func unread(err error) error {
	var de *diag.Error
	if errors.As(err, &de) {
		return de
	}
	if stopped(err) && !errors.Is(err, ErrUnavailable) {
		return &diag.Error{
			Finding: diag.Finding{Code: "D205", Severity: diag.SeverityError, Message: "interrupted before the plan was made", Fix: "run the same command again"},
			State:   diag.NothingChanged, Exit: diag.ExitInterrupted, Err: err,
		}
	}
	p := problemOf(err, TargetPlan{}, StepPlan, "read what is live")
	p.State = diag.NothingChanged
	if p.Finding.Code == "D203" {
		p.Finding.Message = "what is live could not be read"
	}
	switch p.Finding.Code {
	case "N301":
		p.Finding.Fix = "run the same command again"
	case "N302":
		p.Finding.Fix = "wait five minutes, then run the same command again"
	}
	return p.Err()
}
