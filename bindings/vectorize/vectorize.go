// Package vectorize is the binding to an index of Vectorize.
//
//	var texts = vectorize.Open("TEXTS")
//
//	matches, err := texts.Query(ctx, vector, vectorize.QueryOptions{TopK: 3, Metadata: "all"})
//
// On Cloudflare changes are found some seconds later, and searches are approximate; in
// the local cloud and natively they are there at once, and exact.
package vectorize

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error is what Vectorize refused, in the words of its binding, such as
// "VECTOR_QUERY_ERROR (code = 40006): …".
type Error = wire.Error

const kind = "vectorize"

// Index is an index. It holds nothing of a request and serves all of them.
type Index struct{ binding string }

// Open is the index that the binding of that name is for. Whether there is one shows when
// it is used.
func Open(binding string) *Index { return &Index{binding} }

// Vector is a vector with what is known about it.
type Vector struct {
	ID        string         `json:"id"`
	Values    []float32      `json:"values,omitempty"` // as many as the index has dimensions
	Namespace string         `json:"namespace,omitempty"`
	Metadata  map[string]any `json:"metadata,omitempty"`
}

// Match is a vector that a query found. Its Values and Metadata are there when they were
// asked for. Its Score is what the metric of the index says: by cosine 1 is the nearest.
type Match struct {
	Vector
	Score float64 `json:"score"`
}

// QueryOptions say what a query finds.
type QueryOptions struct {
	TopK      int // how many; 0 is 5
	Namespace string
	Values    bool           // matches have their values
	Metadata  string         // that matches have: "none" (default), "indexed" or "all"
	Filter    map[string]any // of metadata, in the form of Vectorize
}

// query is a query as it is sent.
type query struct {
	Vector    []float32      `json:"vector,omitempty"`
	VectorID  string         `json:"vectorId,omitempty"`
	TopK      int            `json:"topK,omitempty"`
	Namespace string         `json:"namespace,omitempty"`
	Values    bool           `json:"returnValues,omitempty"`
	Metadata  string         `json:"returnMetadata,omitempty"`
	Filter    map[string]any `json:"filter,omitempty"`
}

// Query finds the vectors nearest to one, the nearest first.
func (i *Index) Query(ctx context.Context, vector []float32, o QueryOptions) ([]Match, error) {
	return i.query(ctx, query{vector, "", o.TopK, o.Namespace, o.Values, o.Metadata, o.Filter})
}

// QueryByID finds the vectors nearest to one that is in the index.
func (i *Index) QueryByID(ctx context.Context, id string, o QueryOptions) ([]Match, error) {
	return i.query(ctx, query{nil, id, o.TopK, o.Namespace, o.Values, o.Metadata, o.Filter})
}

func (i *Index) query(ctx context.Context, q query) ([]Match, error) {
	var found struct{ Matches []Match }
	err := i.do(ctx, "query", q, &found)
	return found.Matches, err
}

// Insert adds vectors; those whose id is there already stay as they are. It returns the
// id of the change.
func (i *Index) Insert(ctx context.Context, vectors ...Vector) (change string, err error) {
	return i.change(ctx, "insert", vectors)
}

// Upsert adds vectors, and replaces those whose id is there already.
func (i *Index) Upsert(ctx context.Context, vectors ...Vector) (change string, err error) {
	return i.change(ctx, "upsert", vectors)
}

// Delete removes vectors.
func (i *Index) Delete(ctx context.Context, ids ...string) (change string, err error) {
	return i.change(ctx, "deleteByIds", identified{ids})
}

// Get gives the vectors with these ids, as far as there are any, in no particular order.
func (i *Index) Get(ctx context.Context, ids ...string) ([]Vector, error) {
	var all []Vector
	return all, i.do(ctx, "getByIds", identified{ids}, &all)
}

type identified struct {
	IDs []string `json:"ids"`
}

// Description is what an index says of itself.
type Description struct {
	Dimensions int       `json:"dimensions"`
	Vectors    int       `json:"vectorCount"`
	LastChange string    `json:"processedUpToMutation"`
	ChangedOn  time.Time `json:"-"` // zero: never
}

// Describe tells how large the index is.
func (i *Index) Describe(ctx context.Context) (Description, error) {
	var d struct {
		Description
		On json.RawMessage `json:"processedUpToDatetime"` // a time or a number of milliseconds
	}
	if err := i.do(ctx, "info", nil, &d); err != nil {
		return Description{}, err
	}
	var ms int64
	if len(d.On) > 0 && json.Unmarshal(d.On, &ms) == nil && ms != 0 {
		d.ChangedOn = time.UnixMilli(ms).UTC()
	} else if len(d.On) > 0 {
		_ = json.Unmarshal(d.On, &d.ChangedOn) // what is no time is none
	}
	return d.Description, nil
}

func (i *Index) change(ctx context.Context, op string, args any) (string, error) {
	var done struct{ MutationID string }
	if err := i.do(ctx, op, args, &done); err != nil {
		return "", err
	}
	if done.MutationID == "" {
		return "", fmt.Errorf("vectorize %s: %s: the answer names no change", i.binding, op)
	}
	return done.MutationID, nil
}
