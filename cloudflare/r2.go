package cloudflare

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Bucket is an R2 bucket.
type Bucket struct {
	Name         string    `json:"name"`
	CreatedOn    time.Time `json:"creation_date"`
	Location     string    `json:"location"`
	StorageClass string    `json:"storage_class"`
	Jurisdiction string    `json:"jurisdiction"`
}

// NewBucket asks for a bucket; only Name (3 to 64 characters) is required.
type NewBucket struct {
	Name         string `json:"name"`
	LocationHint string `json:"locationHint,omitempty"` // wnam, enam, weur, eeur, apac or oc
	StorageClass string `json:"storageClass,omitempty"` // Standard or InfrequentAccess
	Jurisdiction string `json:"-"`                      // default, eu or fedramp
}

const (
	bucketsPath = "/accounts/{account_id}/r2/buckets"
	bucketPath  = bucketsPath + "/{bucket_name}"
)

// Buckets lists the R2 buckets of a jurisdiction; "" is the default one.
func (c *Client) Buckets(ctx context.Context, account, jurisdiction string) iter.Seq2[Bucket, error] {
	type list struct {
		Buckets []Bucket `json:"buckets"`
	}
	r := request{
		method: http.MethodGet, path: bucketsPath, args: []string{account}, effect: reads,
		query: url.Values{"per_page": {"1000"}}, header: inJurisdiction(jurisdiction),
	}
	return cursors(ctx, c, r, func(l list) []Bucket { return l.Buckets })
}

// CreateBucket makes an R2 bucket.
func (c *Client) CreateBucket(ctx context.Context, account string, b NewBucket) (Bucket, error) {
	return call[Bucket](ctx, c, request{
		method: http.MethodPost, path: bucketsPath, args: []string{account}, effect: creates, header: inJurisdiction(b.Jurisdiction),
	}.withJSON(b))
}

// Bucket reads one bucket of a jurisdiction; "" is the default one.
func (c *Client) Bucket(ctx context.Context, account, name, jurisdiction string) (Bucket, error) {
	return call[Bucket](ctx, c, request{
		method: http.MethodGet, path: bucketPath, args: []string{account, name}, effect: reads, header: inJurisdiction(jurisdiction),
	})
}

// DeleteBucket removes an empty bucket of a jurisdiction; "" is the default one.
func (c *Client) DeleteBucket(ctx context.Context, account, name, jurisdiction string) error {
	return c.run(ctx, request{
		method: http.MethodDelete, path: bucketPath, args: []string{account, name}, effect: names, header: inJurisdiction(jurisdiction),
	})
}

func inJurisdiction(j string) http.Header {
	if j == "" {
		return nil
	}
	return http.Header{"Cf-R2-Jurisdiction": {j}}
}
