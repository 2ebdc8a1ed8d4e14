//go:build !js

package host

import (
	"io"
	"net/http"
	"strings"
)

// More headers between [Send] and the other side.
const (
	// URLHeader has the URL of a request that goes on to another service.
	URLHeader = "Clodo-Url"
	// ObjectHeader says which durable object a request is for: JSON, escaped as a segment
	// of a path.
	ObjectHeader = "Clodo-Object"
	// refusedHeader says that the body is the message of an [*Error].
	refusedHeader = "Clodo-Refused"
)

// Refuse answers what [Send] asked with the message of an [*Error].
func Refuse(w http.ResponseWriter, err error) {
	w.Header().Set(refusedHeader, "1")
	http.Error(w, err.Error(), http.StatusBadRequest)
}

// refused is the error that an answer is, if it is one; its body is read then.
func refused(kind, binding string, res *http.Response) error {
	if res.Header.Get(refusedHeader) == "" {
		return nil
	}
	defer res.Body.Close()
	message, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return err
	}
	return &Error{Kind: kind, Binding: binding, Message: strings.TrimSuffix(string(message), "\n")}
}
