//go:build !js

package ai

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

func (m *Models) run(ctx context.Context, model string, inputs []byte) (status int, answer io.ReadCloser, err error) {
	options, path := map[string]any{}, "/run"
	if m.gateway != "" {
		options["gateway"], path = map[string]string{"id": m.gateway}, "/ai-gateway/run"
	}
	body, err := json.Marshal(map[string]any{"inputs": json.RawMessage(inputs), "options": options})
	if err != nil {
		return 0, nil, err
	}
	res, err := wire.Send(ctx, kind, m.binding, wire.Request{
		Method: http.MethodPost, Path: path, Query: url.Values{"version": {"3"}},
		Header: http.Header{"Content-Type": {"application/json"}, "Cf-Consn-Model-Id": {model}},
		Body:   bytes.NewReader(body), Length: int64(len(body)),
	})
	if err != nil {
		return 0, nil, err
	}
	return res.StatusCode, res.Body, nil
}
