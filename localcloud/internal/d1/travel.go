package d1

import (
	"context"
	"errors"
	"os"
	"time"
)

// checkpointAfter is how many page images the write-ahead log may hold, about 16 MB.
const checkpointAfter = 4000

// committed is called by SQLite after every commit.
func (d *DB) committed(frames int) {
	d.frames = frames
	d.history.Committed()
}

// archive gives the history what the write-ahead log holds and empties the log.
func (d *DB) archive() error {
	if d.conn == nil || d.frames == 0 {
		return nil
	}
	return d.history.Archive(d.frames, d.checkpoint)
}

// archiveWhenLong is archive once in a while. What was done is done, whatever comes of
// this: what stays in the write-ahead log is tried again after the next call.
func (d *DB) archiveWhenLong() {
	if d.frames >= checkpointAfter {
		_ = d.archive()
	}
}

// checkpoint moves the write-ahead log into the main file.
func (d *DB) checkpoint() error {
	if err := d.own("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return err
	}
	d.frames = 0
	return nil
}

// bookmark names the present state.
func (d *DB) bookmark() string { return d.history.Bookmark(d.history.Seq()) }

// Bookmark names the present state, or, when at is not zero, the state at that time
// of the cloud. Bookmarks sort as strings and grow with every change. A time that no
// state is kept of is a *history.UnknownError.
func (d *DB) Bookmark(ctx context.Context, at time.Time) (bookmark string, err error) {
	err = d.hold(ctx, func() error {
		seq := d.history.Seq()
		if !at.IsZero() {
			if seq, err = d.history.At(at); err != nil {
				return err
			}
		}
		bookmark = d.history.Bookmark(seq)
		return nil
	})
	return bookmark, err
}

// Restore makes the database what it was at a bookmark. That is a change like others
// and can be undone by restoring previous, the bookmark before it; now is the one
// after it. A state that is not kept is a *history.UnknownError.
func (d *DB) Restore(ctx context.Context, bookmark string) (now, previous string, err error) {
	err = d.hold(ctx, func() error {
		previous = d.bookmark()
		if err := d.restore(bookmark); err != nil {
			return err
		}
		now = d.bookmark()
		return nil
	})
	return now, previous, err
}

func (d *DB) restore(bookmark string) (err error) {
	now := d.store.clock.Now()
	before, err := d.lately(now)
	if err != nil {
		return err
	}
	if len(before) >= maxRestores {
		return ErrTooManyRestores
	}
	seq, err := d.history.Parse(bookmark)
	if err != nil {
		return err
	}
	if err := d.archive(); err != nil {
		return err
	}
	copied := d.store.path(d.id) + ".restore"
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if e := os.Remove(copied + suffix); e != nil && !errors.Is(e, os.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	if err := d.history.Restore(copied, seq); err != nil {
		return err
	}
	// Noted first: a restore that is made and not counted would be one too many.
	if err := d.noteRestores(append(before, now)); err != nil {
		return err
	}
	d.cache.clear()
	if err := d.trusting(func() error { return d.conn.CopyFrom(copied) }); err != nil {
		return err
	}
	return errors.Join(d.archive(), d.measure())
}
