package d1

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// The rate of restores that Cloudflare allows a database.
const (
	maxRestores   = 10
	restoreWindow = 10 * time.Minute
)

// ErrTooManyRestores is the eleventh restore within ten minutes.
var ErrTooManyRestores = &Error{"Too many restores: a database can be restored 10 times in 10 minutes."}

// lately are the times of the restores that count at a time of the cloud. They are in a file beside the
// database, because a cloud that starts anew forgets none.
func (d *DB) lately(now time.Time) ([]time.Time, error) {
	b, err := os.ReadFile(d.store.restores(d.id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var written, counting []time.Time
	if err := json.Unmarshal(b, &written); err != nil {
		return nil, fmt.Errorf("reading the times of restores of database %s: %w", d.id, err)
	}
	for _, t := range written {
		// A clock that was ahead is the machine's again after a restart: what is yet to come does not count.
		if ago := now.Sub(t); ago >= 0 && ago < restoreWindow {
			counting = append(counting, t)
		}
	}
	return counting, nil
}

// noteRestores writes the times of restores for the next to count.
func (d *DB) noteRestores(times []time.Time) error {
	b, err := json.Marshal(times)
	if err != nil {
		return err
	}
	fresh := d.store.Scratch()
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(fresh, d.store.restores(d.id))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("noting a restore of database %s: %w", d.id, err), os.Remove(fresh))
	}
	return nil
}
