package clodo

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WebSocketOptions say who may open a WebSocket, and how much may come over it.
type WebSocketOptions struct {
	// Origins are those of pages that may open it, beside the service's own, as
	// [CORSOptions] has them. Browsers let every page open a WebSocket to everywhere, with
	// the user's cookies.
	Origins []string
	// Protocols are what it can speak, the best first. The client's first choice does not
	// matter; when it wants none of them, the WebSocket has none.
	Protocols []string
	// ReadLimit is how many bytes a message may have. Default: a mebibyte.
	ReadLimit int64
}

// WebSocketMessage is what goes over a WebSocket at once.
type WebSocketMessage struct {
	Text bool // Data is text in UTF-8, else any bytes
	Data []byte
}

// CloseError is how a WebSocket ended: what the other side said, or why this side ended
// it.
type CloseError struct {
	Code   int // of RFC 6455; 1005 when the other side gave none, 1006 when it just went
	Reason string
}

func (e *CloseError) Error() string {
	text := "the WebSocket was closed with code " + strconv.Itoa(e.Code)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// The codes that services close with most.
const (
	CloseNormal       = 1000
	CloseGoingAway    = 1001
	CloseProtocol     = 1002
	CloseUnsupported  = 1003
	CloseNoCode       = 1005 // cannot be sent
	CloseAbnormal     = 1006 // cannot be sent
	CloseInvalidText  = 1007
	ClosePolicy       = 1008
	CloseTooBig       = 1009
	CloseInternal     = 1011
	CloseTryAgain     = 1013
	maxCloseReason    = 123
	defaultReadLimit  = 1 << 20
	websocketProtocol = "Sec-WebSocket-Protocol"
)

// Upgrade makes a WebSocket of a request, natively and on Workers alike. When it returns
// an error, a [Problem], nothing has been answered. The handler reads until [WebSocket.Read]
// fails, which is also how it notices that the client left; when the handler returns, the
// WebSocket is closed.
//
// On Workers it keeps an instance of the program for itself, of which an isolate has few:
// for many clients at a time hand the request on to a Durable Object.
func Upgrade(w http.ResponseWriter, r *http.Request, o WebSocketOptions) (*WebSocket, error) {
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return nil, &Problem{
			Status: http.StatusUpgradeRequired, Code: "websocket_expected", Detail: "This is for WebSockets.",
			Header: http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}},
		}
	}
	if !o.admits(r) {
		return nil, &Problem{Status: http.StatusForbidden, Code: "origin_forbidden", Detail: "Pages of that origin may not open a WebSocket here."}
	}
	if o.ReadLimit == 0 {
		o.ReadLimit = defaultReadLimit
	}
	return upgrade(w, r, o, o.protocol(r))
}

// admits reports that the request is of no page, of this service's own, or of one that is
// allowed.
func (o WebSocketOptions) admits(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return CORSOptions{Origins: o.Origins}.allows(origin)
}

func (o WebSocketOptions) protocol(r *http.Request) string {
	var asked []string
	for _, list := range r.Header.Values(websocketProtocol) {
		for p := range strings.SplitSeq(list, ",") {
			asked = append(asked, strings.TrimSpace(p))
		}
	}
	for _, p := range o.Protocols {
		if slices.Contains(asked, p) {
			return p
		}
	}
	return ""
}

// mayClose refuses codes that no side may send.
func mayClose(code int, reason string) error {
	if !sendable(code) {
		return errors.New("a WebSocket cannot be closed with code " + strconv.Itoa(code))
	}
	if len(reason) > maxCloseReason || !utf8.ValidString(reason) {
		return errors.New("the reason for closing a WebSocket is text of at most " + strconv.Itoa(maxCloseReason) + " bytes")
	}
	return nil
}

func sendable(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
}
