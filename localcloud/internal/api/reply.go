package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Error is a refusal in Cloudflare's terms.
type Error struct {
	Status  int
	Code    int
	Message string
	Chain   []Error // what lies below, such as 6111 under 6003
	Result  any     // what the answer has beside it; usually nothing
}

func (e *Error) Error() string { return e.Message + " [code: " + strconv.Itoa(e.Code) + "]" }

func refuse(status, code int, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// reply is an answer that is more than a result with status 200.
type reply struct {
	status   int // 0 is 200
	result   any
	info     *resultInfo
	messages []message
	write    func(http.ResponseWriter) error // answers without an envelope
}

type message struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type resultInfo struct {
	Page       int      `json:"page,omitempty"`
	PerPage    int      `json:"per_page,omitempty"`
	Count      int      `json:"count"`
	TotalCount *int     `json:"total_count,omitempty"`
	TotalPages *int     `json:"total_pages,omitempty"`
	Cursor     *string  `json:"cursor,omitempty"`
	Delimited  []string `json:"delimited,omitempty"` // prefixes that stand for objects
	Truncated  *bool    `json:"is_truncated,omitempty"`
}

type envelope struct {
	Success  bool        `json:"success"`
	Errors   []errorBody `json:"errors"`
	Messages []message   `json:"messages"`
	Result   any         `json:"result"`
	Info     *resultInfo `json:"result_info,omitempty"`
}

type errorBody struct {
	Code    int         `json:"code"`
	Message string      `json:"message"`
	Chain   []errorBody `json:"error_chain,omitempty"`
}

func (e *Error) body() errorBody {
	b := errorBody{Code: e.Code, Message: e.Message}
	for _, c := range e.Chain {
		b.Chain = append(b.Chain, c.body())
	}
	return b
}

// send writes what a handler returned.
func send(w http.ResponseWriter, result any, err error) error {
	if err != nil {
		var e *Error
		var size *http.MaxBytesError
		switch {
		case errors.As(err, &e):
		case errors.As(err, &size):
			e = refuse(http.StatusRequestEntityTooLarge, 10027, "The request body is larger than %d bytes.", size.Limit)
		default:
			e = refuse(http.StatusInternalServerError, 10013, "An unknown error has occurred: %s", err)
		}
		return sendJSON(w, e.Status, envelope{Errors: []errorBody{e.body()}, Messages: []message{}, Result: e.Result})
	}
	r, ok := result.(reply)
	if !ok {
		r = reply{result: result}
	}
	if r.write != nil {
		return r.write(w)
	}
	if r.messages == nil {
		r.messages = []message{}
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.status == http.StatusNoContent {
		w.WriteHeader(r.status)
		return nil
	}
	return sendJSON(w, r.status, envelope{Success: true, Errors: []errorBody{}, Messages: r.messages, Result: r.result, Info: r.info})
}

func sendJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding an answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, err = w.Write(b)
	return err
}

// pages is the family of lists that count pages.
type pages struct{ lowest, usual, highest int }

// cut answers the page of all that the query asks for.
func cut[T any](p pages, q url.Values, all []T) (reply, error) {
	page, err := number(q, "page", 1, 1, 1<<30)
	if err != nil {
		return reply{}, err
	}
	per, err := number(q, "per_page", p.usual, p.lowest, p.highest)
	if err != nil {
		return reply{}, err
	}
	total := len(all)
	totalPages := (total + per - 1) / per
	from := min(total, (page-1)*per)
	part := all[from:min(total, from+per)]
	return reply{result: part, info: &resultInfo{Page: page, PerPage: per, Count: len(part), TotalCount: &total, TotalPages: &totalPages}}, nil
}

// number reads a query parameter. Wrangler asks some lists for less than the
// documented minimum and gets it, so a value below it is taken as it is.
func number(q url.Values, name string, usual, lowest, highest int) (int, error) {
	s := q.Get(name)
	if s == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > highest {
		return 0, refuse(http.StatusBadRequest, 10004, "Parameter %q must be a number from %d to %d, got %q.", name, lowest, highest, s)
	}
	return n, nil
}
