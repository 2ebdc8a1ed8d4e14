package clodo

import "strings"

// maxValues is how many wildcards a pattern of a tree may have.
const maxValues = 8

// values are the parts of a path that wildcards stand for.
type values [maxValues]string

// segment is a part of a pattern: literal text with its slashes, or a wildcard.
type segment struct {
	text  string // of a literal, or the name of a wildcard; "" for a final slash's
	wild  bool
	multi bool // takes the rest of the path
}

// parse reads the path of a pattern that the mux has accepted.
func parse(path string) []segment {
	var all []segment
	for path != "" {
		i := strings.IndexByte(path, '{')
		if i < 0 {
			all = append(all, segment{text: path})
			if strings.HasSuffix(path, "/") {
				all = append(all, segment{wild: true, multi: true})
			}
			break
		}
		if i > 0 {
			all = append(all, segment{text: path[:i]})
		}
		name, rest, _ := strings.Cut(path[i+1:], "}")
		path = rest
		if name == "$" {
			break // the literal before it ends in the slash
		}
		s := segment{text: name, wild: true}
		s.text, s.multi = strings.CutSuffix(name, "...")
		all = append(all, s)
	}
	return all
}

// tree holds the patterns of one method. Literal text is shared byte by byte; below it
// come a wildcard for one segment and one for the rest. Text beats a wildcard and that
// beats the rest, and a choice that leads nowhere is taken back: two patterns between
// which this order could not decide are a conflict, which the mux has refused.
type tree struct{ root node }

type node struct {
	text     string
	first    string // the first bytes of children's text
	children []*node
	wild     *node // its text is ""
	rest     *leaf
	leaf     *leaf // of a path that ends here
}

// add puts a pattern in.
func (t *tree) add(segments []segment, l *leaf) {
	n := &t.root
	for _, s := range segments {
		switch {
		case s.multi:
			n.rest = l
			return
		case s.wild:
			if n.wild == nil {
				n.wild = &node{}
			}
			n = n.wild
		default:
			n = n.literal(s.text)
		}
	}
	n.leaf = l
}

// literal is the node below n for text, made and split as need be.
func (n *node) literal(text string) *node {
	for {
		i := strings.IndexByte(n.first, text[0])
		if i < 0 {
			c := &node{text: text}
			n.first += text[:1]
			n.children = append(n.children, c)
			return c
		}
		c := n.children[i]
		common := 0
		for common < len(text) && common < len(c.text) && text[common] == c.text[common] {
			common++
		}
		if common < len(c.text) {
			lower := *c
			lower.text = c.text[common:]
			*c = node{text: c.text[:common], first: lower.text[:1], children: []*node{&lower}}
		}
		if common == len(text) {
			return c
		}
		n, text = c, text[common:]
	}
}

// match is the leaf of path, with v filled; nil when there is none.
func (t *tree) match(path string, v *values) *leaf { return t.root.match(path, v, 0) }

// match follows what has no alternative in a loop, and calls itself only where it may
// have to come back.
func (n *node) match(path string, v *values, found int) *leaf {
	for {
		if path == "" && n.leaf != nil {
			return n.leaf
		}
		var next *node
		if path != "" {
			for i := range len(n.first) {
				if n.first[i] == path[0] {
					next = n.children[i]
					break
				}
			}
		}
		if next != nil && strings.HasPrefix(path, next.text) {
			if n.wild == nil && n.rest == nil {
				n, path = next, path[len(next.text):]
				continue
			}
			if l := next.match(path[len(next.text):], v, found); l != nil {
				return l
			}
		}
		if n.wild != nil && path != "" && path[0] != '/' {
			end := strings.IndexByte(path, '/')
			if end < 0 {
				end = len(path)
			}
			v[found] = path[:end]
			if n.rest == nil {
				n, path, found = n.wild, path[end:], found+1
				continue
			}
			if l := n.wild.match(path[end:], v, found+1); l != nil {
				return l
			}
		}
		if n.rest != nil {
			if found < len(n.rest.names) {
				v[found] = path
			}
			return n.rest
		}
		return nil
	}
}
