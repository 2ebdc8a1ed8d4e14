package api

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

const bucketPath = accountPath + "/r2/buckets/{bucket_name}"

func bucketEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/r2/buckets", Permissions: bucketsRead, handle: (*call).listBuckets},
		{Method: "POST", Pattern: accountPath + "/r2/buckets", Permissions: bucketsWrite, handle: (*call).addBucket},
		{Method: "GET", Pattern: bucketPath, Permissions: bucketsRead, handle: (*call).bucketDetails},
		{Method: "PATCH", Pattern: bucketPath, Permissions: bucketsWrite, handle: (*call).editBucket},
		{Method: "DELETE", Pattern: bucketPath, Permissions: bucketsWrite, handle: (*call).deleteBucket},
	}
}

// The headers by which R2's endpoints take what others take in the query or body.
const (
	jurisdictionHeader = "Cf-R2-Jurisdiction"
	classHeader        = "Cf-R2-Storage-Class"
)

// Refusals of R2's endpoints that its engine does not know.
const (
	codeBucketName   = 10005
	codeBucketExists = 10004
	codeBadR2        = 10029 // a header, query or body that R2 does not take
)

var (
	bucketName = lazyregexp.New(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	// jurisdictions are where objects can be bound to stay; each has names of its own.
	jurisdictions = []string{"default", "eu", "fedramp"}
	locationHints = []string{"", "apac", "eeur", "enam", "weur", "wnam", "oc"}
	classes       = []string{r2.Standard, r2.InfrequentAccess}
)

func bucketJSON(b store.Bucket) map[string]any {
	return map[string]any{
		"name": b.Name, "creation_date": b.CreatedOn.Format("2006-01-02T15:04:05.000Z"), "jurisdiction": b.Jurisdiction,
		"location": strings.ToUpper(cmp.Or(b.Location, "local")), "storage_class": b.Class,
	}
}

// jurisdiction is the one that the call is about.
func (c *call) jurisdiction() (string, error) {
	j := cmp.Or(c.req.Header.Get(jurisdictionHeader), "default")
	if !slices.Contains(jurisdictions, j) {
		return "", refuse(http.StatusBadRequest, codeBadR2, "The jurisdiction is one of %s, not %q.", strings.Join(jurisdictions, ", "), j)
	}
	return j, nil
}

func checkClass(class string) error {
	if !slices.Contains(classes, class) {
		return refuse(http.StatusBadRequest, codeBadR2, "The storage class is one of %s, not %q.", strings.Join(classes, ", "), class)
	}
	return nil
}

func (c *call) listBuckets() (any, error) {
	in, err := c.jurisdiction()
	if err != nil {
		return nil, err
	}
	per, err := number(c.query, "per_page", 20, 1, 1000)
	if err != nil {
		return nil, err
	}
	cursor, err := base64.RawURLEncoding.DecodeString(c.query.Get("cursor"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeBadR2, "The cursor %q is none of this list.", c.query.Get("cursor"))
	}
	var all []store.Bucket
	if err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Buckets(c.account.ID, in)
		return err
	}); err != nil {
		return nil, err
	}
	down := c.query.Get("direction") == "desc"
	if down {
		slices.Reverse(all)
	}
	after := cmp.Or(string(cursor), c.query.Get("start_after"))
	listed := []map[string]any{}
	info := &resultInfo{PerPage: per, Cursor: new(string)}
	for _, b := range all {
		if !strings.Contains(b.Name, c.query.Get("name_contains")) || after != "" && (b.Name <= after) != down {
			continue
		}
		if after != "" && b.Name == after {
			continue
		}
		if len(listed) == per {
			*info.Cursor = base64.RawURLEncoding.EncodeToString([]byte(listed[per-1]["name"].(string)))
			break
		}
		listed = append(listed, bucketJSON(b))
	}
	info.Count = len(listed)
	return reply{result: map[string]any{"buckets": listed}, info: info}, nil
}

func (c *call) addBucket() (any, error) {
	in, err := c.jurisdiction()
	if err != nil {
		return nil, err
	}
	var body struct {
		Name         string `json:"name"`
		LocationHint string `json:"locationHint"`
		StorageClass string `json:"storageClass"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if !bucketName.MatchString(body.Name) {
		return nil, refuse(http.StatusBadRequest, codeBucketName, "The specified bucket name %q is not valid: 3 to 63 lower-case letters, digits and hyphens, with a letter or a digit at both ends.", body.Name)
	}
	hint := strings.ToLower(body.LocationHint)
	if !slices.Contains(locationHints, hint) {
		return nil, refuse(http.StatusBadRequest, codeBadR2, "The location hint is one of %s, not %q.", strings.Join(locationHints[1:], ", "), body.LocationHint)
	}
	b := store.Bucket{
		Account: c.account.ID, Jurisdiction: in, Name: body.Name, Location: hint,
		Class: cmp.Or(body.StorageClass, r2.Standard), CreatedOn: c.now().Truncate(time.Millisecond),
	}
	if err := checkClass(b.Class); err != nil {
		return nil, err
	}
	err = c.store.Write(c.ctx, func(tx *store.Tx) error {
		if err := tx.AddBucket(b); errors.Is(err, store.ErrExists) {
			return refuse(http.StatusConflict, codeBucketExists, "The bucket you tried to create already exists, and you own it.")
		} else if err != nil {
			return err
		}
		return c.buckets.CreateBucket(c.ctx, b.ID())
	})
	return bucketJSON(b), err
}

// bucket is the one of the path.
func (c *call) bucket(tx *store.Tx) (store.Bucket, error) {
	in, err := c.jurisdiction()
	if err != nil {
		return store.Bucket{}, err
	}
	b, err := tx.Bucket(c.account.ID, in, c.vars["bucket_name"])
	if errors.Is(err, store.ErrNotFound) {
		err = r2Error(r2.ErrNoSuchBucket)
	}
	return b, err
}

func (c *call) findBucket() (b store.Bucket, err error) {
	err = c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		b, err = c.bucket(tx)
		return err
	})
	return b, err
}

// changeBucket edits the record of the path's bucket.
func (c *call) changeBucket(edit func(*store.Bucket)) (b store.Bucket, err error) {
	err = c.store.Write(c.ctx, func(tx *store.Tx) (err error) {
		if b, err = c.bucket(tx); err != nil {
			return err
		}
		edit(&b)
		return tx.PutBucket(b)
	})
	return b, err
}

func (c *call) bucketDetails() (any, error) {
	b, err := c.findBucket()
	return bucketJSON(b), err
}

func (c *call) editBucket() (any, error) {
	class := c.req.Header.Get(classHeader)
	if err := checkClass(class); err != nil {
		return nil, err
	}
	b, err := c.changeBucket(func(b *store.Bucket) { b.Class = class })
	return bucketJSON(b), err
}

func (c *call) deleteBucket() (any, error) {
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		b, err := c.bucket(tx)
		if err != nil {
			return err
		}
		if err := tx.DeleteBucket(b); err != nil {
			return err
		}
		if err := c.buckets.DeleteBucket(c.ctx, b.ID()); err != nil && !errors.Is(err, r2.ErrNoSuchBucket) {
			return r2Error(err)
		}
		return nil
	})
	return struct{}{}, err
}

// r2Error says a refusal of the engine in the API's terms.
func r2Error(err error) error {
	var refused *r2.Error
	if errors.As(err, &refused) {
		return refuse(refused.Status, refused.Code, "%s", refused.Message)
	}
	return err
}
