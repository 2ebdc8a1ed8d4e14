package feature

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// namespace reads changes from KV. The glue remembers what it read for all instances of
// the program in its isolate.
type namespace struct{}

// Read implements Source.
func (namespace) Read(ctx context.Context, maxAge time.Duration) ([]byte, time.Duration, error) {
	args, err := json.Marshal(map[string]any{"key": ChangesKey, "maxAge": maxAge.Milliseconds()})
	if err != nil {
		return nil, 0, err
	}
	answer, err := host.Call(ctx, "flags", ChangesBinding, "read", args, nil)
	if err != nil {
		return nil, 0, err
	}
	var got struct {
		Text string `json:"text"`
		Age  int64  `json:"age"` // in milliseconds
	}
	if err := json.Unmarshal(answer.Data, &got); err != nil {
		return nil, 0, fmt.Errorf("read the answer of %s: %w", ChangesBinding, err)
	}
	return []byte(got.Text), time.Duration(got.Age) * time.Millisecond, nil
}
