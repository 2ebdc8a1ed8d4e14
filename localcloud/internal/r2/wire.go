package r2

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// request is what the binding asks for; which fields count depends on Method.
type request struct {
	Method       string
	Object       string
	Objects      []string
	Range        *wireSpan
	RangeHeader  *string
	OnlyIf       *wireCondition
	HTTPFields   wireHTTP `json:"httpFields"`
	CustomFields []Field
	StorageClass string
	SSEC         *struct{ Key string }
	MD5          []byte // base64
	SHA1         string // hex, as those below
	SHA256       string
	SHA384       string
	SHA512       string
	UploadID     string `json:"uploadId"`
	PartNumber   int
	Parts        []struct {
		ETag string
		Part int
	}
	Limit      *int64
	Prefix     string
	Cursor     string
	Delimiter  string
	StartAfter string
	Include    []int
	NewRuntime bool
}

// The optional metadata of a list, as Include numbers it.
const (
	includeHTTP   = 0
	includeCustom = 1
)

// number is an integer, which Cap'n Proto writes as a string in JSON.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	text := string(b)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	v, err := strconv.ParseUint(text, 10, 63)
	*n = number(v)
	return err
}

type wireSpan struct{ Offset, Length, Suffix *number }

type wireETag struct{ Value, Type string }

type wireCondition struct {
	EtagMatches        []wireETag
	EtagDoesNotMatch   []wireETag
	UploadedBefore     *number
	UploadedAfter      *number
	SecondsGranularity bool
}

type wireHTTP struct {
	ContentType        string
	ContentLanguage    string
	ContentDisposition string
	ContentEncoding    string
	CacheControl       string
	CacheExpiry        *number
}

func decodeRequest(b []byte) (*request, error) {
	q := &request{}
	if err := json.Unmarshal(b, q); err != nil {
		return nil, invalid("%s: %s", ErrInvalidArgument.Message, err)
	}
	return q, nil
}

func (q *request) secret() ([]byte, error) {
	if q.SSEC == nil {
		return nil, nil
	}
	key, err := hex.DecodeString(q.SSEC.Key)
	if err != nil {
		return nil, invalid("The customer's key is not in hex.")
	}
	return key, checkSecret(key)
}

func (q *request) settings() (Settings, error) {
	secret, err := q.secret()
	h := q.HTTPFields
	return Settings{
		HTTP: HTTPMetadata{
			ContentType: h.ContentType, ContentLanguage: h.ContentLanguage, ContentDisposition: h.ContentDisposition,
			ContentEncoding: h.ContentEncoding, CacheControl: h.CacheControl, CacheExpiry: (*int64)(h.CacheExpiry),
		},
		Custom: q.CustomFields, Class: q.StorageClass, Secret: secret,
	}, err
}

func (q *request) putOptions() (PutOptions, error) {
	settings, err := q.settings()
	return PutOptions{
		Settings: settings, OnlyIf: q.OnlyIf.condition(),
		Expect: Checksums{MD5: hex.EncodeToString(q.MD5), SHA1: q.SHA1, SHA256: q.SHA256, SHA384: q.SHA384, SHA512: q.SHA512},
	}, err
}

func (q *request) getOptions() (GetOptions, error) {
	secret, err := q.secret()
	o := GetOptions{OnlyIf: q.OnlyIf.condition(), Secret: secret}
	switch {
	case q.RangeHeader != nil:
		o.Span = parseSpan(*q.RangeHeader)
	case q.Range != nil:
		o.Span = &Span{Offset: (*int64)(q.Range.Offset), Length: (*int64)(q.Range.Length), Suffix: (*int64)(q.Range.Suffix)}
	}
	return o, err
}

func (c *wireCondition) condition() *Condition {
	if c == nil {
		return nil
	}
	return &Condition{
		Match: etags(c.EtagMatches), NoneMatch: etags(c.EtagDoesNotMatch),
		UploadedBefore: c.UploadedBefore.time(), UploadedAfter: c.UploadedAfter.time(), Seconds: c.SecondsGranularity,
	}
}

func etags(in []wireETag) (out []ETag) {
	for _, e := range in {
		out = append(out, ETag{Value: e.Value, Weak: e.Type == "weak", Any: e.Type == "wildcard"})
	}
	return out
}

// time is the moment that a number of milliseconds means; zero for nil.
func (n *number) time() time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(*n))
}

// head is an object as the binding reads it.
type head struct {
	Name         string        `json:"name"`
	Version      string        `json:"version"`
	Size         int64         `json:"size"`
	ETag         string        `json:"etag"`
	Uploaded     int64         `json:"uploaded"`
	HTTPFields   *HTTPMetadata `json:"httpFields,omitempty"`
	CustomFields []Field       `json:"customFields,omitempty"`
	Range        *wireRange    `json:"range,omitempty"`
	Checksums    Checksums     `json:"checksums"`
	StorageClass string        `json:"storageClass"`
	SSEC         *wireSSEC     `json:"ssec,omitempty"`
}

type wireRange struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

type wireSSEC struct {
	Algorithm string `json:"algorithm"`
	KeyMD5    string `json:"keyMd5"`
}

type createAnswer struct {
	UploadID string    `json:"uploadId"`
	SSEC     *wireSSEC `json:"ssec,omitempty"`
}

// headOf is an object of which a part is sent.
func headOf(o Object, offset, length int64) head {
	return head{
		Name: o.Key, Version: o.Version, Size: o.Size, ETag: o.ETag, Uploaded: o.Uploaded.UnixMilli(),
		HTTPFields: &o.HTTP, CustomFields: o.Custom, Range: &wireRange{offset, length},
		Checksums: o.Checksums, StorageClass: o.Class, SSEC: ssecOf(o.KeyMD5),
	}
}

func ssecOf(keyMD5 string) *wireSSEC {
	if keyMD5 == "" {
		return nil
	}
	return &wireSSEC{Algorithm: "AES256", KeyMD5: keyMD5}
}

// listed is an object in a list, with the metadata that was asked for: old runtimes
// do not ask and get all of it.
func (q *request) listed(o Object) head {
	h := headOf(o, 0, 0)
	h.Range = nil
	if q.NewRuntime {
		if !q.includes(includeHTTP) {
			h.HTTPFields = nil
		}
		if !q.includes(includeCustom) {
			h.CustomFields = nil
		}
	}
	return h
}

// answerPage is a page as the binding reads it, cut where it becomes too large.
func (q *request) answerPage(page Page) []byte {
	objects, prefixes := []byte(`{"objects":[`), []byte(`],"delimitedPrefixes":[`)
	for i, item := range page.Items {
		list, one := &objects, any(item.Prefix)
		if item.Prefix != "" {
			list = &prefixes
		} else {
			one = q.listed(item.Object)
		}
		before := len(*list)
		if last := (*list)[before-1]; last != '[' {
			*list = append(*list, ',')
		}
		*list = append(*list, mustJSON(one)...)
		if len(objects)+len(prefixes) > maxAnswer {
			*list = (*list)[:before]
			page.Cut(i)
			break
		}
	}
	answer := append(append(objects, prefixes...), `],"truncated":`...)
	answer = strconv.AppendBool(answer, page.Cursor != "")
	if page.Cursor != "" {
		answer = append(append(answer, `,"cursor":`...), mustJSON(page.Cursor)...)
	}
	return append(answer, '}')
}

// mustJSON encodes what is made of texts and numbers only.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (q *request) includes(what int) bool {
	for _, i := range q.Include {
		if i == what {
			return true
		}
	}
	return false
}
