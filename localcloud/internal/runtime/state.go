// Package runtime keeps deployed Workers running on workerd and serves them on the
// data port. It knows versions, bindings and addresses, and nothing of the REST API.
package runtime

import (
	"encoding/json"
	"fmt"
	"time"
)

// State is everything that should be served. Apply makes it so.
type State struct {
	Workers    []Worker // those of dispatch namespaces too
	Routes     []Route
	Domains    []Domain // custom domains
	Namespaces []DispatchNamespace
}

// Worker is a script with one or two versions that share its traffic.
type Worker struct {
	Account    string
	Script     string
	WorkersDev string // "SCRIPT.SUBDOMAIN.workers.dev" when enabled, else ""
	// Previews is the same when its versions have preview URLs, which are names of
	// versions, and hyphens, before it; else "".
	Previews string
	Versions []Share
	Crons    []string
	// TailConsumers are the Workers of the account that get what this one's invocations
	// left: their events, logs and exceptions.
	TailConsumers []string
	Classes       []Class // of durable objects that it owns
}

// Share is a version and its percentage of the traffic; the percentages of a
// Worker sum to 100. A version at 0 is reached only by a version override.
type Share struct {
	Version    *Version
	Percentage float64
}

// Class is a durable object class that a Worker owns. Key is the identity of its
// storage and stays the same when the class is renamed or transferred.
type Class struct {
	Name   string
	Key    string
	SQLite bool
}

// Version is one uploaded version; it never changes.
type Version struct {
	ID                 string // UUID
	Tag                string // annotation workers/tag
	CreatedOn          time.Time
	MainModule         string // "" when assets only
	BodyPart           string // service-worker syntax
	Modules            []Module
	CompatibilityDate  string
	CompatibilityFlags []string
	// Bindings are those of the upload's metadata, resolved: inherited and kept ones
	// are filled in, secrets carry their text.
	Bindings []json.RawMessage
	CPULimit time.Duration // that an invocation may use; 0 is Cloudflare's default
	Assets   *Assets
	Handlers []string // as Startup told them; nil when that is not known
}

// Module is one file of a version. ContentType is the part's type in the upload.
type Module struct {
	Name        string
	ContentType string
	Path        string // absolute file that holds its bytes
}

// Assets is the static files of a version: Files maps "/path" to the absolute file
// of its bytes; Config is metadata.assets.config.
type Assets struct {
	Files  map[string]AssetFile
	Config json.RawMessage
}

// AssetFile is the bytes of one asset and the content type it was uploaded with.
type AssetFile struct {
	Path        string
	ContentType string
}

// Route sends requests that match Pattern to a Worker. An empty Script excludes
// them: they go to the zone's origin, which the local cloud does not have.
type Route struct {
	Zone    string
	Pattern string
	Account string
	Script  string
}

// Domain is a custom domain: every request for Hostname goes to the Worker unless
// a route of the same hostname matches.
type Domain struct {
	Hostname string
	Account  string
	Script   string
}

// Startup is what a trial boot found in a version.
type Startup struct {
	Handlers      []string            // such as fetch, scheduled; sorted
	NamedHandlers map[string][]string // entrypoint or class name to its handlers; a class has "class"
	Duration      time.Duration       // from the start of the process until it serves
	// CompatibilityDate is the date that the version runs with. It is older than the
	// version's own when that is newer than the runtime.
	CompatibilityDate string
}

// StartupError is a version that does not start; Message is the runtime's own text.
type StartupError struct {
	Message string
	Code    int // Cloudflare's error code
}

func (e *StartupError) Error() string { return e.Message }

// The codes of a StartupError.
const (
	CodeStartup       = 10021 // the code threw, or could not be compiled
	CodeNoHandlers    = 10068
	CodeClassMissing  = 10061 // a binding to a class that is not exported
	CodeClassDepended = 10064 // a class with data that is no longer exported
)

// UnsupportedError is a version that uses what this local cloud does not have.
type UnsupportedError struct {
	Kind string // of the binding or module, such as "r2_bucket"
	Name string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%q has the kind %q, which the local cloud does not run yet", e.Name, e.Kind)
}
