package cloudflare

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// envelope is what nearly every answer is wrapped in.
type envelope struct {
	Success bool
	Errors  []Detail
	Result  json.RawMessage // null on failure, or [] from D1: read it only when Success
	Info    resultInfo
}

// resultInfo tells where a list goes on; which fields are there depends on the list.
type resultInfo struct {
	Page       int    `json:"page"`
	PerPage    int    `json:"per_page"`
	TotalCount *int   `json:"total_count"`
	TotalPages *int   `json:"total_pages"`
	Cursor     string `json:"cursor"`
}

// decodeEnvelope takes an answer apart. It fails when body is not an envelope at all,
// such as an HTML page of a proxy.
func decodeEnvelope(body []byte) (envelope, error) {
	var wire struct {
		Success *bool             `json:"success"`
		Errors  []json.RawMessage `json:"errors"`
		Result  json.RawMessage   `json:"result"`
		Info    json.RawMessage   `json:"result_info"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return envelope{}, fmt.Errorf("the answer is not the JSON of Cloudflare's API (it starts with %q)", start(body))
	}
	if wire.Success == nil {
		return envelope{}, fmt.Errorf("the answer lacks \"success\", so it is not of Cloudflare's API (it starts with %q)", start(body))
	}
	e := envelope{Success: *wire.Success, Result: wire.Result}
	for _, raw := range wire.Errors {
		e.Errors = appendDetails(e.Errors, raw)
	}
	// result_info is only an aid to paging, and some lists give its numbers as text.
	_ = json.Unmarshal(wire.Info, &e.Info)
	return e, nil
}

// appendDetails reads an error that is an object, as documented, or a plain string, and
// the chain of causes below it.
func appendDetails(list []Detail, raw json.RawMessage) []Detail {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return append(list, Detail{Message: text})
	}
	var wire struct {
		Code    json.Number `json:"code"`
		Message string      `json:"message"`
		Source  struct {
			Pointer string `json:"pointer"`
		} `json:"source"`
		Chain []json.RawMessage `json:"error_chain"`
	}
	if json.Unmarshal(raw, &wire) != nil {
		return append(list, Detail{Message: start(raw)})
	}
	code, _ := wire.Code.Int64()
	list = append(list, Detail{Code: int(code), Message: wire.Message, Pointer: wire.Source.Pointer})
	for _, below := range wire.Chain {
		list = appendDetails(list, below)
	}
	return list
}

// start is the beginning of b, enough to recognise what it is.
func start(b []byte) string {
	const most = 80
	b = bytes.ToValidUTF8(bytes.TrimSpace(b), []byte("?"))
	if len(b) > most {
		return string(bytes.ToValidUTF8(b[:most], nil)) + "…"
	}
	return string(b)
}
