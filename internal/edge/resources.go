package edge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/migrate"
)

// FindResource implements deploy.Resources.
func (e *Edge) FindResource(ctx context.Context, account string, kind deploy.ResourceKind, name string) (string, error) {
	a, err := e.accounts.Account(ctx, account)
	if err != nil {
		return "", err
	}
	switch kind {
	case deploy.KindD1:
		for d, err := range a.Client.Databases(ctx, a.ID, name) {
			if err != nil {
				return "", a.translate(err, deploy.PermD1, "look for database "+name)
			}
			if d.Name == name { // the API's filter also finds names that only contain it
				return d.ID, nil
			}
		}
	case deploy.KindKV:
		for n, err := range a.Client.Namespaces(ctx, a.ID) {
			if err != nil {
				return "", a.translate(err, deploy.PermKV, "look for namespace "+name)
			}
			if n.Title == name {
				return n.ID, nil
			}
		}
	case deploy.KindR2:
		b, err := a.Client.Bucket(ctx, a.ID, name, "")
		if !errors.Is(err, cloudflare.CodeR2BucketNotFound) {
			return b.Name, a.translate(err, deploy.PermR2, "look for bucket "+name)
		}
	case deploy.KindQueue:
		for q, err := range a.Client.Queues(ctx, a.ID) {
			if err != nil {
				return "", a.translate(err, deploy.PermQueues, "look for queue "+name)
			}
			if q.Name == name {
				return q.Name, nil
			}
		}
	}
	return "", fmt.Errorf("%s %q: %w", kind, name, deploy.ErrNotFound)
}

// CreateResource implements deploy.Resources.
func (e *Edge) CreateResource(ctx context.Context, account string, kind deploy.ResourceKind, name string) (string, error) {
	a, err := e.accounts.Account(ctx, account)
	if err != nil {
		return "", err
	}
	op := fmt.Sprintf("create %s %s", kind, name)
	switch kind {
	case deploy.KindD1:
		d, err := a.Client.CreateDatabase(ctx, a.ID, cloudflare.NewDatabase{Name: name})
		if errors.Is(err, cloudflare.CodeD1NameExists) {
			return "", fmt.Errorf("%s: %w: %w", op, err, deploy.ErrConflict)
		}
		return d.ID, a.translate(err, deploy.PermD1, op)
	case deploy.KindKV:
		n, err := a.Client.CreateNamespace(ctx, a.ID, name)
		if errors.Is(err, cloudflare.CodeKVTitleExists) {
			return "", fmt.Errorf("%s: %w: %w", op, err, deploy.ErrConflict)
		}
		return n.ID, a.translate(err, deploy.PermKV, op)
	case deploy.KindR2:
		b, err := a.Client.CreateBucket(ctx, a.ID, cloudflare.NewBucket{Name: name})
		if errors.Is(err, cloudflare.CodeR2BucketExists) {
			return "", fmt.Errorf("%s: %w: %w", op, err, deploy.ErrConflict)
		}
		return b.Name, a.translate(err, deploy.PermR2, op)
	case deploy.KindQueue:
		q, err := a.Client.CreateQueue(ctx, a.ID, name)
		if errors.Is(err, cloudflare.CodeQueueExists) {
			return "", fmt.Errorf("%s: %w: %w", op, err, deploy.ErrConflict)
		}
		return q.Name, a.translate(err, deploy.PermQueues, op)
	}
	return "", fmt.Errorf("%s: unknown kind", op)
}

// database implements migrate.Database over the API.
type database struct {
	edge    *Edge
	account string
	id      string
}

var _ migrate.Database = (*database)(nil)

// Query implements migrate.Database.
func (d *database) Query(ctx context.Context, sql string, params ...any) ([]map[string]any, error) {
	a, err := d.edge.accounts.Account(ctx, d.account)
	if err != nil {
		return nil, err
	}
	results, err := a.Client.Query(ctx, a.ID, d.id, cloudflare.Query{
		Statement: cloudflare.Statement{SQL: sql, Params: params}, ReadOnly: onlyReads(sql),
	})
	switch {
	case errors.Is(err, cloudflare.CodeD1QueryFailed) && !errors.Is(err, cloudflare.ErrUnknownOutcome):
		return nil, errors.New(details(err))
	case err != nil:
		return nil, a.translate(err, deploy.PermD1, "query database "+d.id)
	case len(results) == 0:
		return nil, nil
	}
	return results[len(results)-1].Results, nil
}

// onlyReads reports whether sql certainly changes nothing: one SELECT. A text with
// several statements may begin with one.
func onlyReads(sql string) bool {
	return strings.HasPrefix(sql, "SELECT ") && !strings.Contains(sql, ";")
}

// details is Cloudflare's own words, without the call around them.
func details(err error) string {
	e, ok := errors.AsType[*cloudflare.Error](err)
	if !ok || len(e.Details) == 0 {
		return err.Error()
	}
	text := e.Details[0].Message
	for _, d := range e.Details[1:] {
		text += "; " + d.Message
	}
	return text
}
