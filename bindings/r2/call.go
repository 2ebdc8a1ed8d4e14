package r2

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"
)

// call is what R2 is asked, as the protocol of workerd's binding has it.
type call struct {
	Version      int       `json:"version"`
	Method       string    `json:"method"`
	Object       string    `json:"object,omitempty"`
	Objects      []string  `json:"objects,omitempty"`
	Range        *span     `json:"range,omitempty"`
	OnlyIf       *onlyIf   `json:"onlyIf,omitempty"`
	HTTP         *httpSent `json:"httpFields,omitempty"`
	Custom       []field   `json:"customFields,omitempty"`
	StorageClass string    `json:"storageClass,omitempty"`
	MD5          []byte    `json:"md5,omitempty"`
	SHA1         string    `json:"sha1,omitempty"`
	SHA256       string    `json:"sha256,omitempty"`
	SHA384       string    `json:"sha384,omitempty"`
	SHA512       string    `json:"sha512,omitempty"`
	UploadID     string    `json:"uploadId,omitempty"`
	PartNumber   int       `json:"partNumber,omitempty"`
	Parts        []Part    `json:"parts,omitempty"`
	Limit        int       `json:"limit,omitempty"`
	Prefix       string    `json:"prefix,omitempty"`
	Cursor       string    `json:"cursor,omitempty"`
	Delimiter    string    `json:"delimiter,omitempty"`
	StartAfter   string    `json:"startAfter,omitempty"`
	Include      []int     `json:"include,omitempty"`
	NewRuntime   bool      `json:"newRuntime,omitempty"`
}

type span struct {
	Offset *int64 `json:"offset,omitempty"`
	Length *int64 `json:"length,omitempty"`
	Suffix *int64 `json:"suffix,omitempty"`
}

func (r Range) span() *span {
	switch {
	case r == Range{}:
		return nil
	case r.Suffix != 0:
		return &span{Suffix: &r.Suffix}
	}
	s := &span{Offset: &r.Offset}
	if r.Length != 0 {
		s.Length = &r.Length
	}
	return s
}

type etag struct {
	Value string `json:"value"`
	Type  string `json:"type"`
}

type onlyIf struct {
	Matches      []etag `json:"etagMatches,omitempty"`
	DoesNotMatch []etag `json:"etagDoesNotMatch,omitempty"`
	Before       *int64 `json:"uploadedBefore,omitempty"` // milliseconds
	After        *int64 `json:"uploadedAfter,omitempty"`
}

func (c Condition) wire() *onlyIf {
	if c == (Condition{}) {
		return nil
	}
	return &onlyIf{tag(c.ETagMatches), tag(c.ETagDoesNotMatch), milliseconds(c.UploadedBefore), milliseconds(c.UploadedAfter)}
}

func tag(value string) []etag {
	if value == "" {
		return nil
	}
	return []etag{{value, "strong"}}
}

func milliseconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.UnixMilli())
}

type field struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

type httpSent struct {
	HTTPMetadata
	CacheExpiry *int64 `json:"cacheExpiry,omitempty"` // milliseconds
}

// call is an operation that stores something.
func (o PutOptions) call(method, key string) call {
	c := call{
		Method: method, Object: key, OnlyIf: o.OnlyIf.wire(), StorageClass: o.StorageClass,
		SHA1: o.Checksums.SHA1, SHA256: o.Checksums.SHA256, SHA384: o.Checksums.SHA384, SHA512: o.Checksums.SHA512,
	}
	c.MD5, _ = hex.DecodeString(o.Checksums.MD5) // what is none is as long as none, and refused
	if o.HTTP != (HTTPMetadata{}) {
		c.HTTP = &httpSent{o.HTTP, milliseconds(o.HTTP.CacheExpiry)}
	}
	for _, k := range slices.Sorted(maps.Keys(o.Custom)) {
		c.Custom = append(c.Custom, field{k, o.Custom[k]})
	}
	return c
}

// head is an object as it arrives, or what else an operation gives.
type head struct {
	Name      string
	Version   string
	Size      int64
	ETag      string
	Uploaded  int64     // milliseconds
	HTTP      *httpSent `json:"httpFields"`
	Custom    []field   `json:"customFields"`
	Range     *struct{ Offset, Length int64 }
	Checksums struct {
		MD5    string `json:"0"`
		SHA1   string `json:"1"`
		SHA256 string `json:"2"`
		SHA384 string `json:"3"`
		SHA512 string `json:"4"`
	}
	StorageClass string
	UploadID     string
}

func (h *head) object() *Object {
	o := &Object{
		Key: h.Name, Version: h.Version, Size: h.Size, ETag: h.ETag, Uploaded: time.UnixMilli(h.Uploaded).UTC(),
		Checksums: Checksums(h.Checksums), StorageClass: h.StorageClass,
	}
	if h.HTTP != nil {
		o.HTTP = h.HTTP.HTTPMetadata
		if h.HTTP.CacheExpiry != nil {
			o.HTTP.CacheExpiry = time.UnixMilli(*h.HTTP.CacheExpiry).UTC()
		}
	}
	if len(h.Custom) > 0 {
		o.Custom = make(map[string]string, len(h.Custom))
		for _, f := range h.Custom {
			o.Custom[f.Key] = f.Value
		}
	}
	return o
}

// listing is a page as it arrives.
type listing struct {
	Objects   []head
	Prefixes  []string `json:"delimitedPrefixes"`
	Truncated bool
	Cursor    string
}

func (l *listing) page() Page {
	p := Page{Prefixes: l.Prefixes}
	for i := range l.Objects {
		p.Objects = append(p.Objects, *l.Objects[i].object())
	}
	if l.Truncated {
		p.Cursor = l.Cursor
	}
	return p
}
