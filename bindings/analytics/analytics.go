// Package analytics is the binding to a dataset of Analytics Engine.
//
//	var visits = analytics.Open("VISITS")
//
//	err := visits.Write(ctx, analytics.Point{Index: customer, Blobs: []string{path}, Doubles: []float64{1}})
package analytics

import (
	"context"
	"fmt"
	"math"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error is what Analytics Engine refused, in its own words.
type Error = wire.Error

// Cloudflare's limits.
const (
	MaxIndex   = 96 // bytes
	MaxBlobs   = 20
	MaxBlob    = 16 << 10 // bytes of all blobs of a point
	MaxDoubles = 20
)

// Dataset is a dataset. It holds nothing of a request and serves all of them.
type Dataset struct{ binding string }

// Open is the dataset that the binding of that name is for. Whether there is one shows
// when it is used.
func Open(binding string) *Dataset { return &Dataset{binding} }

// Point is a data point.
type Point struct {
	Index   string    // by which points are sampled, such as a customer; "" is none
	Blobs   []string  // texts to group and filter by
	Doubles []float64 // numbers to calculate with
}

// point is a Point as it is sent.
type point struct {
	Indexes []string  `json:"indexes"`
	Blobs   []string  `json:"blobs"`
	Doubles []float64 `json:"doubles"`
}

// Write writes data points. What one of them may not be is an error, and nothing is
// written. On Workers it is not waited for, and a failure of the write itself is told to
// nobody.
func (d *Dataset) Write(ctx context.Context, points ...Point) error {
	all := make([]point, len(points))
	for i, p := range points {
		if err := p.check(); err != nil {
			return fmt.Errorf("analytics %s: data point %d: %w", d.binding, i+1, err)
		}
		all[i] = point{[]string{}, append([]string{}, p.Blobs...), append([]float64{}, p.Doubles...)}
		if p.Index != "" {
			all[i].Indexes = []string{p.Index}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return wire.JSON(ctx, "analytics", d.binding, "write", all, nil)
}

func (p Point) check() error {
	size := 0
	for _, b := range p.Blobs {
		size += len(b)
	}
	switch {
	case len(p.Index) > MaxIndex:
		return fmt.Errorf("the index has %d bytes, and can have %d", len(p.Index), MaxIndex)
	case len(p.Blobs) > MaxBlobs:
		return fmt.Errorf("%d blobs, and there can be %d", len(p.Blobs), MaxBlobs)
	case len(p.Doubles) > MaxDoubles:
		return fmt.Errorf("%d doubles, and there can be %d", len(p.Doubles), MaxDoubles)
	case size > MaxBlob:
		return fmt.Errorf("the blobs have %d bytes, and can have %d", size, MaxBlob)
	}
	for _, f := range p.Doubles {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%v is no number that can be stored", f)
		}
	}
	return nil
}
