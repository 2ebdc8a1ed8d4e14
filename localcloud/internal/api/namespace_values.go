package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"github.com/tamylaa/clodo/localcloud/internal/kv"
)

// putValues writes many pairs: all of them, or none when one cannot be taken.
func (c *call) putValues() (any, error) {
	id, err := c.inNamespace()
	if err != nil {
		return nil, err
	}
	var in []struct {
		Key        string          `json:"key"`
		Value      *string         `json:"value"`
		Base64     bool            `json:"base64"`
		Expiration json.Number     `json:"expiration"`
		TTL        json.Number     `json:"expiration_ttl"`
		Metadata   json.RawMessage `json:"metadata"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if len(in) > maxBulk {
		return nil, refuse(http.StatusBadRequest, codeBadKV, "The request has %d pairs, more than %d.", len(in), maxBulk)
	}
	var pairs []kv.Pair
	for _, one := range in {
		if one.Value == nil {
			return nil, refuse(http.StatusBadRequest, codeBadKV, "Key %q has no value.", one.Key)
		}
		p := kv.Pair{Key: one.Key, Entry: kv.Entry{Value: []byte(*one.Value)}}
		if given(one.Metadata) {
			p.Metadata = one.Metadata
		}
		if one.Base64 {
			if p.Value, err = base64.StdEncoding.DecodeString(*one.Value); err != nil {
				return nil, refuse(http.StatusBadRequest, codeBadKV, "The value of key %q is not base64: %s.", one.Key, err)
			}
		}
		if p.Expiration, err = c.expiry(one.Expiration, one.TTL); err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	if err := c.namespaces.Put(id, pairs...); err != nil {
		return nil, kvError(err)
	}
	return map[string]any{"successful_key_count": len(pairs), "unsuccessful_keys": []string{}}, nil
}

// values reads up to a hundred keys; one that does not exist is null.
func (c *call) values() (any, error) {
	id, err := c.inNamespace()
	if err != nil {
		return nil, err
	}
	var in struct {
		Keys         []string `json:"keys"`
		Type         string   `json:"type"`
		WithMetadata bool     `json:"withMetadata"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if len(in.Keys) == 0 || len(in.Keys) > kv.MaxBulkGet {
		return nil, refuse(http.StatusBadRequest, codeBadKV, "The request names %d keys; it may name 1 to %d.", len(in.Keys), kv.MaxBulkGet)
	}
	found := map[string]any{}
	for _, key := range in.Keys {
		p, ok, err := c.namespaces.Get(id, key)
		if err != nil {
			return nil, kvError(err)
		}
		if !ok {
			found[key] = nil
			continue
		}
		v, err := typed(key, p.Value, in.Type)
		if err != nil {
			return nil, err
		}
		if !in.WithMetadata {
			found[key] = v
			continue
		}
		entry := map[string]any{"value": v, "metadata": p.Metadata}
		if p.Metadata == nil {
			entry["metadata"] = nil
		}
		if p.Expiration != 0 {
			entry[expirationName] = p.Expiration
		}
		found[key] = entry
	}
	return map[string]any{"values": found}, nil
}

// typed is a value as text or as the JSON that it holds.
func typed(key string, value []byte, kind string) (any, error) {
	switch {
	case kind == "json" && json.Valid(value):
		return json.RawMessage(value), nil
	case kind == "json":
		return nil, refuse(http.StatusBadRequest, codeBadKV, "The value of key %q is not JSON.", key)
	case kind != "" && kind != "text":
		return nil, refuse(http.StatusBadRequest, codeBadKV, "The type of values is text or json, not %q.", kind)
	case !utf8.Valid(value):
		return nil, refuse(http.StatusBadRequest, codeBadKV, "The value of key %q is not text.", key)
	}
	return string(value), nil
}

func (c *call) deleteValues() (any, error) {
	id, err := c.inNamespace()
	if err != nil {
		return nil, err
	}
	var keys []string
	if err := c.decode(&keys); err != nil {
		return nil, err
	}
	if len(keys) > maxBulk {
		return nil, refuse(http.StatusBadRequest, codeBadKV, "The request names %d keys, more than %d.", len(keys), maxBulk)
	}
	if err := c.namespaces.Delete(id, keys...); err != nil {
		return nil, kvError(err)
	}
	return map[string]any{"successful_key_count": len(keys), "unsuccessful_keys": []string{}}, nil
}
