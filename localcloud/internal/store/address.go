package store

import "time"

// Route sends the requests of a zone that match a pattern to a Worker; without a
// script it excludes them.
type Route struct {
	ID      string // 32 hex
	Zone    string
	Pattern string
	Account string
	Script  string
}

// Domain attaches a whole hostname to a Worker.
type Domain struct {
	ID       string // 32 hex
	Hostname string
	Account  string
	Zone     string
	ZoneName string
	Script   string
	CertID   string // UUID

	CreatedOn time.Time // its certificate is issued some time later
}

// AllRoutes lists the routes of all zones.
func (tx *Tx) AllRoutes() ([]Route, error) {
	return list[Route](tx, `SELECT doc FROM routes ORDER BY seq`)
}

// Routes lists the routes of a zone.
func (tx *Tx) Routes(zone string) ([]Route, error) {
	return list[Route](tx, `SELECT doc FROM routes WHERE zone = ? ORDER BY seq`, zone)
}

// ScriptRoutes lists the routes that lead to a Worker.
func (tx *Tx) ScriptRoutes(account, script string) ([]Route, error) {
	return list[Route](tx, `SELECT doc FROM routes WHERE account = ? AND script = ? ORDER BY seq`, account, script)
}

// PutRoute adds or replaces a route; ErrExists when its zone has the pattern.
func (tx *Tx) PutRoute(r Route) error {
	return insert(tx, `INSERT INTO routes(id, zone, pattern, account, script, doc) VALUES(?, ?, ?, ?, ?, ?)
		ON CONFLICT(id) DO UPDATE SET pattern = excluded.pattern, script = excluded.script, doc = excluded.doc`,
		r, r.ID, r.Zone, r.Pattern, r.Account, r.Script)
}

// DeleteRoute removes a route.
func (tx *Tx) DeleteRoute(id string) error {
	return tx.conn.exec(`DELETE FROM routes WHERE id = ?`, id)
}

// AllDomains lists the custom domains of all accounts.
func (tx *Tx) AllDomains() ([]Domain, error) {
	return list[Domain](tx, `SELECT doc FROM domains ORDER BY seq`)
}

// Domains lists the custom domains of an account.
func (tx *Tx) Domains(account string) ([]Domain, error) {
	return list[Domain](tx, `SELECT doc FROM domains WHERE account = ? ORDER BY seq`, account)
}

// DomainOf is the custom domain of that hostname in any account.
func (tx *Tx) DomainOf(hostname string) (Domain, error) {
	return first[Domain](tx, `SELECT doc FROM domains WHERE hostname = ?`, hostname)
}

// PutDomain adds or replaces a custom domain; ErrExists when another record has
// its hostname.
func (tx *Tx) PutDomain(d Domain) error {
	return insert(tx, `INSERT INTO domains(id, hostname, account, script, doc) VALUES(?, ?, ?, ?, ?)
		ON CONFLICT(id) DO UPDATE SET script = excluded.script, doc = excluded.doc`, d, d.ID, d.Hostname, d.Account, d.Script)
}

// DeleteDomain removes a custom domain.
func (tx *Tx) DeleteDomain(id string) error {
	return tx.conn.exec(`DELETE FROM domains WHERE id = ?`, id)
}
