// Package ai is Workers AI as far as a machine without Cloudflare's models can be it:
// it hands what Workers ask on to a server that has models, or says that there is
// none.
package ai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// Options say where the models are.
type Options struct {
	// Upstream answers POST Upstream/MODEL with a model's inputs as JSON, as the path
	// …/ai/run of Cloudflare's API does; "" means that there are no models.
	Upstream string
	// Token is sent to the upstream as bearer, if it is not empty.
	Token string
}

// Upstream is a server that runs models, or none.
type Upstream struct {
	base   *url.URL // nil: none
	token  string
	client *http.Client
}

// New prepares an Upstream.
func New(o Options) (*Upstream, error) {
	u := &Upstream{token: o.Token, client: &http.Client{}}
	if o.Upstream == "" {
		return u, nil
	}
	base, err := url.Parse(o.Upstream)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("the address %q for AI is no http or https URL", o.Upstream)
	}
	u.base = base
	return u, nil
}

// Error is a call that cannot be made.
type Error struct {
	Status  int
	Code    int
	Message string
}

func (e *Error) Error() string { return e.Message }

// The codes of an Error; Cloudflare has others for its own failures.
const (
	codeNone    = 5000
	codeModel   = 5007
	codeInput   = 5006
	codeAbsent  = 5008
	codeNoReach = 3040
)

// maxInput bounds what is sent to a model.
const maxInput = 128 << 20

var modelName = lazyregexp.New(`^[@A-Za-z0-9][A-Za-z0-9@._:-]*(/[A-Za-z0-9][A-Za-z0-9@._:-]*)*$`)

// Run sends inputs to a model and returns its answer, which the caller closes.
func (u *Upstream) Run(ctx context.Context, model, contentType string, inputs io.Reader) (*http.Response, error) {
	if u.base == nil {
		return nil, &Error{http.StatusNotImplemented, codeNone, "the local cloud has no models: start it with --ai-upstream URL to have a server run them"}
	}
	if !modelName.MatchString(model) {
		return nil, &Error{http.StatusBadRequest, codeModel, fmt.Sprintf("no such model: %.80q", model)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.base.JoinPath(model).String(), inputs)
	if err != nil {
		return nil, fmt.Errorf("asking the model %s: %w", model, err)
	}
	req.Header.Set("Content-Type", contentType)
	if u.token != "" {
		req.Header.Set("Authorization", "Bearer "+u.token)
	}
	res, err := u.client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the address, which may hold a password
		}
		return nil, &Error{http.StatusBadGateway, codeNoReach, "the server that --ai-upstream names did not answer: " + err.Error()}
	}
	return res, nil
}

// Result is the model's own result in an answer that may have Cloudflare's envelope.
func Result(answer []byte) []byte {
	var envelope struct {
		Success *bool           `json:"success"`
		Result  json.RawMessage `json:"result"`
	}
	if json.Unmarshal(answer, &envelope) == nil && envelope.Success != nil && *envelope.Success && len(envelope.Result) > 0 {
		return envelope.Result
	}
	return answer
}

// IsJSON reports whether an answer is a whole JSON document, and no stream or file.
func IsJSON(res *http.Response) bool {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// Binding answers workerd's AI binding.
func (u *Upstream) Binding(w http.ResponseWriter, r *http.Request, _ string) {
	if err := u.bound(w, r); err != nil {
		var refused *Error
		if !errors.As(err, &refused) {
			refused = &Error{http.StatusInternalServerError, codeNoReach, err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(refused.Status)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"name": "AiError", "internalCode": refused.Code, "description": refused.Message,
			"errors": []map[string]any{{"code": refused.Code, "message": refused.Message}},
		}) // the Worker may be gone
	}
}

func (u *Upstream) bound(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path != "/run" || r.Method != http.MethodPost {
		return &Error{http.StatusNotImplemented, codeAbsent, "of the AI binding the local cloud has run only, and that without AI Gateway and WebSockets; not " + r.URL.Path}
	}
	body, kind := io.Reader(http.MaxBytesReader(w, r.Body, maxInput)), r.Header.Get("Content-Type")
	if inputs := r.URL.Query().Get("userInputs"); inputs != "" && inputs != "{}" {
		return &Error{http.StatusNotImplemented, codeAbsent, "the local cloud sends a stream to a model by itself only, without other inputs"}
	} else if inputs == "" {
		all, err := io.ReadAll(body)
		if err != nil {
			return &Error{http.StatusBadRequest, codeInput, "reading the inputs: " + err.Error()}
		}
		var call struct{ Inputs json.RawMessage }
		if err := json.Unmarshal(all, &call); err != nil || len(call.Inputs) == 0 {
			return &Error{http.StatusBadRequest, codeInput, "the call has no inputs"}
		}
		body, kind = bytes.NewReader(call.Inputs), "application/json"
	}
	res, err := u.Run(r.Context(), r.Header.Get("Cf-Consn-Model-Id"), kind, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // only read
	return pass(w, res)
}

// pass hands an answer on. The binding reads it as JSON when its type is exactly that.
func pass(w http.ResponseWriter, res *http.Response) error {
	if IsJSON(res) {
		answer, err := io.ReadAll(io.LimitReader(res.Body, maxInput))
		if err != nil {
			return fmt.Errorf("reading the model's answer: %w", err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(res.StatusCode)
		_, _ = w.Write(Result(answer)) // the Worker may be gone
		return nil
	}
	Copy(w, res)
	return nil
}

// Copy hands a stream or a file on, as it comes.
func Copy(w http.ResponseWriter, res *http.Response) {
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		if strings.HasPrefix(name, "Content-") && name != "Content-Length" {
			w.Header()[name] = res.Header[name]
		}
	}
	w.WriteHeader(res.StatusCode)
	control := http.NewResponseController(w)
	buffer := make([]byte, 32<<10)
	for {
		n, err := res.Body.Read(buffer)
		if _, failed := w.Write(buffer[:n]); failed != nil || err != nil || control.Flush() != nil {
			return
		}
	}
}
