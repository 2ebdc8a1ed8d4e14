package r2

import (
	"fmt"
	"net/http"
)

// Error is a request that R2 refuses, in Cloudflare's terms.
type Error struct {
	Status  int // of the HTTP answer
	Code    int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// Is makes errors.Is compare by the code.
func (e *Error) Is(other error) bool {
	o, ok := other.(*Error)
	return ok && o.Code == e.Code
}

// What R2 refuses. Refusals that tell more share the code of one of these.
var (
	ErrInternal           = &Error{http.StatusInternalServerError, 10001, "We encountered an internal error. Please try again."}
	ErrNoSuchBucket       = &Error{http.StatusNotFound, 10006, "The specified bucket does not exist."}
	ErrNoSuchKey          = &Error{http.StatusNotFound, 10007, "The specified key does not exist."}
	ErrBucketNotEmpty     = &Error{http.StatusConflict, 10008, "The bucket you tried to delete is not empty."}
	ErrEntityTooSmall     = &Error{http.StatusBadRequest, 10011, "Your proposed upload is smaller than the minimum allowed object size."}
	ErrMetadataTooLarge   = &Error{http.StatusBadRequest, 10012, "Your metadata headers exceed the maximum allowed metadata size."}
	ErrIncompleteBody     = &Error{http.StatusBadRequest, 10013, "You did not provide the number of bytes specified by the Content-Length HTTP header."}
	ErrInvalidObjectName  = &Error{http.StatusBadRequest, 10020, "The specified object name is not valid."}
	ErrInvalidMaxKeys     = &Error{http.StatusBadRequest, 10022, "MaxKeys params must be positive integer <= 1000."}
	ErrNoSuchUpload       = &Error{http.StatusNotFound, 10024, "The specified multipart upload does not exist."}
	ErrInvalidPart        = &Error{http.StatusBadRequest, 10025, "One or more of the specified parts could not be found."}
	ErrInvalidArgument    = &Error{http.StatusBadRequest, 10029, "Metadata missing or invalid"}
	ErrPreconditionFailed = &Error{http.StatusPreconditionFailed, 10031, "At least one of the pre-conditions you specified did not hold."}
	ErrBadDigest          = &Error{http.StatusBadRequest, 10037, "The checksum you specified did not match what we received."}
	ErrInvalidRange       = &Error{http.StatusRequestedRangeNotSatisfiable, 10039, "The requested range is not satisfiable"}
	ErrUnequalParts       = &Error{http.StatusBadRequest, 10048, "There was a problem with the multipart upload."}
	ErrEntityTooLarge     = &Error{http.StatusBadRequest, 100100, "Your proposed upload exceeds the maximum allowed object size."}
)

// invalid is an ErrInvalidArgument that says what is wrong.
func invalid(format string, args ...any) *Error {
	return &Error{ErrInvalidArgument.Status, ErrInvalidArgument.Code, fmt.Sprintf(format, args...)}
}
