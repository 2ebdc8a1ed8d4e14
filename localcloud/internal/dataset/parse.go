package dataset

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// The limits of a query.
const (
	maxQuery = 100 << 10 // bytes
	maxDepth = 100
)

// expr is an expression: a value, a column or alias, or a call of an operator or
// function.
type expr struct {
	value  any    // of a literal: string, float64, nil
	name   string // of a column, when call is false
	call   bool
	params []expr // of quantileWeighted(0.5)(…)
	args   []expr
	text   string // as it was written, for the name of its column
	unit   string // of an interval
}

type item struct {
	expr  expr
	alias string
}

type order struct {
	expr       expr
	descending bool
}

// statement is a SELECT, or SHOW TABLES.
type statement struct {
	show   bool
	items  []item
	from   string
	where  *expr
	group  []expr
	having *expr
	order  []order
	limit  int // -1 is none
	offset int
	format string
}

type parser struct {
	tokens []token
	depth  int
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0].text
}

func (p *parser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

// take takes the words if they are next.
func (p *parser) take(words ...string) bool {
	for i, w := range words {
		if i >= len(p.tokens) || !strings.EqualFold(p.tokens[i].text, w) {
			return false
		}
	}
	p.tokens = p.tokens[len(words):]
	return true
}

func (p *parser) expect(word string) error {
	if !p.take(word) {
		return fmt.Errorf("expected %s, found %q", word, p.peek())
	}
	return nil
}

func parse(query string) (statement, error) {
	s := statement{limit: -1, format: "JSON"}
	all, err := lex(query)
	if err != nil {
		return s, err
	}
	p := &parser{tokens: all}
	switch {
	case p.take("SHOW", "TABLES"):
		s.show = true
	case p.take("SELECT"):
		err = p.selected(&s)
	default:
		err = fmt.Errorf("only SELECT and SHOW TABLES are there, not %q", p.peek())
	}
	if err != nil {
		return s, err
	}
	if p.take("FORMAT") {
		s.format = p.next()
		switch s.format {
		case "JSON", "JSONEachRow", "TabSeparated":
		default:
			return s, fmt.Errorf("unknown format %q: JSON, JSONEachRow and TabSeparated are there", s.format)
		}
	}
	p.take(";")
	if p.peek() != "" {
		return s, fmt.Errorf("did not expect %q", p.peek())
	}
	return s, nil
}

func (p *parser) selected(s *statement) (err error) {
	for {
		var one item
		if one.expr, err = p.expression(0); err != nil {
			return err
		}
		one.alias = one.expr.text
		if p.take("AS") {
			if one.alias, err = p.identifier(); err != nil {
				return err
			}
		}
		s.items = append(s.items, one)
		if !p.take(",") {
			break
		}
	}
	if err := p.expect("FROM"); err != nil {
		return err
	}
	if s.from, err = p.identifier(); err != nil {
		return err
	}
	if p.take("WHERE") {
		if s.where, err = p.condition(); err != nil {
			return err
		}
	}
	if p.take("GROUP", "BY") {
		for {
			e, err := p.expression(0)
			if err != nil {
				return err
			}
			if s.group = append(s.group, e); !p.take(",") {
				break
			}
		}
	}
	if p.take("HAVING") {
		if s.having, err = p.condition(); err != nil {
			return err
		}
	}
	if p.take("ORDER", "BY") {
		for {
			var o order
			if o.expr, err = p.expression(0); err != nil {
				return err
			}
			if o.descending = p.take("DESC"); !o.descending {
				p.take("ASC")
			}
			if s.order = append(s.order, o); !p.take(",") {
				break
			}
		}
	}
	if p.take("LIMIT") {
		if s.limit, err = p.whole(); err != nil {
			return err
		}
	}
	if p.take("OFFSET") {
		s.offset, err = p.whole()
	}
	return err
}

func (p *parser) condition() (*expr, error) {
	e, err := p.expression(0)
	return &e, err
}

func (p *parser) whole() (int, error) {
	n, err := strconv.Atoi(p.peek())
	if err != nil || n < 0 {
		return 0, fmt.Errorf("expected a number of rows, found %q", p.peek())
	}
	p.next()
	return n, nil
}

var word = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p *parser) identifier() (string, error) {
	t := p.next()
	if len(t) >= 2 && (t[0] == '"' || t[0] == '`' || t[0] == '\'') {
		return t[1 : len(t)-1], nil
	}
	if !word.MatchString(t) {
		return "", fmt.Errorf("expected a name, found %q", t)
	}
	return t, nil
}

