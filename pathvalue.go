package clodo

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"unsafe"
)

// valueSetter gives a request the values that r.PathValue answers with. SetPathValue
// would make a map for each request. ServeMux needs only a slice, because it keeps the
// values in two fields that nobody else can reach; where net/http still has them as it
// had in Go 1.22 to 1.26 they are set in the same way, and elsewhere SetPathValue is.
type valueSetter struct {
	pattern unsafe.Pointer // the *http.pattern; nil for SetPathValue
}

// requestFields says where http.Request has the pattern and the values.
type requestFields struct {
	pattern, values uintptr
	known           bool
}

var fields = findFields(reflect.TypeFor[http.Request]())

// findFields goes through the fields, as [reflect.Type.FieldByName] would be linked for
// nothing else.
func findFields(request reflect.Type) (found requestFields) {
	var pattern, values bool
	for i := range request.NumField() {
		switch f := request.Field(i); f.Name {
		case "pat":
			found.pattern, pattern = f.Offset, f.Type.String() == "*http.pattern"
		case "matches":
			found.values, values = f.Offset, f.Type == reflect.TypeFor[[]string]()
		}
	}
	found.known = pattern && values
	return found
}

// newValueSetter has a ServeMux make the pattern of a path, by routing a request to it.
func newValueSetter(path string, segments []segment) valueSetter {
	if !fields.known {
		return valueSetter{}
	}
	var matching strings.Builder
	for _, s := range segments {
		if s.wild {
			matching.WriteString("x")
		} else {
			matching.WriteString(s.text)
		}
	}
	var s valueSetter
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(_ http.ResponseWriter, r *http.Request) {
		s.pattern = *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(r), fields.pattern))
	})
	mux.ServeHTTP(nil, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: matching.String()}})
	return s
}

// set hands the first values of v, one for each name, to a request.
func (s valueSetter) set(r *http.Request, names []string, v *values) {
	if len(names) == 0 {
		return
	}
	if s.pattern == nil {
		for i, name := range names {
			r.SetPathValue(name, v[i])
		}
		return
	}
	*(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(r), fields.pattern)) = s.pattern
	*(*[]string)(unsafe.Add(unsafe.Pointer(r), fields.values)) = append([]string(nil), v[:len(names)]...)
}
