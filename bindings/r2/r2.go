// Package r2 is the binding to an R2 bucket.
//
//	var files = r2.Open("FILES")
//
//	_, err := files.Put(ctx, "a.txt", strings.NewReader("hello"), r2.PutOptions{HTTP: r2.HTTPMetadata{ContentType: "text/plain"}})
//	object, err := files.Get(ctx, "a.txt", r2.GetOptions{})
//	defer object.Body.Close()
package r2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// ErrNotFound is an object that is not there.
var ErrNotFound = errors.New("r2: there is no such object")

// ErrPrecondition is an operation whose OnlyIf does not hold.
var ErrPrecondition = errors.New("r2: the object is not as OnlyIf wants it")

// Error is what R2 refused, in its own words.
type Error = wire.Error

const kind = "r2"

// Bucket is a bucket. It holds nothing of a request and serves all of them.
type Bucket struct{ binding string }

// Open is the bucket that the binding of that name is for. Whether there is one shows when
// it is used.
func Open(binding string) *Bucket { return &Bucket{binding} }

// Object is what is known about an object.
type Object struct {
	Key          string
	Version      string
	Size         int64  // bytes of the whole
	ETag         string // without quotes; [Object.HTTPETag] is for headers
	Uploaded     time.Time
	HTTP         HTTPMetadata
	Custom       map[string]string
	Checksums    Checksums
	StorageClass string
}

// HTTPETag is the ETag as headers have it, in quotes.
func (o *Object) HTTPETag() string { return `"` + o.ETag + `"` }

// HTTPMetadata are headers that belong to an object.
type HTTPMetadata struct {
	ContentType        string    `json:"contentType,omitempty"` // "" leaves a header out
	ContentLanguage    string    `json:"contentLanguage,omitempty"`
	ContentDisposition string    `json:"contentDisposition,omitempty"`
	ContentEncoding    string    `json:"contentEncoding,omitempty"`
	CacheControl       string    `json:"cacheControl,omitempty"`
	CacheExpiry        time.Time `json:"-"` // until when caches may keep it; zero: not said
}

// Checksums are those that R2 has of an object, in hexadecimal digits: always MD5, except
// for objects of several parts, and those that it was given.
type Checksums struct{ MD5, SHA1, SHA256, SHA384, SHA512 string }

// Content is an object with its content, or a range of it.
type Content struct {
	Object
	Offset int64 // of what Body has
	Length int64
	Body   io.ReadCloser
}

// Range is a part of an object. With Suffix it is that many bytes at the end; else it
// begins at Offset and has Length bytes, or all that follow when Length is 0.
type Range struct{ Offset, Length, Suffix int64 }

// Condition says for which state of an object an operation is meant. What is empty is no
// condition; ETags are without quotes.
type Condition struct {
	ETagMatches      string
	ETagDoesNotMatch string
	UploadedBefore   time.Time // zero: whenever, as below
	UploadedAfter    time.Time
}

// GetOptions say which part of an object, and when.
type GetOptions struct {
	Range  Range
	OnlyIf Condition
}

// PutOptions say what belongs to an object.
type PutOptions struct {
	HTTP         HTTPMetadata
	Custom       map[string]string // text of one's own, of 8,192 bytes in all
	StorageClass string            // "" is Standard
	OnlyIf       Condition         // else nothing is written
	Checksums    Checksums         // at most one: the content that arrives has to have it
	// Size of the content, where the reader does not tell, as those of bytes and strings
	// do: R2 has to know it before. [Bucket.CreateMultipartUpload] is for what nobody knows.
	Size int64
}

// Head is what is known about an object.
func (b *Bucket) Head(ctx context.Context, key string) (*Object, error) {
	h, _, err := b.read(ctx, call{Method: "head", Object: key})
	if err != nil {
		return nil, err
	}
	return h.object(), nil
}

// Get is an object with its content, whose Body is to be closed. With ErrPrecondition the
// object is there without its Body.
func (b *Bucket) Get(ctx context.Context, key string, o GetOptions) (*Content, error) {
	h, body, err := b.read(ctx, call{Method: "get", Object: key, Range: o.Range.span(), OnlyIf: o.OnlyIf.wire()})
	if err != nil && (h == nil || !errors.Is(err, ErrPrecondition)) {
		return nil, err
	}
	c := &Content{Object: *h.object(), Length: h.Size, Body: body}
	if h.Range != nil {
		c.Offset, c.Length = h.Range.Offset, h.Range.Length
	}
	return c, err
}

// Put stores an object.
func (b *Bucket) Put(ctx context.Context, key string, content io.Reader, o PutOptions) (*Object, error) {
	size, err := sizeOf(content, o.Size)
	if err != nil {
		return nil, fmt.Errorf("r2 %s: %q: %w", b.binding, key, err)
	}
	h, err := b.write(ctx, o.call("put", key), content, size)
	if err != nil {
		return nil, err
	}
	return h.object(), nil
}

// Delete removes objects, up to 1,000. What is not there is no error.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := b.write(ctx, call{Method: "delete", Objects: keys}, nil, 0)
	return err
}

// ListOptions say which objects.
type ListOptions struct {
	Prefix     string
	Delimiter  string // keys with it after the prefix are listed by what comes before, in Prefixes
	StartAfter string // a key
	Cursor     string // of the page before
	Limit      int    // up to 1,000, which is the default
	Metadata   bool   // objects have their HTTP and custom metadata
}

// Page is some of the objects, in the order of their keys.
type Page struct {
	Objects  []Object
	Prefixes []string
	Cursor   string // for the next page; "" when this is the last
}

// List is a page of the objects.
func (b *Bucket) List(ctx context.Context, o ListOptions) (Page, error) {
	c := call{Method: "list", Prefix: o.Prefix, Delimiter: o.Delimiter, StartAfter: o.StartAfter, Cursor: o.Cursor, Limit: o.Limit, NewRuntime: true}
	if o.Metadata {
		c.Include = []int{0, 1}
	}
	return b.list(ctx, c)
}

// ErrSize is content whose size nobody says.
var ErrSize = errors.New("r2 has to know the size of the content: give it as Size, or use a multipart upload")

// sizeOf is how long content is.
func sizeOf(content io.Reader, said int64) (int64, error) {
	if said > 0 {
		return said, nil
	}
	switch r := content.(type) {
	case nil:
		return 0, nil
	case interface{ Len() int }:
		return int64(r.Len()), nil
	case io.Seeker:
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0, err
		}
		end, err := r.Seek(0, io.SeekEnd)
		if err != nil {
			return 0, err
		}
		_, err = r.Seek(at, io.SeekStart)
		return end - at, err
	}
	return 0, ErrSize
}