// binary are the operators by how strongly they bind.
var binary = []map[string]string{
	{"OR": "or"},
	{"AND": "and"},
	{}, // NOT
	{"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "LIKE": "like", "IN": "in", "BETWEEN": "between"},
	{"+": "+", "-": "-"},
	{"*": "*", "/": "/", "%": "%"},
}

func (p *parser) expression(level int) (e expr, err error) {
	if p.depth++; p.depth > maxDepth*8 {
		return e, errors.New("the query is nested too deep")
	}
	defer func() { p.depth-- }()
	start := p.tokens
	defer func() { e.text = written(start, p.tokens) }()
	if level == len(binary) {
		return p.operand()
	}
	if level == 2 && p.take("NOT") {
		inner, err := p.expression(level)
		return expr{call: true, name: "not", args: []expr{inner}}, err
	}
	left, err := p.expression(level + 1)
	if err != nil {
		return left, err
	}
	for {
		negated := level == 3 && (p.take("NOT", "IN") || p.take("NOT", "LIKE"))
		operator := ""
		if negated {
			operator = "in"
			if was := start[len(start)-len(p.tokens)-1].text; strings.EqualFold(was, "LIKE") {
				operator = "like"
			}
		} else if operator = binary[level][strings.ToUpper(p.peek())]; operator == "" {
			return left, nil
		} else {
			p.next()
		}
		args := []expr{left}
		switch operator {
		case "in":
			if err := p.expect("("); err != nil {
				return left, err
			}
			list, err := p.list()
			if err != nil {
				return left, err
			}
			args = append(args, list...)
		case "between":
			low, err := p.expression(level + 1)
			if err == nil {
				err = p.expect("AND")
			}
			if err != nil {
				return left, err
			}
			high, err := p.expression(level + 1)
			if err != nil {
				return left, err
			}
			args = append(args, low, high)
		default:
			right, err := p.expression(level + 1)
			if err != nil {
				return left, err
			}
			args = append(args, right)
		}
		left = expr{call: true, name: operator, args: args}
		if negated {
			left = expr{call: true, name: "not", args: []expr{left}}
		}
	}
}

// list is what stands in parentheses, after the opening one.
func (p *parser) list() ([]expr, error) {
	var all []expr
	for !p.take(")") {
		if len(all) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (p *parser) operand() (expr, error) {
	t := p.next()
	switch {
	case t == "":
		return expr{}, errors.New("the query ends too early")
	case t == "(":
		e, err := p.expression(0)
		if err == nil {
			err = p.expect(")")
		}
		return e, err
	case t == "*":
		return expr{name: "*"}, nil
	case t == "-":
		inner, err := p.operand()
		return expr{call: true, name: "-", args: []expr{{value: 0.0}, inner}}, err
	case t[0] == '\'':
		return expr{value: unquote(t)}, nil
	case t[0] >= '0' && t[0] <= '9':
		n, err := strconv.ParseFloat(t, 64)
		return expr{value: n}, err
	case strings.EqualFold(t, "NULL"):
		return expr{value: nil}, nil
	case strings.EqualFold(t, "INTERVAL"):
		amount, err := strconv.ParseFloat(strings.Trim(p.next(), "'"), 64)
		if err != nil {
			return expr{}, errors.New("an INTERVAL needs a number, such as INTERVAL '1' DAY")
		}
		unit := strings.ToUpper(p.next())
		if units[unit] == 0 {
			return expr{}, fmt.Errorf("unknown unit %q of an INTERVAL", unit)
		}
		return expr{value: amount, unit: unit}, nil
	case t[0] == '"' || t[0] == '`':
		return expr{name: t[1 : len(t)-1]}, nil
	case !word.MatchString(t):
		return expr{}, fmt.Errorf("did not expect %q", t)
	case !p.take("("):
		return expr{name: t}, nil
	}
	e := expr{call: true, name: t}
	if strings.EqualFold(t, "count") && p.take("DISTINCT") {
		e.name = "uniq"
	}
	var err error
	if e.args, err = p.list(); err == nil && p.take("(") {
		e.params = e.args
		e.args, err = p.list()
	}
	return e, err
}
