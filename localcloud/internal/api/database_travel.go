package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/history"
)

func travelEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: databasePath + "/time_travel/bookmark", Permissions: d1Read, handle: (*call).databaseBookmark},
		{Method: "POST", Pattern: databasePath + "/time_travel/restore", Permissions: d1Write, handle: (*call).restoreDatabase},
	}
}

func (c *call) databaseBookmark() (any, error) {
	at, err := c.timestamp()
	if err != nil {
		return nil, err
	}
	_, db, err := c.openDatabase()
	if err != nil {
		return nil, err
	}
	bookmark, err := db.Bookmark(c.ctx, at)
	if err != nil {
		return nil, travelError(err)
	}
	return map[string]string{"bookmark": bookmark}, nil
}

func (c *call) restoreDatabase() (any, error) {
	at, err := c.timestamp()
	if err != nil {
		return nil, err
	}
	bookmark := c.query.Get("bookmark")
	if at.IsZero() == (bookmark == "") {
		return nil, refuse(http.StatusBadRequest, 7400, "The request is malformed: it needs either a `bookmark` or a `timestamp`.")
	}
	_, db, err := c.openDatabase()
	if err != nil {
		return nil, err
	}
	if bookmark == "" {
		if bookmark, err = db.Bookmark(c.ctx, at); err != nil {
			return nil, travelError(err)
		}
	}
	now, previous, err := db.Restore(c.ctx, bookmark)
	if err != nil {
		return nil, travelError(err)
	}
	return map[string]string{"bookmark": now, "previous_bookmark": previous, "message": "Database restored to the state of bookmark " + bookmark + "."}, nil
}

// timestamp is the one of the query, zero when there is none.
func (c *call) timestamp() (time.Time, error) {
	text := c.query.Get("timestamp")
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && !t.IsZero() {
			return t, nil
		}
	}
	return time.Time{}, refuse(http.StatusBadRequest, 7400, "The timestamp %q is not an ISO 8601 time such as 2026-01-31T12:00:00Z.", text)
}

func travelError(err error) error {
	var unknown *history.UnknownError
	switch {
	case errors.As(err, &unknown):
		return refuse(http.StatusBadRequest, 7400, "Time travel is not possible: %s.", unknown.Reason)
	case errors.Is(err, d1.ErrTooManyRestores):
		return refuse(http.StatusTooManyRequests, 7400, "%s", err)
	}
	return err
}
