package cloudflare

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Namespace is a KV namespace.
type Namespace struct {
	ID                  string `json:"id"`
	Title               string `json:"title"`
	SupportsURLEncoding bool   `json:"supports_url_encoding"`
}

// Key is an entry of a KV namespace without its value.
type Key struct {
	Name       string          `json:"name"`
	Expiration float64         `json:"expiration"` // Unix seconds; 0 never
	Metadata   json.RawMessage `json:"metadata"`
}

// Pair is an entry for PutPairs.
type Pair struct {
	Key           string `json:"key"`
	Value         string `json:"value"`
	Base64        bool   `json:"base64,omitempty"`         // Value is base64 of what is to be stored
	Expiration    int64  `json:"expiration,omitempty"`     // Unix seconds
	ExpirationTTL int64  `json:"expiration_ttl,omitempty"` // seconds, at least 60
	Metadata      any    `json:"metadata,omitempty"`
}

// PutOptions say how long a value lives; the zero value is for ever.
type PutOptions struct {
	Expiration time.Time
	TTL        time.Duration // at least a minute
}

const (
	namespacesPath = "/accounts/{account_id}/storage/kv/namespaces"
	namespacePath  = namespacesPath + "/{namespace_id}"
	valuePath      = namespacePath + "/values/{key_name}"
	// mostPairs is what the API takes in one bulk call.
	mostPairs = 10_000
)

// Namespaces lists KV namespaces.
func (c *Client) Namespaces(ctx context.Context, account string) iter.Seq2[Namespace, error] {
	return pages(ctx, c, request{method: http.MethodGet, path: namespacesPath, args: []string{account}, effect: reads}, 1000, itself[Namespace])
}

// CreateNamespace makes a KV namespace; a title that exists is refused with
// CodeKVTitleExists.
func (c *Client) CreateNamespace(ctx context.Context, account, title string) (Namespace, error) {
	return call[Namespace](ctx, c, request{method: http.MethodPost, path: namespacesPath, args: []string{account}, effect: creates}.withJSON(namespaceTitle{title}))
}

type namespaceTitle struct {
	Title string `json:"title"`
}

// Namespace reads one KV namespace.
func (c *Client) Namespace(ctx context.Context, account, id string) (Namespace, error) {
	return call[Namespace](ctx, c, request{method: http.MethodGet, path: namespacePath, args: []string{account, id}, effect: reads})
}

// RenameNamespace gives a KV namespace another title.
func (c *Client) RenameNamespace(ctx context.Context, account, id, title string) error {
	return c.run(ctx, request{method: http.MethodPut, path: namespacePath, args: []string{account, id}, effect: names}.withJSON(namespaceTitle{title}))
}

// DeleteNamespace removes a KV namespace with its entries.
func (c *Client) DeleteNamespace(ctx context.Context, account, id string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: namespacePath, args: []string{account, id}, effect: names})
}

// Keys lists the keys of a namespace that begin with prefix, in order.
func (c *Client) Keys(ctx context.Context, account, namespace, prefix string) iter.Seq2[Key, error] {
	q := url.Values{"limit": {"1000"}}
	set(q, "prefix", prefix)
	return cursors(ctx, c, request{method: http.MethodGet, path: namespacePath + "/keys", args: []string{account, namespace}, query: q, effect: reads}, itself[Key])
}

// Value reads a value; IsNotFound when the key does not exist.
func (c *Client) Value(ctx context.Context, account, namespace, key string) ([]byte, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, path: valuePath, args: []string{account, namespace, key}, effect: reads, bare: true})
	if err != nil {
		return nil, err
	}
	return a.result, nil
}

// PutValue writes a value.
func (c *Client) PutValue(ctx context.Context, account, namespace, key string, value []byte, o PutOptions) error {
	q := url.Values{}
	if !o.Expiration.IsZero() {
		q.Set("expiration", strconv.FormatInt(o.Expiration.Unix(), 10))
	}
	if o.TTL > 0 {
		q.Set("expiration_ttl", strconv.FormatInt(int64(o.TTL/time.Second), 10))
	}
	return c.run(ctx, request{
		method: http.MethodPut, path: valuePath, args: []string{account, namespace, key}, query: q, effect: names,
		contentType: "application/octet-stream", body: value,
	})
}

// DeleteValue removes a key; one that does not exist is no error to Cloudflare.
func (c *Client) DeleteValue(ctx context.Context, account, namespace, key string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: valuePath, args: []string{account, namespace, key}, effect: names})
}

// bulkOutcome is what became of a bulk call.
type bulkOutcome struct {
	Unsuccessful []string `json:"unsuccessful_keys"`
}

// PutPairs writes many entries, in as many calls as that takes, and gives the keys
// that Cloudflare did not write.
func (c *Client) PutPairs(ctx context.Context, account, namespace string, pairs []Pair) (unsuccessful []string, err error) {
	return bulk(pairs, func(some []Pair) (bulkOutcome, error) {
		return call[bulkOutcome](ctx, c, request{
			method: http.MethodPut, path: namespacePath + "/bulk", args: []string{account, namespace}, effect: names,
		}.withJSON(some))
	})
}

// DeleteKeys removes many entries, in as many calls as that takes, and gives the keys
// that Cloudflare did not remove.
func (c *Client) DeleteKeys(ctx context.Context, account, namespace string, keys []string) (unsuccessful []string, err error) {
	return bulk(keys, func(some []string) (bulkOutcome, error) {
		return call[bulkOutcome](ctx, c, request{
			method: http.MethodPost, path: namespacePath + "/bulk/delete", args: []string{account, namespace}, effect: names,
		}.withJSON(some))
	})
}

func bulk[T any](all []T, send func([]T) (bulkOutcome, error)) (unsuccessful []string, err error) {
	for len(all) > 0 {
		n := min(len(all), mostPairs)
		out, err := send(all[:n])
		if err != nil {
			return unsuccessful, err
		}
		unsuccessful = append(unsuccessful, out.Unsuccessful...)
		all = all[n:]
	}
	return unsuccessful, nil
}
