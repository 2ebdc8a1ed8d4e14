package api

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/r2"
)

// objectPath ends with a key, which may have slashes.
const objectPath = bucketPath + "/objects/{object_key...}"

func objectEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: bucketPath + "/objects", Permissions: bucketsRead, handle: (*call).listObjects},
		{Method: "DELETE", Pattern: bucketPath + "/objects", Permissions: bucketsWrite, handle: (*call).deleteObjects},
		{Method: "GET", Pattern: objectPath, Permissions: bucketsRead, handle: (*call).object},
		{Method: "PUT", Pattern: objectPath, Permissions: bucketsWrite, handle: (*call).putObject, body: r2.MaxUpload + 1},
		{Method: "DELETE", Pattern: objectPath, Permissions: bucketsWrite, handle: (*call).deleteObject},
	}
}

func objectJSON(o r2.Object) map[string]any {
	custom := map[string]string{}
	for _, f := range o.Custom {
		custom[f.Key] = f.Value
	}
	http := map[string]any{}
	for name, value := range map[string]string{
		"contentType": o.HTTP.ContentType, "contentLanguage": o.HTTP.ContentLanguage, "contentDisposition": o.HTTP.ContentDisposition,
		"contentEncoding": o.HTTP.ContentEncoding, "cacheControl": o.HTTP.CacheControl,
	} {
		if value != "" {
			http[name] = value
		}
	}
	if o.HTTP.CacheExpiry != nil {
		http["cacheExpiry"] = objectTime(time.UnixMilli(*o.HTTP.CacheExpiry))
	}
	return map[string]any{
		"key": o.Key, "etag": o.ETag, "size": o.Size, "last_modified": objectTime(o.Uploaded),
		"storage_class": o.Class, "ssec": o.KeyMD5 != "", "custom_metadata": custom, "http_metadata": http,
	}
}

func objectTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (c *call) listObjects() (any, error) {
	b, err := c.findBucket()
	if err != nil {
		return nil, err
	}
	per, err := number(c.query, "per_page", 20, 1, r2.MaxList)
	if err != nil {
		return nil, err
	}
	page, err := c.buckets.List(c.ctx, b.ID(), r2.ListOptions{
		Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), StartAfter: c.query.Get("start_after"),
		Cursor: c.query.Get("cursor"), Limit: per,
	})
	if err != nil {
		return nil, r2Error(err)
	}
	listed := []map[string]any{}
	truncated := page.Cursor != ""
	info := &resultInfo{PerPage: per, Cursor: &page.Cursor, Truncated: &truncated}
	for _, item := range page.Items {
		if item.Prefix != "" {
			info.Delimited = append(info.Delimited, item.Prefix)
		} else {
			listed = append(listed, objectJSON(item.Object))
		}
	}
	info.Count = len(listed)
	return reply{result: listed, info: info}, nil
}

// object answers the content as it is, like a website would.
func (c *call) object() (any, error) {
	b, err := c.findBucket()
	if err != nil {
		return nil, err
	}
	o, err := c.buckets.Get(c.ctx, b.ID(), c.vars["object_key"], r2.GetOptions{OnlyIf: unlessKnown(c.req.Header)})
	known := errors.Is(err, r2.ErrPreconditionFailed)
	if err != nil && !known {
		return nil, r2Error(err)
	}
	return reply{write: func(w http.ResponseWriter) error {
		defer o.Close()
		h := w.Header()
		h.Set("ETag", `"`+o.ETag+`"`)
		h.Set("Last-Modified", o.Uploaded.Format(http.TimeFormat))
		h.Set(classHeader, o.Class)
		if known {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		h.Set("Content-Type", cmp.Or(o.HTTP.ContentType, "application/octet-stream"))
		h.Set("Content-Length", strconv.FormatInt(o.Length, 10))
		for name, value := range map[string]string{
			"Content-Language": o.HTTP.ContentLanguage, "Content-Disposition": o.HTTP.ContentDisposition,
			"Content-Encoding": o.HTTP.ContentEncoding, "Cache-Control": o.HTTP.CacheControl,
		} {
			if value != "" {
				h.Set(name, value)
			}
		}
		if o.HTTP.CacheExpiry != nil {
			h.Set("Expires", time.UnixMilli(*o.HTTP.CacheExpiry).UTC().Format(http.TimeFormat))
		}
		_, err := o.WriteTo(w)
		return err
	}}, nil
}

// unlessKnown is the condition of If-None-Match and If-Modified-Since.
func unlessKnown(h http.Header) *r2.Condition {
	c := &r2.Condition{Seconds: true}
	for tag := range strings.SplitSeq(h.Get("If-None-Match"), ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			c.NoneMatch = append(c.NoneMatch, r2.ETag{Value: strings.Trim(strings.TrimPrefix(tag, "W/"), `"`), Any: tag == "*"})
		}
	}
	if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil {
		c.UploadedAfter = t
	}
	return c
}

func (c *call) putObject() (any, error) {
	b, err := c.findBucket()
	if err != nil {
		return nil, err
	}
	h := c.req.Header
	o := r2.PutOptions{Settings: r2.Settings{
		HTTP: r2.HTTPMetadata{
			ContentType: h.Get("Content-Type"), ContentLanguage: h.Get("Content-Language"), ContentDisposition: h.Get("Content-Disposition"),
			ContentEncoding: h.Get("Content-Encoding"), CacheControl: h.Get("Cache-Control"),
		},
		Class: cmp.Or(h.Get(classHeader), b.Class),
	}}
	if text := h.Get("Expires"); text != "" {
		t, err := http.ParseTime(text)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, codeBadR2, "The header Expires is %q, which is no time.", text)
		}
		ms := t.UnixMilli()
		o.HTTP.CacheExpiry = &ms
	}
	object, err := c.buckets.Put(c.ctx, b.ID(), c.vars["object_key"], c.req.Body, o)
	if err != nil {
		return nil, r2Error(err)
	}
	return map[string]any{
		"key": object.Key, "etag": object.ETag, "version": object.Version, "size": strconv.FormatInt(object.Size, 10),
		"storage_class": object.Class, "uploaded": objectTime(object.Uploaded),
	}, nil
}

func (c *call) deleteObject() (any, error) {
	b, err := c.findBucket()
	if err != nil {
		return nil, err
	}
	key := c.vars["object_key"]
	return map[string]string{"key": key}, r2Error(c.buckets.Delete(c.ctx, b.ID(), key))
}

// deleteObjects removes the objects whose keys the body lists.
func (c *call) deleteObjects() (any, error) {
	b, err := c.findBucket()
	if err != nil {
		return nil, err
	}
	if c.query.Has("prefix") {
		return nil, refuse(http.StatusNotImplemented, 7003, "The local cloud has no jobs that empty a bucket: list the keys and send them in the body.")
	}
	var keys []string
	if err := c.decode(&keys); err != nil {
		return nil, err
	}
	if err := c.buckets.Delete(c.ctx, b.ID(), keys...); err != nil {
		return nil, r2Error(err)
	}
	gone := []map[string]string{}
	for _, key := range keys {
		gone = append(gone, map[string]string{"key": key})
	}
	return gone, nil
}
