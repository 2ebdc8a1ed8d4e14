// Package logs is a module that writes down what a service is asked and what changes in
// its stores.
//
//	changes := logs.New(logs.Options{DB: db, Auth: clodo.Authenticate(signIn.Bearer())})
//	data.Register(app, hooks, changes.Module(), …)
//
// Every request has an id and a line in the log. Every row that a store with the hooks
// makes, changes or deletes has a row in the table changes, with who did it in which
// request; GET /changes lists them.
package logs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/data"
)

// Change is a change of a row.
type Change struct {
	_         data.Table `data:"changes,index=model+row_id"`
	ID        int64      `data:"id,key"`
	At        time.Time  `data:"at,created"`
	Operation string     `data:"operation,enum=create|update|delete,required"`
	Model     string     `data:"model,required"`
	RowID     string     `data:"row_id,required"`
	Subject   *string    `data:"subject"`    // who did it, when the request was signed
	RequestID *string    `data:"request_id"` // in which request
}

// Options are what the module needs.
type Options struct {
	DB *d1.DB // required
	// Auth lets requests for the changes through. Required, as they say who did what.
	Auth clodo.Middleware
	// Path is where the changes are listed; default: /changes.
	Path string
	// Log gets a line for each request; default: [slog.Default].
	Log *slog.Logger
}

// Logs is the module.
type Logs struct {
	options Options
	changes *data.Store[Change]
}

// New prepares the module. It panics when something is missing.
func New(o Options) *Logs {
	if o.DB == nil || o.Auth == nil {
		panic("logs: Options.DB and Options.Auth are needed")
	}
	if o.Path == "" {
		o.Path = "/changes"
	}
	// The store has no hooks: its own rows are no changes to write down.
	return &Logs{o, data.NewStore(data.Define(data.Options[Change]{}), o.DB, data.StoreOptions{})}
}

// Changes are the changes that were written down.
func (l *Logs) Changes() *data.Store[Change] { return l.changes }

// Module is what is registered.
func (l *Logs) Module() data.Module {
	m := data.Module{
		Name: "logs", Models: []*data.Schema{l.changes.Model().Schema()},
		Middleware: []clodo.Middleware{clodo.RequestID, clodo.Log(l.options.Log)},
		Routes: func(app *clodo.Router) []*data.Endpoint {
			return []*data.Endpoint{data.Resource(app, l.options.Path, l.changes, data.ResourceOptions{Auth: l.options.Auth, ReadOnly: true})}
		},
	}
	for _, o := range []data.Operation{data.OpCreate, data.OpUpdate, data.OpDelete} {
		// Late: what other hooks refuse or change is settled then.
		m.Hooks = append(m.Hooks, data.Hook{Name: "write down", On: "after." + string(o), Order: 1000, Run: l.write})
	}
	return m
}

func (l *Logs) write(ctx context.Context, e *data.Event) error {
	c := Change{Operation: string(e.Operation), Model: e.Model, RowID: fmt.Sprint(e.ID)}
	if id := clodo.IdentityOf(ctx); id != nil {
		c.Subject = &id.Subject
	}
	if id := clodo.RequestIDOf(ctx); id != "" {
		c.RequestID = &id
	}
	_, err := l.changes.Create(ctx, c)
	return err
}
