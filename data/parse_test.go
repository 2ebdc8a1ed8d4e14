package data

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tamylaa/clodo"
)

// unfit has a column of every type, and what clients must not see.
type unfit struct {
	ID     string     `data:"id,key,uuid"`
	Name   string     `data:"name"`
	Age    int        `data:"age"`
	Score  float64    `data:"score"`
	Active bool       `data:"active"`
	At     *time.Time `data:"at"`
	Role   string     `data:"role,enum=admin|member,default=member"`
	Limit  int        `data:"limit"`
	AgeGt  int        `data:"age_gt"`
	Raw    []byte     `data:"raw"`
	Secret string     `data:"secret,hidden"`
}

// codes are what is wrong, as NAME:CODE.
func codes(err error) (all []string) {
	var p *clodo.Problem
	if !errors.As(err, &p) {
		return []string{err.Error()}
	}
	for _, f := range p.Fields {
		all = append(all, f.Name+":"+f.Code)
	}
	return all
}

func TestAQueryOfAURLIsRead(t *testing.T) {
	t.Parallel()
	s := Define(Options[unfit]{}).Schema()
	tests := map[string]struct {
		query string
		want  Query
		wrong []string // NAME:CODE
	}{
		"nothing":                       {query: "", want: Query{}},
		"conditions, in order of names": {query: "name_like=a&age=5", want: Query{Filter: And(Eq("age", "5"), Like("name", "a"))}},
		"a condition twice":             {query: "age_gte=5&age_gte=7", want: Query{Filter: And(Gte("age", "5"), Gte("age", "7"))}},
		"one of several":                {query: "role_in=admin,member", want: Query{Filter: And(In("role", "admin", "member"))}},
		"a column called as a parameter is meant with _eq": {query: "limit_eq=5&limit=7", want: Query{Filter: And(Eq("limit", "5")), Limit: 7}},
		"a column that ends as an operation":               {query: "age_gt=5&age_gt_lt=7", want: Query{Filter: And(Eq("age_gt", "5"), Lt("age_gt", "7"))}},
		"sorting":                                          {query: "sort=-age,name", want: Query{Sort: []Order{Desc("age"), Asc("name")}}},
		"the rest":                                         {query: "fields=id,name&include=x,y&limit=20&offset=-3&cursor=abc&count=true", want: Query{Fields: []string{"id", "name"}, Include: []string{"x", "y"}, Limit: 20, Offset: -3, After: "abc", Count: true}},
		"a limit that is not positive":                     {query: "limit=0", wrong: []string{"limit:INVALID_LIMIT"}},
		"a limit that is none":                             {query: "limit=x", wrong: []string{"limit:INVALID_LIMIT"}},
		"two limits":                                       {query: "limit=1&limit=2", wrong: []string{"limit:REPEATED"}},
		"no column":                                        {query: "x=1&y_gt=2", wrong: []string{"x:UNKNOWN_FIELD", "y_gt:UNKNOWN_FIELD"}},
		"no operation":                                     {query: "age_is=1", wrong: []string{"age_is:UNKNOWN_FIELD"}},
		"a hidden column cannot be found out":              {query: "secret_gt=a&sort=secret&fields=secret", wrong: []string{"fields:UNKNOWN_FIELD", "secret_gt:UNKNOWN_FIELD", "sort:UNKNOWN_FIELD"}},
		"SQL for a column":                                 {query: "1%3D1+OR+age=1&sort=id;DROP+TABLE+x", wrong: []string{"query:INVALID_QUERY"}},
		"SQL for a column, as it has to be written":        {query: "1%3D1+OR+age=1&sort=id%3BDROP+TABLE+x&fields=*", wrong: []string{"1=1 OR age:UNKNOWN_FIELD", "fields:UNKNOWN_FIELD", "sort:UNKNOWN_FIELD"}},
		"an escape that is none":                           {query: "age=%zz", wrong: []string{"query:INVALID_QUERY"}},
		"what is neither true nor false":                   {query: "count=perhaps", wrong: []string{"count:INVALID_TYPE"}},
		"an offset that is none":                           {query: "offset=x", wrong: []string{"offset:INVALID_OFFSET"}},
		"too many values":                                  {query: "age_in=" + strings.Repeat("1,", 1000), wrong: []string{"age_in:TOO_MANY_VALUES"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := s.ParseQuery(test.query)
			if test.wrong != nil {
				if err == nil {
					t.Fatalf("it was taken as %+v", got)
				}
				if diff := cmp.Diff(test.wrong, codes(err)); diff != "" {
					t.Error(diff)
				}
				return
			}
			fatal(t, err)
			if test.want.Filter.op == opAll {
				test.want.Filter = And()
			}
			if diff := cmp.Diff(&test.want, got, cmp.AllowUnexported(Filter{}), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAQueryIsOfTheModel(t *testing.T) {
	t.Parallel()
	s := Define(Options[unfit]{}).Schema()
	deep := Eq("age", 1)
	for range 20 {
		deep = Not(deep)
	}
	wide := make([]Filter, 61)
	for i := range wide {
		wide[i] = Eq("age", i)
	}
	tests := map[string]struct {
		query Query
		wrong []string // NAME:CODE; none is right
	}{
		"right values": {query: Query{Filter: And(
			Eq("age", "5"), Eq("age", int8(5)), Eq("score", 1), Gt("score", float32(0.5)), Eq("active", true), Eq("active", "false"),
			Lt("at", time.Now()), Lt("at", "2026-01-31"), Eq("at", nil), Eq("role", "admin"), Eq("id", "018F4E5A-7C1B-7000-8000-000000000000"), Ne("raw", nil),
		)}},
		"text for a number":          {query: Query{Filter: Eq("age", "x")}, wrong: []string{"age:INVALID_TYPE"}},
		"a fraction for a number":    {query: Query{Filter: Eq("age", 1.5)}, wrong: []string{"age:INVALID_TYPE"}},
		"a number for text":          {query: Query{Filter: Eq("name", 1)}, wrong: []string{"name:INVALID_TYPE"}},
		"no boolean":                 {query: Query{Filter: Eq("active", "yes")}, wrong: []string{"active:INVALID_TYPE"}},
		"no time":                    {query: Query{Filter: Gt("at", "yesterday")}, wrong: []string{"at:INVALID_TYPE"}},
		"no UUID":                    {query: Query{Filter: Eq("id", "1")}, wrong: []string{"id:INVALID_TYPE"}},
		"infinity":                   {query: Query{Filter: Eq("score", "Inf")}, wrong: []string{"score:INVALID_TYPE"}},
		"none of the values":         {query: Query{Filter: In("role", "admin", "root")}, wrong: []string{"role:ENUM_VIOLATION"}},
		"a comparison with null":     {query: Query{Filter: Gt("age", nil)}, wrong: []string{"age:INVALID_TYPE"}},
		"null in a list":             {query: Query{Filter: In[any]("age", 1, nil)}, wrong: []string{"age:INVALID_TYPE"}},
		"like a number":              {query: Query{Filter: Like("age", "1")}, wrong: []string{"age:NOT_FILTERABLE"}},
		"by a blob":                  {query: Query{Filter: Eq("raw", "x")}, wrong: []string{"raw:NOT_FILTERABLE"}},
		"sorted by a blob":           {query: Query{Sort: []Order{Asc("raw")}}, wrong: []string{"sort:NOT_SORTABLE"}},
		"sorted by nothing":          {query: Query{Sort: []Order{Asc("")}}, wrong: []string{"sort:UNKNOWN_FIELD"}},
		"no column":                  {query: Query{Filter: Eq("", 1)}, wrong: []string{":UNKNOWN_FIELD"}},
		"no column of the model":     {query: Query{Filter: Eq(`age" OR 1=1 --`, 1)}, wrong: []string{`age" OR 1=1 --:UNKNOWN_FIELD`}},
		"too deep":                   {query: Query{Filter: deep}, wrong: []string{"filter:TOO_MANY_CONDITIONS"}},
		"too many":                   {query: Query{Filter: Or(wide...)}, wrong: []string{"filter:TOO_MANY_CONDITIONS"}},
		"no relation":                {query: Query{Include: []string{"posts"}}, wrong: []string{"include:UNKNOWN_RELATION"}},
		"a negative limit":           {query: Query{Limit: -1}, wrong: []string{"limit:INVALID_LIMIT"}},
		"an offset out of the world": {query: Query{Offset: 1_000_001}, wrong: []string{"offset:INVALID_OFFSET"}},
		"a cursor and an offset":     {query: Query{Offset: 5, After: "abc"}, wrong: []string{"cursor:INVALID_CURSOR"}},
		"a cursor that is none":      {query: Query{After: "abc"}, wrong: []string{"cursor:INVALID_CURSOR"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.listing(&test.query, nil)
			switch {
			case err == nil && test.wrong != nil:
				t.Error("it was taken")
			case err != nil:
				if diff := cmp.Diff(test.wrong, codes(err)); diff != "" {
					t.Errorf("%v: %s", err, diff)
				}
			}
		})
	}
}

func TestTheOriginalsLimitsHold(t *testing.T) {
	t.Parallel()
	s := Define(Options[unfit]{}).Schema()
	message := func(q Query) string {
		l, err := s.listing(&q, nil)
		if err != nil {
			var p *clodo.Problem
			errors.As(err, &p)
			return p.Detail
		}
		return strings.Join([]string{"limit", string(rune('0' + l.limit/1000)), "offset", string(rune('0' + l.offset))}, " ")
	}
	for want, q := range map[string]Query{
		"Invalid limit: -5. Must be positive.":                            {Limit: -5},
		"Offset too large: 1000001. Maximum allowed offset is 1,000,000.": {Offset: 1_000_001},
		"limit 1 offset 0": {Limit: 5000, Offset: -7},
		"limit 0 offset 5": {Offset: 5},
	} {
		if got := message(q); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for query, want := range map[string]string{
		"limit=0":                      "Invalid limit: 0. Must be positive.",
		"limit=-99999999999999999999":  "Invalid limit: -99999999999999999999. Must be positive.",
		"limit=1e3":                    "Invalid limit: 1e3. Must be a whole number from 1 on; more than 1,000 are 1,000.",
		"limit=":                       "Invalid limit: . Must be a whole number from 1 on; more than 1,000 are 1,000.",
		"offset=1e3":                   "Invalid offset: 1e3. Must be a whole number.",
		"limit=99999999999999999999":   "limit 1 offset 0",
		"offset=99999999999999999999":  "Offset too large: 2147483647. Maximum allowed offset is 1,000,000.",
		"offset=-99999999999999999999": "limit 0 offset 0",
	} {
		q, err := s.ParseQuery(query)
		got := ""
		if err == nil {
			got = message(*q)
		} else {
			var p *clodo.Problem
			errors.As(err, &p)
			got = p.Detail
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// Whatever a client writes, the text of the statement has no names but the model's, and
// as many parameters as values.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{
		"age_gt=5&name_like=a&role_in=admin,member&sort=-age,name&fields=id&limit=5&offset=3", "sort=id%3BDROP&x=1", "at_lt=2026-01-31T00:00:00Z&active=true&cursor=AQAA", "%zz", "name=%00&name_ne=%ff",
	} {
		f.Add(q)
	}
	s := Define(Options[unfit]{}).Schema()
	names := map[string]bool{s.Table: true}
	for _, c := range s.Columns {
		names[c.Name] = true
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := s.ParseQuery(raw)
		var l *listing
		if err == nil {
			l, err = s.listing(q, nil)
		}
		if err != nil {
			var p *clodo.Problem
			if !errors.As(err, &p) || p.Status != 400 || len(p.Fields) == 0 {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		b := builder{schema: s}
		b.list(l)
		text := string(b.text)
		quoted := strings.Split(text, `"`)
		for i := 1; i < len(quoted); i += 2 {
			if !names[quoted[i]] {
				t.Errorf("%q names %q in %s", raw, quoted[i], text)
			}
		}
		if want, got := strings.Count(text, "?"), len(listParams(s, l)); got != want || got > 100 {
			t.Errorf("%q: %d parameters for %s", raw, got, text)
		}
	})
}
