package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func namespaceEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/storage/kv/namespaces", Permissions: kvRead, handle: (*call).listNamespaces},
		{Method: "POST", Pattern: accountPath + "/storage/kv/namespaces", Permissions: kvWrite, handle: (*call).addNamespace},
		{Method: "GET", Pattern: namespacePath, Permissions: kvRead, handle: (*call).namespaceDetails},
		{Method: "PUT", Pattern: namespacePath, Permissions: kvWrite, handle: (*call).renameNamespace},
		{Method: "DELETE", Pattern: namespacePath, Permissions: kvWrite, handle: (*call).deleteNamespace},
		{Method: "GET", Pattern: namespacePath + "/keys", Permissions: kvRead, handle: (*call).keys},
		{Method: "GET", Pattern: namespacePath + "/values/{key_name}", Permissions: kvRead, handle: (*call).value},
		{Method: "PUT", Pattern: namespacePath + "/values/{key_name}", Permissions: kvWrite, handle: (*call).putValue, body: maxValue + 1<<20},
		{Method: "DELETE", Pattern: namespacePath + "/values/{key_name}", Permissions: kvWrite, handle: (*call).deleteValue},
		{Method: "GET", Pattern: namespacePath + "/metadata/{key_name}", Permissions: kvRead, handle: (*call).valueMetadata},
		{Method: "PUT", Pattern: namespacePath + "/bulk", Permissions: kvWrite, handle: (*call).putValues, body: 100 << 20},
		{Method: "POST", Pattern: namespacePath + "/bulk/get", Permissions: kvRead, handle: (*call).values},
		{Method: "POST", Pattern: namespacePath + "/bulk/delete", Permissions: kvWrite, handle: (*call).deleteValues},
		{Method: "DELETE", Pattern: namespacePath + "/bulk", Permissions: kvWrite, handle: (*call).deleteValues},
	}
}

// Limits of KV that hold for the REST API alone; those of keys and values are the
// engine's.
const (
	maxTitle       = 512
	maxBulk        = 10_000
	codeBadKV      = 10033 // a value, key, expiry or metadata that KV does not take
	codeNoKVKey    = 10009
	codeNoKV       = 10013
	codeKVTitle    = 10014
	expirationName = "expiration"
)

func namespaceJSON(n store.Namespace) map[string]any {
	return map[string]any{"id": n.ID, "title": n.Title, "supports_url_encoding": true}
}

func (c *call) listNamespaces() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.Namespaces(c.account.ID)
		for _, n := range all {
			listed = append(listed, namespaceJSON(n))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cut(pages{1, 20, 1000}, c.query, listed)
}

func (c *call) addNamespace() (any, error) {
	return c.writeNamespace(func(tx *store.Tx) (store.Namespace, error) {
		return store.Namespace{ID: newID(), Account: c.account.ID}, c.checkNamespaceCount(tx)
	})
}

func (c *call) renameNamespace() (any, error) { return c.writeNamespace(c.namespace) }

