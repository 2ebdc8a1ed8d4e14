package store

import (
	"encoding/json"
	"time"
)

// Script is a Worker: what belongs to it across its versions.
type Script struct {
	Account       string
	Name          string
	Tag           string // 32 hex, stays for the Worker's life
	CreatedOn     time.Time
	ModifiedOn    time.Time
	WorkersDev    bool
	Previews      bool
	Tags          []string
	Observability json.RawMessage `json:",omitempty"`
	TailConsumers json.RawMessage `json:",omitempty"`
	Logpush       bool
	MigrationTag  string
	Classes       []Class
	Crons         []Cron
}

// Class is a durable object class of a Worker; Key names its storage and survives
// renames and transfers.
type Class struct {
	Name   string
	Key    string // 32 hex
	SQLite bool
}

// Cron is a schedule on which a Worker runs.
type Cron struct {
	Expression string
	CreatedOn  time.Time
}

// Version is one upload of a Worker's code and bindings. It never changes, but for its
// migration, which is done once.
type Version struct {
	ID                 string // UUID
	Account            string
	Script             string
	Number             int // counts from 1 in each Worker
	CreatedOn          time.Time
	Source             string // api, wrangler, …
	Annotations        map[string]string
	MainModule         string
	BodyPart           string
	Modules            []Module
	CompatibilityDate  string
	CompatibilityFlags []string
	Bindings           []json.RawMessage // complete: nothing inherited, secrets with their text
	Assets             *Assets
	UsageModel         string
	Limits             json.RawMessage `json:",omitempty"`
	Placement          json.RawMessage `json:",omitempty"`
	MigrationTag       string
	Migration          *Migration `json:",omitempty"`
	Etag               string
	Handlers           []string
	NamedHandlers      map[string][]string
	StartupMS          int
}

// Migration is what a version does to the durable object classes of its Worker when it
// is deployed first. Until then others find them as they were before.
type Migration struct {
	Before, After []Class
	Tag           string // of the Worker after it
}

// Module is one file of a version.
type Module struct {
	Name        string
	ContentType string
	Blob        string
	Size        int64
}

// Assets are the static files of a version by path.
type Assets struct {
	Files  map[string]Asset
	Config json.RawMessage `json:",omitempty"`
}

// Asset is one static file.
type Asset struct {
	Blob        string
	ContentType string
	Size        int64
}

// Deployment says which versions serve and with which share of the traffic.
type Deployment struct {
	ID          string // UUID
	Account     string
	Script      string
	CreatedOn   time.Time
	Source      string
	Annotations map[string]string
	Versions    []Share
}

// Share is a version's part of a deployment; the percentages sum to 100.
type Share struct {
	Version    string
	Percentage float64
}

// AllScripts lists the Workers of all accounts.
func (tx *Tx) AllScripts() ([]Script, error) {
	return list[Script](tx, `SELECT doc FROM scripts ORDER BY account, name`)
}

// Scripts lists the Workers of an account by name, without user Workers.
func (tx *Tx) Scripts(account string) ([]Script, error) {
	return list[Script](tx, `SELECT doc FROM scripts WHERE account = ? AND instr(name, '/') = 0 ORDER BY name`, account)
}

// Script is one Worker.
func (tx *Tx) Script(account, name string) (Script, error) {
	return first[Script](tx, `SELECT doc FROM scripts WHERE account = ? AND name = ?`, account, name)
}

// PutScript adds or replaces a Worker.
func (tx *Tx) PutScript(s Script) error {
	return insert(tx, `INSERT INTO scripts(account, name, doc) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc`, s, s.Account, s.Name)
}

// DeleteScript removes a Worker with its versions, deployments and addresses.
func (tx *Tx) DeleteScript(account, name string) error {
	for _, table := range []string{"scripts", "versions", "deployments", "routes", "domains"} {
		column := "script"
		if table == "scripts" {
			column = "name"
		}
		if err := tx.conn.exec(`DELETE FROM `+table+` WHERE account = ? AND `+column+` = ?`, account, name); err != nil {
			return err
		}
	}
	return nil
}

// AddVersion adds a version.
func (tx *Tx) AddVersion(v Version) error {
	return insert(tx, `INSERT INTO versions(id, account, script, number, doc) VALUES(?, ?, ?, ?, ?)`, v, v.ID, v.Account, v.Script, v.Number)
}

// PutVersion changes a version.
func (tx *Tx) PutVersion(v Version) error {
	return insert(tx, `UPDATE versions SET doc = ?4 WHERE id = ?1 AND account = ?2 AND script = ?3`, v, v.ID, v.Account, v.Script)
}

// Versions lists a Worker's versions, newest first.
func (tx *Tx) Versions(account, script string) ([]Version, error) {
	return list[Version](tx, `SELECT doc FROM versions WHERE account = ? AND script = ? ORDER BY number DESC`, account, script)
}

// LatestVersion is the version uploaded last, served or not.
func (tx *Tx) LatestVersion(account, script string) (Version, error) {
	return first[Version](tx, `SELECT doc FROM versions WHERE account = ? AND script = ? ORDER BY number DESC LIMIT 1`, account, script)
}

// Version is one version of a Worker.
func (tx *Tx) Version(account, script, id string) (Version, error) {
	return first[Version](tx, `SELECT doc FROM versions WHERE account = ? AND script = ? AND id = ?`, account, script, id)
}

// VersionNamed is the newest version of a Worker whose id begins with name, which is 8
// digits, or whose alias it is.
func (tx *Tx) VersionNamed(account, script, name string) (Version, error) {
	return first[Version](tx, `SELECT doc FROM versions WHERE account = ? AND script = ? AND ? IN (substr(id, 1, 8), doc ->> '$.Annotations."workers/alias"')
		ORDER BY number DESC LIMIT 1`, account, script, name)
}

// AddDeployment makes a deployment the active one.
func (tx *Tx) AddDeployment(d Deployment) error {
	return insert(tx, `INSERT INTO deployments(id, account, script, doc) VALUES(?, ?, ?, ?)`, d, d.ID, d.Account, d.Script)
}

// Deployments lists a Worker's deployments, newest first; the first is active.
func (tx *Tx) Deployments(account, script string) ([]Deployment, error) {
	return list[Deployment](tx, `SELECT doc FROM deployments WHERE account = ? AND script = ? ORDER BY seq DESC`, account, script)
}

// ActiveDeployment is the deployment that serves, or ErrNotFound.
func (tx *Tx) ActiveDeployment(account, script string) (Deployment, error) {
	return first[Deployment](tx, `SELECT doc FROM deployments WHERE account = ? AND script = ? ORDER BY seq DESC LIMIT 1`, account, script)
}

// DeleteDeployment removes one from the history.
func (tx *Tx) DeleteDeployment(id string) error {
	return tx.conn.exec(`DELETE FROM deployments WHERE id = ?`, id)
}
