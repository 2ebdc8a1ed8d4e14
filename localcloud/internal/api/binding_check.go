package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/ratelimit"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

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
			return bad(10026, "binding %s of type secret_key is not the JSON that was expected: %s", b.Name, NotJSON(err))
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
	case "secrets_store_secret":
		if !storeID.MatchString(b.StoreID) || !secretstore.ValidName(b.SecretName) {
			return bad(10021, "binding %s of type secrets_store_secret must have a `store_id`, such as 32 hexadecimal digits, and a `secret_name` of letters, digits, _ and -", b.Name)
		}
		if err := s.ensure(b.StoreID); err != nil {
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
		if err := ratelimit.Check(b.Simple.Limit, b.Simple.Period); err != nil {
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
