package api

import (
	"encoding/json"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func bucketRuleEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: bucketPath + "/lifecycle", Permissions: bucketsRead, handle: (*call).lifecycle},
		{Method: "PUT", Pattern: bucketPath + "/lifecycle", Permissions: bucketsWrite, handle: (*call).putLifecycle},
		{Method: "GET", Pattern: bucketPath + "/lock", Permissions: bucketsRead, handle: (*call).locks},
		{Method: "PUT", Pattern: bucketPath + "/lock", Permissions: bucketsWrite, handle: (*call).putLocks},
		{Method: "GET", Pattern: bucketPath + "/cors", Permissions: bucketsRead, handle: (*call).cors},
		{Method: "PUT", Pattern: bucketPath + "/cors", Permissions: bucketsWrite, handle: (*call).putCORS},
		{Method: "DELETE", Pattern: bucketPath + "/cors", Permissions: bucketsWrite, handle: (*call).deleteCORS},
	}
}

// codeNoCORS is the refusal to show what a bucket does not have.
const codeNoCORS = 10059

// rules is a list of rules as the API wraps it.
type rules[T any] struct {
	Rules []T `json:"rules"`
}

func (r rules[T]) wrapped() rules[T] {
	if r.Rules == nil {
		r.Rules = []T{}
	}
	return r
}

func (c *call) bucketRules() (r2.Rules, error) {
	b, err := c.findBucket()
	if err != nil {
		return r2.Rules{}, err
	}
	found, err := c.buckets.Rules(b.ID())
	return found, r2Error(err)
}

func (c *call) lifecycle() (any, error) {
	found, err := c.bucketRules()
	return rules[r2.LifecycleRule]{found.Lifecycle}.wrapped(), err
}

func (c *call) locks() (any, error) {
	found, err := c.bucketRules()
	return rules[r2.LockRule]{found.Lock}.wrapped(), err
}

func (c *call) putLifecycle() (any, error) {
	var in rules[r2.LifecycleRule]
	return c.putRules(&in, func(r *r2.Rules) { r.Lifecycle = in.Rules })
}

func (c *call) putLocks() (any, error) {
	var in rules[r2.LockRule]
	return c.putRules(&in, func(r *r2.Rules) { r.Lock = in.Rules })
}

// putRules decodes the body into in, and has change put it in its place.
func (c *call) putRules(in any, change func(*r2.Rules)) (any, error) {
	b, err := c.findBucket()
	if err != nil {
		return nil, err
	}
	if err := c.decode(in); err != nil {
		return nil, err
	}
	return struct{}{}, r2Error(c.buckets.SetRules(c.ctx, b.ID(), change))
}

// cors answers the policy that was put. Nobody follows it: a bucket has no address on
// this machine that a browser could ask.
func (c *call) cors() (any, error) {
	b, err := c.findBucket()
	if err == nil && b.CORS == nil {
		err = refuse(http.StatusNotFound, codeNoCORS, "The CORS configuration does not exist.")
	}
	return b.CORS, err
}

func (c *call) putCORS() (any, error) {
	var in rules[struct {
		ID      string `json:"id,omitempty"`
		Allowed struct {
			Methods []string `json:"methods"`
			Origins []string `json:"origins"`
			Headers []string `json:"headers,omitempty"`
		} `json:"allowed"`
		ExposeHeaders []string `json:"exposeHeaders,omitempty"`
		MaxAgeSeconds *float64 `json:"maxAgeSeconds,omitempty"`
	}]
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	for i, rule := range in.Rules {
		if len(rule.Allowed.Methods) == 0 || len(rule.Allowed.Origins) == 0 {
			return nil, refuse(http.StatusBadRequest, codeBadR2, "CORS rule %d allows no methods or no origins.", i+1)
		}
	}
	doc, err := json.Marshal(in.wrapped())
	if err != nil {
		return nil, err
	}
	_, err = c.changeBucket(func(b *store.Bucket) { b.CORS = doc })
	return struct{}{}, err
}

func (c *call) deleteCORS() (any, error) {
	_, err := c.changeBucket(func(b *store.Bucket) { b.CORS = nil })
	return struct{}{}, err
}
