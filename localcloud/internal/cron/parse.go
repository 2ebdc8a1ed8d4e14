// Package cron reads cron expressions in the dialect of Cloudflare's Cron Triggers,
// computes when they are due, and keeps a scheduler that fires them by the cloud's
// clock. All times are UTC.
package cron

import (
	"fmt"
	"strconv"
	"strings"
)

// Schedule is an expression that was understood.
type Schedule struct {
	minutes, hours, months uint64 // one bit for each value
	days                   days
	weekdays               weekdays
}

// days are the days of a month. A star matches all, and leaves the choice to the days of
// the week.
type days struct {
	star    bool
	set     uint64
	last    bool // the last day, offset days earlier
	offset  int
	day     int  // of nearest, unless last
	nearest bool // the nearest of Monday to Friday in the same month
}

// weekdays are days of the week, 1 for Sunday to 7 for Saturday.
type weekdays struct {
	star bool
	set  uint64
	day  int
	last bool // the last such day of the month
	nth  int  // the nth such day of the month; 0 for none
}

// field is one of the five parts of an expression.
type field struct {
	what      string
	low, high int
	names     string // three letters each, from low
}

var (
	minute  = field{"minute", 0, 59, ""}
	hour    = field{"hour", 0, 23, ""}
	day     = field{"day of month", 1, 31, ""}
	month   = field{"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"}
	weekday = field{"day of week", 1, 7, "SUNMONTUEWEDTHUFRISAT"}
)

// Parse reads an expression of five fields. Ranges may go round, as FRI-MON does. Days of
// the month may be L (the last), L-3 (three days before), 15W (the nearest of Monday to
// Friday), LW or L-3W; days of the week 6L (the last Friday) or 6#2 (the second).
func Parse(expression string) (s Schedule, err error) {
	parts := strings.Fields(expression)
	if len(parts) != 5 {
		return s, fmt.Errorf("it has %d fields, a cron expression has 5", len(parts))
	}
	if s.minutes, _, err = minute.parse(parts[0]); err != nil {
		return s, err
	}
	if s.hours, _, err = hour.parse(parts[1]); err != nil {
		return s, err
	}
	if s.days, err = parseDays(parts[2]); err != nil {
		return s, err
	}
	if s.months, _, err = month.parse(parts[3]); err != nil {
		return s, err
	}
	s.weekdays, err = parseWeekdays(parts[4])
	return s, err
}

// parse reads a list of values, ranges and steps. star is a star alone.
func (f field) parse(text string) (set uint64, star bool, err error) {
	if text == "*" {
		return f.span(f.low, f.high, 1), true, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		every := 1
		if stepped {
			if every, err = number(step); err != nil || every < 1 || every > f.high {
				return 0, false, fmt.Errorf("%q of %s %q is not a step", step, f.what, part)
			}
		}
		if span == "*" && stepped {
			set |= f.span(f.low, f.high, every)
			continue
		}
		low, high, isRange := strings.Cut(span, "-")
		a, ok := f.value(low)
		b := a
		if isRange && ok {
			b, ok = f.value(high)
		} else if stepped {
			b = f.high
		}
		if !ok {
			return 0, false, fmt.Errorf("%s %q is not within %d to %d", f.what, part, f.low, f.high)
		}
		set |= f.span(a, b, every)
	}
	return set, false, nil
}

// span is every nth value from a to b, round the end if b is less.
func (f field) span(a, b, every int) (set uint64) {
	size := f.high - f.low + 1
	if b < a {
		b += size
	}
	for v := a; v <= b; v += every {
		set |= 1 << (f.low + (v-f.low)%size)
	}
	return set
}

// value reads a number or a name.
func (f field) value(s string) (int, bool) {
	if len(s) == 3 {
		if i := strings.Index(f.names, strings.ToUpper(s)); i >= 0 && i%3 == 0 {
			return f.low + i/3, true
		}
	}
	n, err := number(s)
	return n, err == nil && n >= f.low && n <= f.high
}

// number reads digits, and no sign.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 8)
	return int(n), err
}

func parseDays(text string) (d days, err error) {
	rest, nearest := strings.CutSuffix(text, "W")
	if offset, last := strings.CutPrefix(rest, "L"); last {
		d.last, d.nearest = true, nearest
		if offset == "" {
			return d, nil
		}
		if d.offset, err = number(strings.TrimPrefix(offset, "-")); err != nil || offset[0] != '-' || d.offset < 1 || d.offset > 30 {
			return d, fmt.Errorf("day of month %q is not L, or L-1 to L-30", text)
		}
		return d, nil
	}
	if nearest {
		var ok bool
		if d.day, ok = day.value(rest); !ok {
			return d, fmt.Errorf("day of month %q is not within 1W to 31W", text)
		}
		d.nearest = true
		return d, nil
	}
	d.set, d.star, err = day.parse(text)
	return d, err
}

func parseWeekdays(text string) (w weekdays, err error) {
	if text == "L" { // the last day of the week
		w.set = 1 << weekday.high
		return w, nil
	}
	name, nth, numbered := strings.Cut(text, "#")
	name, last := strings.CutSuffix(name, "L")
	if !numbered && !last {
		w.set, w.star, err = weekday.parse(text)
		return w, err
	}
	var ok bool
	if w.day, ok = weekday.value(name); !ok || last && numbered {
		return w, fmt.Errorf("day of week %q is not one of 1 to 7 or SUN to SAT with an L or a #", text)
	}
	w.last = last
	if numbered {
		if w.nth, err = number(nth); err != nil || w.nth < 1 || w.nth > 5 {
			return w, fmt.Errorf("%q of day of week %q is not within 1 to 5", nth, text)
		}
	}
	return w, nil
}
