package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
)

// maxAIInput bounds what is sent to a model.
const maxAIInput = 128 << 20

// aiEndpoints has the names of models in as many segments as they have.
func aiEndpoints() []Endpoint {
	var table []Endpoint
	for _, model := range []string{"/{model_name}", "/{model_author}/{model_name}", "/{model_source}/{model_author}/{model_name}"} {
		table = append(table, Endpoint{
			Method: "POST", Pattern: accountPath + "/ai/run" + model, Permissions: []string{"Workers AI Read", "Workers AI Write"},
			handle: (*call).runModel, body: maxAIInput,
		})
	}
	return table
}

// runModel asks the upstream. What is no JSON, a stream or a file, is passed on as it is.
func (c *call) runModel() (any, error) {
	var parts []string
	for _, name := range []string{"model_source", "model_author", "model_name"} {
		if part := c.vars[name]; part != "" {
			parts = append(parts, part)
		}
	}
	kind := c.req.Header.Get("Content-Type")
	if kind == "" {
		kind = "application/json"
	}
	res, err := c.models.Run(c.ctx, strings.Join(parts, "/"), kind, c.req.Body)
	if refused := (*ai.Error)(nil); errors.As(err, &refused) {
		return nil, refuse(refused.Status, refused.Code, "%s", refused.Message)
	}
	if err != nil {
		return nil, err
	}
	if !ai.IsJSON(res) {
		return reply{write: func(w http.ResponseWriter) error {
			defer func() { _ = res.Body.Close() }() // only read
			ai.Copy(w, res)
			return nil
		}}, nil
	}
	defer func() { _ = res.Body.Close() }() // only read
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAIInput))
	switch {
	case err != nil:
		return nil, refuse(http.StatusBadGateway, 3040, "The model's answer broke off: %s.", err)
	case res.StatusCode >= 300:
		return nil, refuse(res.StatusCode, 3040, "The server that runs the models answered %d: %.500s", res.StatusCode, answer)
	case !json.Valid(answer):
		return nil, refuse(http.StatusBadGateway, 3040, "The server that runs the models answered no JSON: %.500s", answer)
	}
	return json.RawMessage(ai.Result(answer)), nil
}
