package cron

import (
	"math/bits"
	"time"
)

// farthest is how many days an expression that is ever due can stay silent: from one 29
// February to the next, round the turn of a century.
const farthest = 8*366 + 1

// Matches reports whether s is due in the minute of t.
func (s Schedule) Matches(t time.Time) bool {
	t = t.UTC()
	return has(s.minutes, t.Minute()) && has(s.hours, t.Hour()) && s.onDay(t)
}

// Next is the first minute after t in which s is due; ok is false when there is none, as
// for 30 February.
func (s Schedule) Next(t time.Time) (next time.Time, ok bool) {
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for range farthest {
		if s.onDay(t) {
			if at, ok := s.inDay(t); ok {
				return at, true
			}
		}
		t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
	}
	return time.Time{}, false
}

// Last is the last minute before t, or in it, in which s was due, not before from.
func (s Schedule) Last(from, t time.Time) (last time.Time, ok bool) {
	for t = t.UTC().Truncate(time.Minute); !t.Before(from); {
		switch {
		case !s.onDay(t):
			t = time.Date(t.Year(), t.Month(), t.Day(), 0, -1, 0, 0, time.UTC)
		case !has(s.hours, t.Hour()):
			t = t.Truncate(time.Hour).Add(-time.Minute)
		case !has(s.minutes, t.Minute()):
			t = t.Add(-time.Minute)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}

// inDay is the first due minute of t's day from t on.
func (s Schedule) inDay(t time.Time) (time.Time, bool) {
	minute := t.Minute()
	for hour := t.Hour(); hour < 24; hour, minute = hour+1, 0 {
		if !has(s.hours, hour) {
			continue
		}
		if later := s.minutes >> minute << minute; later != 0 {
			return time.Date(t.Year(), t.Month(), t.Day(), hour, bits.TrailingZeros64(later), 0, 0, time.UTC), true
		}
	}
	return time.Time{}, false
}

func has(set uint64, value int) bool { return set>>value&1 == 1 }

// onDay reports whether s is due on the day of t. Where both the day of the month and the
// day of the week are given, either is enough.
func (s Schedule) onDay(t time.Time) bool {
	if !has(s.months, int(t.Month())) {
		return false
	}
	switch {
	case s.days.star && s.weekdays.star:
		return true
	case s.days.star:
		return s.weekdays.match(t)
	case s.weekdays.star:
		return s.days.match(t)
	}
	return s.days.match(t) || s.weekdays.match(t)
}

func daysIn(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func (d days) match(t time.Time) bool {
	length := daysIn(t)
	wanted := d.day
	if d.last {
		wanted = length - d.offset
	}
	switch {
	case d.nearest:
		return wanted >= 1 && wanted <= length && t.Day() == nearest(t, wanted, length)
	case d.last:
		return t.Day() == wanted
	}
	return has(d.set, t.Day())
}

// nearest is the day of Monday to Friday that is nearest to a day of t's month, within
// that month.
func nearest(t time.Time, day, length int) int {
	switch time.Date(t.Year(), t.Month(), day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == length {
			return day - 2
		}
		return day + 1
	}
	return day
}

func (w weekdays) match(t time.Time) bool {
	today := int(t.Weekday()) + 1
	switch {
	case w.last:
		return today == w.day && t.Day()+7 > daysIn(t)
	case w.nth > 0:
		return today == w.day && (t.Day()-1)/7+1 == w.nth
	}
	return has(w.set, today)
}