func (c *call) writeNamespace(base func(*store.Tx) (store.Namespace, error)) (any, error) {
	var in struct {
		Title string `json:"title"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Title == "" || len(in.Title) > maxTitle {
		return nil, refuse(http.StatusBadRequest, 10019, "A namespace needs a title of 1 to %d bytes, got %d.", maxTitle, len(in.Title))
	}
	var n store.Namespace
	err := c.store.Write(c.ctx, func(tx *store.Tx) (err error) {
		if n, err = base(tx); err != nil {
			return err
		}
		n.Title = in.Title
		if err := tx.PutNamespace(n); errors.Is(err, store.ErrExists) {
			return refuse(http.StatusBadRequest, codeKVTitle, "a namespace with this account ID and title already exists")
		} else if err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return namespaceJSON(n), nil
}

func (c *call) namespace(tx *store.Tx) (store.Namespace, error) {
	n, err := tx.Namespace(c.account.ID, c.vars["namespace_id"])
	if errors.Is(err, store.ErrNotFound) {
		err = refuse(http.StatusNotFound, codeNoKV, "namespace not found: %s", c.vars["namespace_id"])
	}
	return n, err
}

// inNamespace is the id of the path's namespace once it is known to exist.
func (c *call) inNamespace() (id string, err error) {
	err = c.store.Read(c.ctx, func(tx *store.Tx) error {
		n, err := c.namespace(tx)
		id = n.ID
		return err
	})
	return id, err
}

func (c *call) namespaceDetails() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		n, err := c.namespace(tx)
		result = namespaceJSON(n)
		return err
	})
	return result, err
}

func (c *call) deleteNamespace() (any, error) {
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		n, err := c.namespace(tx)
		if err != nil {
			return err
		}
		if err := tx.DeleteNamespace(n.ID); err != nil {
			return err
		}
		return c.namespaces.DeleteNamespace(n.ID)
	})
	return nil, err
}

func (c *call) keys() (any, error) {
	id, err := c.inNamespace()
	if err != nil {
		return nil, err
	}
	limit, err := number(c.query, "limit", 1000, 10, 1000)
	if err != nil {
		return nil, err
	}
	found, err := c.namespaces.List(id, kv.ListOptions{Prefix: c.query.Get("prefix"), Cursor: c.query.Get("cursor"), Limit: limit})
	if err != nil {
		return nil, kvError(err)
	}
	return reply{result: found.Keys, info: &resultInfo{Count: len(found.Keys), Cursor: &found.Cursor}}, nil
}

// kvError says a refusal of the engine in the API's terms.
func kvError(err error) error {
	var refused *kv.Error
	if errors.As(err, &refused) {
		return refuse(refused.Status, codeBadKV, "%s", refused.Message)
	}
	return err
}

// entry reads the key of the path.
func (c *call) entry() (kv.Entry, error) {
	id, err := c.inNamespace()
	if err != nil {
		return kv.Entry{}, err
	}
	e, ok, err := c.namespaces.Get(id, c.vars["key_name"])
	if err == nil && !ok {
		err = refuse(http.StatusNotFound, codeNoKVKey, "get: 'key not found'")
	}
	return e, kvError(err)
}

func (c *call) value() (any, error) {
	p, err := c.entry()
	if err != nil {
		return nil, err
	}
	return reply{write: func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", "application/octet-stream")
		if p.Expiration != 0 {
			w.Header().Set(expirationName, strconv.FormatInt(p.Expiration, 10))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(p.Value)))
		_, err := w.Write(p.Value)
		return err
	}}, nil
}

func (c *call) valueMetadata() (any, error) {
	p, err := c.entry()
	if err != nil || p.Metadata == nil {
		return nil, err
	}
	return p.Metadata, nil
}

func (c *call) putValue() (any, error) {
	id, err := c.inNamespace()
	if err != nil {
		return nil, err
	}
	p := kv.Pair{Key: c.vars["key_name"]}
	if p.Expiration, err = c.expiry(json.Number(c.query.Get(expirationName)), json.Number(c.query.Get("expiration_ttl"))); err != nil {
		return nil, err
	}
	if p.Value, p.Metadata, err = c.readValue(); err != nil {
		return nil, err
	}
	return nil, kvError(c.namespaces.Put(id, p))
}

// readValue reads the body of a put: the value itself, or a form of value and
// metadata.
func (c *call) readValue() (value []byte, metadata json.RawMessage, err error) {
	if t, _, err := mime.ParseMediaType(c.req.Header.Get("Content-Type")); err != nil || t != "multipart/form-data" {
		value, err := io.ReadAll(c.req.Body)
		if err != nil {
			return nil, nil, bodyError(err)
		}
		return value, nil, nil
	}
	parts, err := c.req.MultipartReader()
	if err != nil {
		return nil, nil, bodyError(err)
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return value, metadata, nil
		}
		if err != nil {
			return nil, nil, bodyError(err)
		}
		b, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, bodyError(err)
		}
		switch part.FormName() {
		case "value":
			value = b
		case "metadata":
			if len(bytes.TrimSpace(b)) > 0 {
				metadata = b
			}
		}
	}
}

// expiry reads a time in Unix seconds or a time to live, either of which may be "".
func (c *call) expiry(at, ttl json.Number) (int64, error) {
	var n [2]int64
	for i, s := range []json.Number{at, ttl} {
		if s == "" {
			continue
		}
		f, err := s.Float64()
		if err != nil || f < 1 || f > 1<<53 {
			return 0, refuse(http.StatusBadRequest, codeBadKV, "An expiration is a number of seconds, not %q.", s.String())
		}
		n[i] = int64(f)
	}
	e, err := c.namespaces.Expiration(n[0], n[1])
	return e, kvError(err)
}

func (c *call) deleteValue() (any, error) {
	id, err := c.inNamespace()
	if err != nil {
		return nil, err
	}
	return nil, kvError(c.namespaces.Delete(id, c.vars["key_name"]))
}
