// Package durable is the binding to Durable Objects. Their classes are written in
// TypeScript, in a Worker of their own; a service in Go calls them.
//
//	var rooms = durable.Open("ROOMS")
//
//	room := rooms.Name("lobby")
//	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "https://room/join", body)
//	res, err := room.RoundTrip(req)
//
// The classes run on workerd, also where the service is an ordinary program: in the local
// cloud whose bindings it has. In a test without it every use is an error that says which
// option of package clodotest helps.
package durable

import (
	"context"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error is why an object could not be called.
type Error = wire.Error

// Namespace has the objects of one class. It holds nothing of a request and serves all of
// them.
type Namespace struct {
	binding  string
	location string
}

// Open is the namespace that the binding of that name is for. Whether there is one shows
// when it is used.
func Open(binding string) *Namespace { return &Namespace{binding: binding} }

// Near is the namespace with objects that, when they are made, are made near a location
// such as "weur"; see Cloudflare's location hints.
func (n *Namespace) Near(location string) *Namespace { return &Namespace{n.binding, location} }

// Object is one object. It is an [http.RoundTripper].
type Object struct {
	namespace *Namespace
	to        target
}

// target says which object.
type target struct {
	Name     string `json:"name,omitempty"`
	ID       string `json:"id,omitempty"`
	Location string `json:"locationHint,omitempty"`
}

// Name is the object of that name.
func (n *Namespace) Name(name string) *Object {
	return &Object{n, target{Name: name, Location: n.location}}
}

// ID is the object whose id that is, as [Namespace.IDFromName] or [Namespace.NewID] give
// it.
func (n *Namespace) ID(id string) *Object { return &Object{n, target{ID: id, Location: n.location}} }

// IDFromName is the id of the object of that name, in hexadecimal digits.
func (n *Namespace) IDFromName(ctx context.Context, name string) (id string, err error) {
	return id, wire.JSON(ctx, kind, n.binding, "idFromName", name, &id)
}

// NewID is the id of a new object without a name. jurisdiction is "" or where it has to
// stay, such as "eu".
func (n *Namespace) NewID(ctx context.Context, jurisdiction string) (id string, err error) {
	return id, wire.JSON(ctx, kind, n.binding, "newUniqueId", jurisdiction, &id)
}

const kind = "durable"
