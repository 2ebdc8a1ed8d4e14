package d1

import (
	"errors"
	"fmt"
)

// Freeze makes the files of every database complete and holds all calls until thaw
// is called, so that the folder can be copied: what was acknowledged before is in
// the copy, and nothing else. Databases cannot be made or deleted meanwhile. When
// Freeze fails, nothing is held.
func (s *Store) Freeze() (thaw func(), err error) {
	s.mu.Lock()
	var held []*DB
	thaw = func() {
		for _, db := range held {
			db.turn.Unlock()
		}
		s.mu.Unlock()
	}
	for id, db := range s.open {
		db.turn.Lock()
		held = append(held, db)
		if e := db.archive(); e != nil {
			err = errors.Join(err, fmt.Errorf("completing the file of database %s: %w", id, e))
		}
	}
	if err != nil {
		thaw()
		return nil, err
	}
	return thaw, nil
}
