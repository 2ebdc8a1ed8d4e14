package clodo

import (
	"net/http"
	"strconv"
	"strings"
)

// takes reports whether the client takes a content coding, as its Accept-Encoding says:
// one with q=0 it refuses, a star is any that is not named.
func takes(r *http.Request, coding string) bool {
	star := false
	for _, list := range r.Header.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(list, ",") {
			name, q, weighted := strings.Cut(strings.ToLower(item), ";")
			taken := true
			if value, ok := strings.CutPrefix(strings.TrimSpace(q), "q="); weighted && ok {
				weight, err := strconv.ParseFloat(value, 64)
				taken = err == nil && weight > 0
			}
			switch strings.TrimSpace(name) {
			case coding:
				return taken
			case "*":
				star = taken
			}
		}
	}
	return star
}
