package term

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
)

// stars stands for a hidden value. Its length says nothing about the value's.
const stars = "*****"

// shortest is the length in bytes from which a secret is hidden: a shorter one
// would star out ordinary words.
const shortest = 4

// secrets are the values that no output may show.
type secrets struct {
	mu     sync.Mutex
	values []string // longest first, so that a value within a value does not uncover the rest
}

func (s *secrets) add(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value = strings.TrimRight(value, "\r\n")
	for _, v := range []string{value, inJSON(value, true), inJSON(value, false)} {
		if len(v) >= shortest && !slices.Contains(s.values, v) {
			s.values = append(s.values, v)
		}
	}
	slices.SortStableFunc(s.values, func(a, b string) int { return len(b) - len(a) })
}

// inJSON is text as it stands between quotes in a document, with or without the
// escapes for HTML.
func inJSON(text string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if err := e.Encode(text); err != nil {
		panic(err) // text always has a JSON form
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// redact replaces every secret in text. What may be the beginning of a secret that
// continues in a later write comes back as rest, unless all is true.
func (s *secrets) redact(text []byte, all bool) (clean, rest []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.values) == 0 {
		return text, nil
	}
	for i := 0; i < len(text); {
		hit, open := s.at(text[i:])
		switch {
		case open && !all:
			return clean, text[i:]
		case hit > 0:
			clean, i = append(clean, stars...), i+hit
		default:
			clean, i = append(clean, text[i]), i+1
		}
	}
	return clean, nil
}

// at looks for a secret at the beginning of text: hit is the length of the longest
// one, open says that a longer one would fit if text went on.
func (s *secrets) at(text []byte) (hit int, open bool) {
	for _, v := range s.values {
		if len(v) > len(text) {
			open = open || strings.HasPrefix(v, string(text))
		} else if hit == 0 && bytes.HasPrefix(text, []byte(v)) {
			hit = len(v)
		}
	}
	return hit, open
}

// redacting is a writer that hides secrets, also one that is split over several
// writes. It may keep a few bytes back until flush.
type redacting struct {
	mu      sync.Mutex
	w       io.Writer
	secrets *secrets
	held    []byte
}

func (r *redacting) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clean, rest := r.secrets.redact(append(r.held, p...), false)
	r.held = bytes.Clone(rest)
	if len(clean) == 0 {
		return len(p), nil
	}
	if _, err := r.w.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

// flush writes what was kept back.
func (r *redacting) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	clean, _ := r.secrets.redact(r.held, true)
	r.held = nil
	if len(clean) == 0 {
		return nil
	}
	_, err := r.w.Write(clean)
	return err
}
