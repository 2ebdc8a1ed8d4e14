package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/limiter"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Limits of bindings, from Cloudflare's documentation (Workers Paid).
const (
	maxBindingName = 256
	maxBindingText = 5 << 10
	maxTexts       = 128
)

var bindingName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$.-]*$`)

// binding is what the API must know of one; the rest of its JSON is carried along.
type binding struct {
	Name         string          `json:"name"`
	Type         string          `json:"type"`
	Text         *string         `json:"text,omitempty"`
	JSON         json.RawMessage `json:"json,omitempty"`
	NamespaceID  string          `json:"namespace_id,omitempty"`
	ID           string          `json:"id,omitempty"`
	DatabaseID   string          `json:"database_id,omitempty"`
	QueueName    string          `json:"queue_name,omitempty"`
	Destination  string          `json:"destination_address,omitempty"`
	Destinations []string        `json:"allowed_destination_addresses,omitempty"`
	Delay        *int            `json:"delivery_delay,omitempty"`
	Service      string          `json:"service,omitempty"`
	ClassName    string          `json:"class_name,omitempty"`
	ScriptName   string          `json:"script_name,omitempty"`
	OldName      string          `json:"old_name,omitempty"`
	VersionID    string          `json:"version_id,omitempty"`
	Part         string          `json:"part,omitempty"`
	IndexName    string          `json:"index_name,omitempty"`
	Dataset      string          `json:"dataset,omitempty"`
	Namespace    string          `json:"namespace,omitempty"`
	Outbound     json.RawMessage `json:"outbound,omitempty"`
	Simple       struct {
		Limit  float64 `json:"limit"`
		Period float64 `json:"period"`
	} `json:"simple"`
	BucketName   string `json:"bucket_name,omitempty"`
	Jurisdiction string `json:"jurisdiction,omitempty"`
}

// bindingSet resolves the bindings of an upload against what exists.
type bindingSet struct {
	tx       *store.Tx
	account  string
	script   string
	previous *store.Version // nil for a Worker's first version
	classes  []store.Class  // of the Worker, after the upload's migrations
	strict   bool           // an inherit binding without a source is an error
	limits   Limits
	index    func(name string) error // refuses when there is no such Vectorize index
}

// resolve gives the complete bindings: inherited and kept ones filled in, each
// checked, none twice.
func (s *bindingSet) resolve(in []json.RawMessage, keep []string) ([]json.RawMessage, error) {
	out := []json.RawMessage{}
	taken := map[string]bool{}
	texts := 0
	add := func(raw json.RawMessage) error {
		var b binding
		if err := json.Unmarshal(raw, &b); err != nil {
			return refuse(http.StatusBadRequest, 10026, "A binding is not the JSON that was expected: %s.", notJSON(err))
		}
		if err := checkName(b); err != nil {
			return err
		}
		if taken[b.Name] {
			return refuse(http.StatusBadRequest, 10053, "Binding name %q is used twice.", b.Name)
		}
		if b.Type == "inherit" {
			found, err := s.inherited(b)
			if err != nil || found == nil {
				return err
			}
			raw = found
			if err := json.Unmarshal(raw, &b); err != nil {
				return err
			}
		}
		taken[b.Name] = true
		if b.Type == "plain_text" || b.Type == "json" || isSecret(b.Type) {
			if texts++; texts > s.limits.Variables {
				return refuse(http.StatusBadRequest, 10055, "The Worker has more than %d variables and secrets.", s.limits.Variables)
			}
		}
		full, err := s.check(b, raw)
		if err != nil {
			return err
		}
		out = append(out, full)
		return nil
	}
	for _, raw := range in {
		if err := add(raw); err != nil {
			return nil, err
		}
	}
	if s.previous != nil {
		for _, raw := range s.previous.Bindings {
			var b binding
			if err := json.Unmarshal(raw, &b); err != nil {
				return nil, err
			}
			if slices.Contains(keep, b.Type) && !taken[b.Name] {
				if err := add(raw); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

func checkName(b binding) error {
	switch {
	case b.Name == "":
		return refuse(http.StatusBadRequest, 10052, "A binding of type %q has no name.", b.Type)
	case len(b.Name) > maxBindingName:
		return refuse(http.StatusBadRequest, 10100, "Binding name %.20q… has %d characters, more than %d.", b.Name, len(b.Name), maxBindingName)
	case !bindingName.MatchString(b.Name):
		return refuse(http.StatusBadRequest, 10021, "Binding name %q is not an identifier.", b.Name)
	}
	return nil
}

// inherited is the binding that an inherit stands for, under its new name; nil when
// there is none and that is allowed.
func (s *bindingSet) inherited(b binding) (json.RawMessage, error) {
	from := s.previous
	if b.VersionID != "" && b.VersionID != "latest" {
		v, err := s.tx.Version(s.account, s.script, b.VersionID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, refuse(http.StatusNotFound, 10071, "Binding %q inherits from version %q, which this Worker does not have.", b.Name, b.VersionID)
		}
		if err != nil {
			return nil, err
		}
		from = &v
	}
	name := b.Name
	if b.OldName != "" {
		name = b.OldName
	}
	if from != nil {
		if raw, ok := findBinding(from.Bindings, name); ok {
			return withFields(raw, map[string]any{"name": b.Name})
		}
	}
	if s.strict {
		return nil, refuse(http.StatusBadRequest, 10057, "Binding %q inherits from %q, which the previous version does not have.", b.Name, name)
	}
	return nil, nil
}

func findBinding(all []json.RawMessage, name string) (json.RawMessage, bool) {
	for _, raw := range all {
		var b binding
		if json.Unmarshal(raw, &b) == nil && b.Name == name {
			return raw, true
		}
	}
	return nil, false
}

// check refuses a binding that could not work and fills in what the runtime needs.
func (s *bindingSet) check(b binding, raw json.RawMessage) (json.RawMessage, error) {
	bad := func(code int, format string, args ...any) (json.RawMessage, error) {
		return nil, refuse(http.StatusBadRequest, code, format, args...)
	}
	switch b.Type {
	case "plain_text", "secret_text":
		if b.Text == nil {
			return bad(10021, "binding %s of type %s must have a `text`", b.Name, b.Type)
		}
		if len(*b.Text) > s.limits.VariableSize {
			return bad(10054, "Binding %q has %d bytes of text, more than %d.", b.Name, len(*b.Text), s.limits.VariableSize)
		}
	case secretKey:
		var key secretInput
		if err := json.Unmarshal(raw, &key); err != nil {
			return bad(10026, "binding %s of type secret_key is not the JSON that was expected: %s", b.Name, notJSON(err))
		}
		return raw, key.checkKey()
	case "json":
		if len(b.JSON) == 0 {
			return bad(10021, "binding %s of type json must have a `json` value", b.Name)
		}
		if len(b.JSON) > s.limits.VariableSize {
			return bad(10054, "Binding %q has %d bytes of JSON, more than %d.", b.Name, len(b.JSON), s.limits.VariableSize)
		}
	case "assets", "version_metadata", "ai":
	case "hyperdrive":
		if b.ID == "" {
			return bad(10021, "binding %s of type hyperdrive must have a valid `id` specified", b.Name)
		}
	case "text_blob", "data_blob", "wasm_module":
		if b.Part == "" {
			return bad(10021, "binding %s of type %s must name a `part`", b.Name, b.Type)
		}
	case "dispatch_namespace":
		if given(b.Outbound) {
			return nil, refuse(http.StatusNotImplemented, 100153, "Binding %q has an outbound Worker, which the local cloud does not run.", b.Name)
		}
		if _, err := s.tx.DispatchNamespace(s.account, b.Namespace); err != nil {
			return nil, missing(err, 100119, "Binding %q is to the dispatch namespace %q, which does not exist.", b.Name, b.Namespace)
		}
	case "vectorize":
		if b.IndexName == "" {
			return bad(10021, "binding %s of type vectorize must have an `index_name`", b.Name)
		}
		if err := s.index(b.IndexName); err != nil {
			return nil, err
		}
	case "analytics_engine":
		if !datasetName.MatchString(b.Dataset) {
			return bad(10021, "binding %s of type analytics_engine must have a `dataset` of letters, digits and _", b.Name)
		}
	case "ratelimit":
		if b.NamespaceID == "" {
			return bad(10021, "binding %s of type ratelimit must have a `namespace_id`", b.Name)
		}
		if err := limiter.Check(b.Simple.Limit, b.Simple.Period); err != nil {
			return bad(10021, "binding %s of type ratelimit: %s", b.Name, err)
		}
	case "kv_namespace":
		if b.NamespaceID == "" {
			return bad(10042, "binding %s of type kv_namespace must have a `namespace_id`", b.Name)
		}
		if _, err := s.tx.Namespace(s.account, b.NamespaceID); err != nil {
			return nil, missing(err, 10041, "KV namespace '%s' not found.", b.NamespaceID)
		}
	case "r2_bucket":
		if b.BucketName == "" {
			return bad(10021, "binding %s of type r2_bucket must have a `bucket_name`", b.Name)
		}
		if _, err := s.tx.Bucket(s.account, cmp.Or(b.Jurisdiction, "default"), b.BucketName); err != nil {
			return nil, missing(err, 10085, "R2 bucket '%s' not found. Please use a different name and try again.", b.BucketName)
		}
	case "d1":
		return s.checkDatabase(b, raw)
	case "send_email":
		if b.Destination != "" && len(b.Destinations) > 0 {
			return bad(10021, "binding %s of type send_email has both a `destination_address` and `allowed_destination_addresses`", b.Name)
		}
	case "queue":
		if b.QueueName == "" {
			return bad(10021, "binding %s of type queue must have a `queue_name`", b.Name)
		}
		if b.Delay != nil {
			if err := (queue.Settings{Delay: *b.Delay, Retention: queue.DefaultSettings().Retention}).Check(); err != nil {
				return bad(10021, "binding %s of type queue: %s", b.Name, err)
			}
		}
		if _, err := s.tx.QueueNamed(s.account, b.QueueName); err != nil {
			return nil, missing(err, codeNoQueue, "Queue binding '%s' references queue '%s' which was not found.", b.Name, b.QueueName)
		}
	case "service":
		if b.Service == "" {
			return bad(10145, "binding %s of type service must name a `service`", b.Name)
		}
		if _, err := s.tx.Script(s.account, b.Service); b.Service != s.script && err != nil {
			return nil, missing(err, 10143, "Could not resolve service binding '%s'. Target script '%s' not found.", b.Name, b.Service)
		}
	case "durable_object_namespace":
		return s.checkObjects(b, raw)
	default:
		return raw, known(b)
	}
	return raw, nil
}

// known refuses a binding of a kind that the local cloud does not take. One that it
// takes without having the product fails when a Worker uses it.
func known(b binding) error {
	kind, ok := runtime.KindOf(b.Type)
	switch {
	case !ok:
		return refuse(http.StatusNotImplemented, 100153, "Binding %q has type %q, which the local cloud does not run yet.", b.Name, b.Type)
	case kind.State == runtime.Refused:
		return refuse(http.StatusNotImplemented, 100153, "Binding %q has type %q, which the local cloud does not run: %s.", b.Name, b.Type, kind.Note)
	}
	return nil
}

// missing turns store.ErrNotFound into Cloudflare's refusal.
func missing(err error, code int, format string, args ...any) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(http.StatusBadRequest, code, format, args...)
	}
	return err
}

func (s *bindingSet) checkDatabase(b binding, raw json.RawMessage) (json.RawMessage, error) {
	id := b.DatabaseID
	if id == "" {
		id = b.ID
	}
	if id == "" {
		return nil, refuse(http.StatusBadRequest, 10021, "binding %s of type d1 must have a valid `id` specified", b.Name)
	}
	db, err := s.tx.Database(s.account, id)
	if err == nil && db.ID != id {
		err = store.ErrNotFound // a name is no id
	}
	if err != nil {
		return nil, missing(err, 10181, "D1 binding '%s' references database '%s' which was not found.", b.Name, id)
	}
	// Clients of both generations read their own key.
	return withFields(raw, map[string]any{"id": id, "database_id": id})
}

func (s *bindingSet) checkObjects(b binding, raw json.RawMessage) (json.RawMessage, error) {
	owner, classes := s.script, s.classes
	if b.NamespaceID != "" && b.ClassName == "" {
		all, err := s.tx.Scripts(s.account)
		if err != nil {
			return nil, err
		}
		for _, other := range all {
			for _, class := range other.Classes {
				if class.Key == b.NamespaceID {
					b.ClassName, b.ScriptName = class.Name, other.Name
				}
			}
		}
		if b.ClassName == "" {
			return nil, refuse(http.StatusBadRequest, 10066, "Binding %q names durable object namespace %q, which does not exist.", b.Name, b.NamespaceID)
		}
	}
	if b.ClassName == "" {
		return nil, refuse(http.StatusBadRequest, 10062, "binding %s of type durable_object_namespace must name a `class_name`", b.Name)
	}
	if b.ScriptName != "" && b.ScriptName != s.script {
		other, err := s.tx.Script(s.account, b.ScriptName)
		if err != nil {
			return nil, missing(err, 10061, "Binding %q is to a durable object of Worker %q, which does not exist.", b.Name, b.ScriptName)
		}
		owner, classes = other.Name, other.Classes
	}
	i := slices.IndexFunc(classes, func(c store.Class) bool { return c.Name == b.ClassName })
	if i < 0 {
		return nil, refuse(http.StatusBadRequest, 10061, "Cannot create binding for class '%s' in Worker '%s' because it is not currently configured to implement durable objects. Did you forget to include it in the migrations?", b.ClassName, owner)
	}
	fields := map[string]any{"class_name": b.ClassName, "namespace_id": classes[i].Key}
	if owner != s.script {
		fields["script_name"] = owner
	}
	return withFields(raw, fields)
}

// withFields is a JSON object with some fields set.
func withFields(raw json.RawMessage, fields map[string]any) (json.RawMessage, error) {
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	for k, v := range fields {
		m[k] = v
	}
	return json.Marshal(m)
}

// shown are bindings as the API tells them: secrets without their values.
func shown(all []json.RawMessage) []json.RawMessage {
	out := make([]json.RawMessage, 0, len(all))
	for _, raw := range all {
		var secret secretInput
		if json.Unmarshal(raw, &secret) == nil && isSecret(secret.Type) {
			if safe, err := json.Marshal(secret.shown()); err == nil {
				raw = safe
			}
		}
		out = append(out, raw)
	}
	return out
}

// secretsOf are the secrets among bindings, by name.
func secretsOf(all []json.RawMessage) map[string]secretInput {
	out := map[string]secretInput{}
	for _, raw := range all {
		var secret secretInput
		if json.Unmarshal(raw, &secret) == nil && isSecret(secret.Type) {
			out[secret.Name] = secret
		}
	}
	return out
}
