// Package version is the binding to the metadata of the Worker's version.
package version

import (
	"context"
	"time"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Metadata says which version of a Worker runs. A program that runs natively has the ID
// "native" and the time at which its bindings were opened.
type Metadata struct {
	ID        string    `json:"id"`
	Tag       string    `json:"tag"`
	Timestamp time.Time `json:"timestamp"`
}

// Read reads the binding of that name.
func Read(ctx context.Context, binding string) (m Metadata, err error) {
	return m, wire.JSON(ctx, "version", binding, "read", nil, &m)
}
