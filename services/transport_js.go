package services

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/tamylaa/clodo/internal/host"
)

// toBinding carries requests to a service binding.
type toBinding struct{ binding string }

func (t toBinding) RoundTrip(r *http.Request) (*http.Response, error) { return fetch(t.binding, r) }

// toURL carries requests over the network.
type toURL struct{}

func (toURL) RoundTrip(r *http.Request) (*http.Response, error) { return fetch("", r) }

// fetch sends a request with the fetch of a binding, or with the global one.
func fetch(binding string, r *http.Request) (*http.Response, error) {
	type ask struct {
		Method   string      `json:"method"`
		URL      string      `json:"url"`
		Headers  [][2]string `json:"headers"`
		Redirect string      `json:"redirect"`
	}
	sent := ask{Method: r.Method, URL: r.URL.String(), Redirect: "manual"}
	for name, values := range r.Header {
		for _, value := range values {
			sent.Headers = append(sent.Headers, [2]string{name, value})
		}
	}
	args, err := json.Marshal(sent)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if r.Body != nil && r.Body != http.NoBody {
		defer r.Body.Close()
		body = r.Body
	}
	a, err := host.Call(r.Context(), "fetch", binding, "fetch", args, body)
	if err != nil {
		return nil, err
	}
	var got struct {
		Status     int         `json:"status"`
		StatusText string      `json:"statusText"`
		Headers    [][2]string `json:"headers"`
	}
	if err := json.Unmarshal(a.Data, &got); err != nil {
		return nil, err
	}
	res := &http.Response{
		Status: strconv.Itoa(got.Status) + " " + got.StatusText, StatusCode: got.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: a.Body, ContentLength: -1, Request: r,
	}
	if res.Body == nil {
		res.Body = http.NoBody
	}
	for _, h := range got.Headers {
		res.Header.Add(h[0], h[1])
	}
	return res, nil
}
