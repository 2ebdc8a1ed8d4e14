package api

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// migrations is what an upload does to the Worker's durable object classes: the
// fields of one step, or a list of them.
type migrations struct {
	OldTag string `json:"old_tag"`
	NewTag string `json:"new_tag"`
	migrationStep
	Steps []migrationStep `json:"steps"`
}

type migrationStep struct {
	NewClasses         []string `json:"new_classes"`
	NewSQLiteClasses   []string `json:"new_sqlite_classes"`
	DeletedClasses     []string `json:"deleted_classes"`
	RenamedClasses     []rename `json:"renamed_classes"`
	TransferredClasses []rename `json:"transferred_classes"`
}

type rename struct {
	From       string `json:"from"`
	FromScript string `json:"from_script"`
	To         string `json:"to"`
}

// transfer is a class that leaves another Worker.
type transfer struct{ script, class string }

// apply gives the Worker's classes after the migrations, and which classes have to
// be taken from other Workers when the upload is kept.
func (m *migrations) apply(tx *store.Tx, s store.Script) (store.Script, []transfer, error) {
	if reflect.DeepEqual(*m, migrations{}) {
		return s, nil, nil // Terraform's provider sends an empty object for none
	}
	if m.OldTag != "" && m.OldTag != s.MigrationTag {
		return s, nil, refuse(http.StatusPreconditionFailed, 10079, "Migration tag precondition failed; current tag is '%s', expected '%s'", s.MigrationTag, m.OldTag)
	}
	if m.OldTag == "" && s.MigrationTag != "" && m.NewTag == s.MigrationTag {
		return s, nil, refuse(http.StatusPreconditionFailed, 10079, "Migration tag precondition failed; current tag is '%s' already", s.MigrationTag)
	}
	s.Classes = slices.Clone(s.Classes)
	var moved []transfer
	for _, step := range append([]migrationStep{m.migrationStep}, m.Steps...) {
		more, err := step.apply(tx, &s)
		if err != nil {
			return s, nil, err
		}
		moved = append(moved, more...)
	}
	s.MigrationTag = m.NewTag
	return s, moved, nil
}

func (step migrationStep) apply(tx *store.Tx, s *store.Script) ([]transfer, error) {
	find := func(name string) int {
		return slices.IndexFunc(s.Classes, func(c store.Class) bool { return c.Name == name })
	}
	conflict := func(format string, args ...any) error {
		return refuse(http.StatusBadRequest, 10074, format, args...)
	}
	for _, kind := range []struct {
		names  []string
		sqlite bool
	}{{step.NewClasses, false}, {step.NewSQLiteClasses, true}} {
		for _, name := range kind.names {
			if find(name) >= 0 {
				return nil, conflict("Cannot apply new-class migration to class '%s' that is already depended on by existing Durable Objects", name)
			}
			s.Classes = append(s.Classes, store.Class{Name: name, Key: newID(), SQLite: kind.sqlite})
		}
	}
	for _, r := range step.RenamedClasses {
		i := find(r.From)
		if i < 0 || find(r.To) >= 0 {
			return nil, conflict("Cannot apply rename-class migration from '%s' to '%s': the first must exist and the second must not", r.From, r.To)
		}
		s.Classes[i].Name = r.To
	}
	var moved []transfer
	for _, r := range step.TransferredClasses {
		from, err := tx.Script(s.Account, r.FromScript)
		if err != nil {
			return nil, missing(err, 10074, "Cannot apply transfer-class migration: Worker '%s' does not exist", r.FromScript)
		}
		i := slices.IndexFunc(from.Classes, func(c store.Class) bool { return c.Name == r.From })
		if i < 0 || find(r.To) >= 0 || r.FromScript == s.Name {
			return nil, conflict("Cannot apply transfer-class migration of '%s' from Worker '%s' to '%s': the first must exist and the second must not", r.From, r.FromScript, r.To)
		}
		class := from.Classes[i]
		class.Name = r.To
		s.Classes = append(s.Classes, class)
		moved = append(moved, transfer{script: r.FromScript, class: r.From})
	}
	for _, name := range step.DeletedClasses {
		i := find(name)
		if i < 0 {
			return nil, conflict("Cannot apply delete-class migration to class '%s', which does not exist", name)
		}
		s.Classes = slices.Delete(s.Classes, i, i+1)
	}
	return moved, nil
}

// postpone leaves the Worker's classes as script has them until the draft's version is
// deployed.
func (d *draft) postpone(script store.Script) error {
	if len(d.moved) > 0 {
		return refuse(http.StatusNotImplemented, 100153, "A version that waits cannot transfer classes from another Worker in the local cloud: deploy it at once.")
	}
	if slices.Equal(d.script.Classes, script.Classes) && d.script.MigrationTag == script.MigrationTag {
		return nil
	}
	d.version.Migration = &store.Migration{Before: script.Classes, After: d.script.Classes, Tag: d.script.MigrationTag}
	d.script.Classes, d.script.MigrationTag = script.Classes, script.MigrationTag
	return nil
}

// classes are those that the draft's version will find when it serves.
func (d *draft) classes() []store.Class {
	if m := d.version.Migration; m != nil {
		return m.After
	}
	return d.script.Classes
}

// migrate does the migration that a version brings, if it was not done yet.
func migrate(tx *store.Tx, s *store.Script, v *store.Version) error {
	m := v.Migration
	if m == nil {
		return nil
	}
	if s.MigrationTag != v.MigrationTag || !slices.Equal(s.Classes, m.Before) {
		return refuse(http.StatusPreconditionFailed, 10079, "Migration precondition failed: the Worker's durable object classes changed since version %q was uploaded", v.ID)
	}
	s.Classes, s.MigrationTag = m.After, m.Tag
	v.MigrationTag, v.Migration = m.Tag, nil
	if err := tx.PutScript(*s); err != nil {
		return err
	}
	return tx.PutVersion(*v)
}

// take removes a transferred class from the Worker that had it.
func (t transfer) take(tx *store.Tx, account string) error {
	from, err := tx.Script(account, t.script)
	if err != nil {
		return err
	}
	from.Classes = slices.DeleteFunc(from.Classes, func(c store.Class) bool { return c.Name == t.class })
	return tx.PutScript(from)
}
