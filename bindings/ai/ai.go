// Package ai is the binding to Workers AI.
//
//	var models = ai.Open("AI")
//
//	var answer struct{ Response string }
//	err := models.Run(ctx, "@cf/meta/llama-3.1-8b-instruct", map[string]any{"prompt": "Hello"}, &answer)
//
// Natively and in the local cloud a server of one's own runs the models; without one every
// call fails, and says so.
package ai

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error is why a model did not run: "CODE: DESCRIPTION", in the words of Workers AI.
type Error = wire.Error

// Models runs models. It holds nothing of a request and serves all of them.
type Models struct {
	binding string
	gateway string
}

// Open is the models of the binding of that name. Whether there is one shows when it is
// used.
func Open(binding string) *Models { return &Models{binding: binding} }

// Through is the models behind an AI Gateway, by its name. There is none locally.
func (m *Models) Through(gateway string) *Models { return &Models{m.binding, gateway} }

const kind = "ai"

// maxAnswer bounds what Run reads.
const maxAnswer = 128 << 20

// Run runs a model with inputs, which are sent as JSON, and reads its answer, which is
// JSON, into into. For what is no JSON, such as an image or a stream of text, see Stream.
func (m *Models) Run(ctx context.Context, model string, inputs, into any) error {
	answer, err := m.Stream(ctx, model, inputs)
	if err != nil {
		return err
	}
	defer answer.Close()
	b, err := io.ReadAll(io.LimitReader(answer, maxAnswer))
	if err != nil {
		return fmt.Errorf("ai %s: reading the answer of %s: %w", m.binding, model, err)
	}
	return wire.Decode(kind, m.binding, b, into)
}

// Stream runs a model with inputs, which are sent as JSON, and gives its answer as it
// comes: bytes of an image, or server-sent events of a text when the inputs have
// "stream": true. It is to be closed.
func (m *Models) Stream(ctx context.Context, model string, inputs any) (io.ReadCloser, error) {
	if inputs == nil {
		inputs = struct{}{}
	}
	b, err := json.Marshal(inputs)
	if err != nil {
		return nil, fmt.Errorf("ai %s: the inputs of %s: %w", m.binding, model, err)
	}
	status, answer, err := m.run(ctx, model, b)
	if err != nil {
		return nil, err
	}
	if status/100 == 2 {
		return answer, nil
	}
	defer answer.Close()
	b, err = io.ReadAll(io.LimitReader(answer, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("ai %s: reading the error of %s: %w", m.binding, model, err)
	}
	return nil, &Error{Kind: kind, Binding: m.binding, Op: "run", Message: failure(b, status)}
}

// failure is what an answer says, in the words of the JavaScript binding's error.
func failure(answer []byte, status int) string {
	var said struct {
		InternalCode int
		Description  string
	}
	if json.Unmarshal(answer, &said) == nil && said.InternalCode != 0 {
		return strconv.Itoa(said.InternalCode) + ": " + said.Description
	}
	if text := strings.TrimSpace(string(answer)); text != "" {
		return text
	}
	return "the model answered with status " + strconv.Itoa(status)
}
