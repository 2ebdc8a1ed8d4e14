package r2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// The headers of workerd's R2 binding: a read has its request in one, a write has it
// in front of the body, and an answer has its head in front of the content.
const (
	requestHeader = "Cf-R2-Request"
	sizeHeader    = "Cf-R2-Metadata-Size"
	errorHeader   = "Cf-R2-Error"
)

const (
	maxRequest = 8 << 20    // bytes of a request without its body: a thousand keys fit
	maxAnswer  = 1000 << 10 // bytes of a list's answer; the binding takes 1 MiB
)

// Binding answers workerd's R2 binding for a bucket.
func (s *Store) Binding(w http.ResponseWriter, r *http.Request, bucket string) {
	var err error
	switch r.Method {
	case http.MethodGet:
		err = s.bindingRead(w, r, bucket)
	case http.MethodPut:
		err = s.bindingWrite(w, r, bucket)
		// The binding reads the answer only when it has sent everything.
		_, _ = io.Copy(io.Discard, r.Body)
	default:
		err = &Error{http.StatusMethodNotAllowed, ErrInvalidArgument.Code, r.Method + " is no operation of R2"}
	}
	if err != nil {
		refuse(w, err, nil)
	}
}

func (s *Store) bindingRead(w http.ResponseWriter, r *http.Request, bucket string) error {
	q, err := decodeRequest([]byte(r.Header.Get(requestHeader)))
	if err != nil {
		return err
	}
	switch q.Method {
	case "head":
		o, err := s.Head(r.Context(), bucket, q.Object)
		if err != nil {
			return err
		}
		return answerJSON(w, headOf(o, 0, o.Size))
	case "get":
		return s.bindingGet(r.Context(), w, bucket, q)
	case "list":
		return s.bindingList(r.Context(), w, bucket, q)
	}
	return invalid("%q is no operation that reads from R2.", q.Method)
}

func (s *Store) bindingGet(ctx context.Context, w http.ResponseWriter, bucket string, q *request) error {
	o, err := q.getOptions()
	if err != nil {
		return err
	}
	reader, err := s.Get(ctx, bucket, q.Object, o)
	if errors.Is(err, ErrPreconditionFailed) {
		refuse(w, err, &reader.Object)
		return nil
	}
	if err != nil {
		return err
	}
	defer reader.Close()
	head, err := json.Marshal(headOf(reader.Object, reader.Offset, reader.Length))
	if err != nil {
		return err
	}
	answerSize(w, len(head), int64(len(head))+reader.Length)
	if _, err = w.Write(head); err == nil {
		_, err = reader.WriteTo(w)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the Worker went away, or must not take this for all
	}
	return nil
}

func (s *Store) bindingList(ctx context.Context, w http.ResponseWriter, bucket string, q *request) error {
	o := ListOptions{Prefix: q.Prefix, Delimiter: q.Delimiter, StartAfter: q.StartAfter, Cursor: q.Cursor}
	if q.Limit != nil {
		if *q.Limit < 1 || *q.Limit > MaxList {
			return ErrInvalidMaxKeys
		}
		o.Limit = int(*q.Limit)
	}
	page, err := s.List(ctx, bucket, o)
	if err != nil {
		return err
	}
	return answerBytes(w, q.answerPage(page))
}

func (s *Store) bindingWrite(w http.ResponseWriter, r *http.Request, bucket string) error {
	size, err := strconv.Atoi(r.Header.Get(sizeHeader))
	if err != nil || size < 0 || size > maxRequest {
		return invalid("The size %q of the request is none.", r.Header.Get(sizeHeader))
	}
	head := make([]byte, size)
	if _, err := io.ReadFull(r.Body, head); err != nil {
		return fmt.Errorf("%w: %w", ErrIncompleteBody, err)
	}
	q, err := decodeRequest(head)
	if err != nil {
		return err
	}
	ctx := r.Context()
	switch q.Method {
	case "put":
		return s.bindingPut(w, r, bucket, q)
	case "delete":
		keys := q.Objects
		if q.Objects == nil {
			keys = []string{q.Object}
		}
		if err := s.Delete(ctx, bucket, keys...); err != nil {
			return err
		}
		return answerJSON(w, struct{}{})
	case "createMultipartUpload":
		settings, err := q.settings()
		if err != nil {
			return err
		}
		id, err := s.CreateUpload(ctx, bucket, q.Object, settings)
		if err != nil {
			return err
		}
		return answerJSON(w, createAnswer{UploadID: id, SSEC: ssecOf(secretMD5(settings.Secret))})
	case "uploadPart":
		secret, err := q.secret()
		if err != nil {
			return err
		}
		etag, err := s.PutPart(ctx, bucket, q.Object, q.UploadID, q.PartNumber, r.Body, secret)
		if err != nil {
			return err
		}
		return answerJSON(w, map[string]string{"etag": etag})
	case "completeMultipartUpload":
		var parts []Part
		for _, p := range q.Parts {
			parts = append(parts, Part{p.Part, p.ETag})
		}
		o, err := s.CompleteUpload(ctx, bucket, q.Object, q.UploadID, parts)
		if err != nil {
			return err
		}
		return answerPut(w, o)
	case "abortMultipartUpload":
		if err := s.AbortUpload(ctx, bucket, q.Object, q.UploadID); err != nil {
			return err
		}
		return answerJSON(w, struct{}{})
	}
	return invalid("%q is no operation that changes R2.", q.Method)
}

func (s *Store) bindingPut(w http.ResponseWriter, r *http.Request, bucket string, q *request) error {
	o, err := q.putOptions()
	if err != nil {
		return err
	}
	object, err := s.Put(r.Context(), bucket, q.Object, r.Body, o)
	if err != nil {
		return err
	}
	return answerPut(w, object)
}

// answerPut is about an object of which nothing was read: it has no range.
func answerPut(w http.ResponseWriter, o Object) error {
	h := headOf(o, 0, 0)
	h.Range = nil
	return answerJSON(w, h)
}

func answerJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return answerBytes(w, b)
}

func answerBytes(w http.ResponseWriter, b []byte) error {
	answerSize(w, len(b), int64(len(b)))
	_, _ = w.Write(b) // the Worker went away
	return nil
}

func answerSize(w http.ResponseWriter, head int, all int64) {
	w.Header().Set(sizeHeader, strconv.Itoa(head))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.FormatInt(all, 10))
}

// refuse answers with an error, and the object that it is about, if there is one.
func refuse(w http.ResponseWriter, err error, o *Object) {
	known := ErrInternal
	if !errors.As(err, &known) {
		known = &Error{ErrInternal.Status, ErrInternal.Code, ErrInternal.Message + " " + err.Error()}
	}
	text, _ := json.Marshal(map[string]any{"version": 1, "v4code": known.Code, "message": known.Message}) // always encodes
	w.Header().Set(errorHeader, string(text))
	if o == nil {
		w.WriteHeader(known.Status)
		return
	}
	head, err := json.Marshal(headOf(*o, 0, o.Size))
	if err != nil {
		w.WriteHeader(known.Status)
		return
	}
	answerSize(w, len(head), int64(len(head)))
	w.WriteHeader(known.Status)
	_, _ = w.Write(head) // the Worker went away
}
