//go:build !js

package feature

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// namespace reads changes from KV.
type namespace struct{}

// largestChanges is what one value of KV holds.
const largestChanges = 25 << 20

// Read implements Source.
func (namespace) Read(ctx context.Context, _ time.Duration) ([]byte, time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ChangesBinding+"/"+ChangesKey+"?urlencoded=true&cache_ttl=30", nil)
	if err != nil {
		return nil, 0, err
	}
	answer, err := host.Send(ctx, "kv", ChangesBinding, r)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, 0, nil // nothing was ever changed
	default:
		return nil, 0, fmt.Errorf("the KV namespace %s answered %s", ChangesBinding, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, largestChanges))
	return text, 0, err
}
