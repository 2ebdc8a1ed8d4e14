package data

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type stamps struct {
	CreatedAt time.Time  `data:",created"`
	UpdatedAt time.Time  `data:",updated"`
	DeletedAt *time.Time `data:",deleted"`
}

type org struct {
	_      Table  `data:"orgs"`
	ID     string `data:"id,key,uuid"`
	Name   string `data:"name,required,min=2,max=20"`
	People []user `data:"people,hasMany=org_id"`
}

type user struct {
	_        Table           `data:"users,unique=org_id+email,index=role+age"`
	ID       int64           `data:",key"`
	Email    string          `data:"email,required,max=200,pattern=email"`
	Password string          `data:"password_hash,hidden"`
	Age      *int            `data:"age,min=0,max=150"`
	Score    float64         `data:"score,default=0.5"`
	Role     string          `data:"role,enum=admin|member,default=member,index"`
	Active   bool            `data:",default=true"`
	Photo    []byte          `data:"photo"`
	Settings json.RawMessage `data:"settings,default='{\"a\": [1, 2]}'"`
	OrgID    *string         `data:"org_id"`
	Org      *org            `data:"org,belongsTo=org_id,onDelete=set null"`
	Tags     []tagged        `data:"tags,manyToMany=user_tags,other=tag_id"`
	Ignored  chan int        `data:"-"`
	private  int
	stamps
	Rev int64 `data:"rev,version"`
}

type tagged struct {
	ID   int    `data:"id,key"`
	Name string `data:"name,required,unique"`
}

func text(s string) *string     { return &s }
func number(f float64) *float64 { return &f }

func TestAStructIsAModel(t *testing.T) {
	t.Parallel()
	s := Define(Options[user]{}).Schema()
	want := &Schema{
		Name: "user", Table: "users",
		Columns: []Column{
			{Name: "id", Type: Integer},
			{Name: "email", Type: Text, Required: true, Max: number(200), Pattern: "email"},
			{Name: "password_hash", Type: Text, Hidden: true},
			{Name: "age", Type: Integer, Nullable: true, Min: number(0), Max: number(150)},
			{Name: "score", Type: Real, Default: text("0.5")},
			{Name: "role", Type: Enum, Values: []string{"admin", "member"}, Default: text("member")},
			{Name: "active", Type: Boolean, Default: text("true")},
			{Name: "photo", Type: Blob},
			{Name: "settings", Type: JSON, Default: text(`{"a": [1, 2]}`)},
			{Name: "org_id", Type: Text, Nullable: true},
			{Name: "created_at", Type: Datetime, ReadOnly: true},
			{Name: "updated_at", Type: Datetime, ReadOnly: true},
			{Name: "deleted_at", Type: Datetime, Nullable: true, ReadOnly: true},
			{Name: "rev", Type: Integer},
		},
		Indexes: []Index{
			{Columns: []string{"org_id", "email"}, Unique: true},
			{Columns: []string{"role", "age"}},
			{Columns: []string{"role"}},
		},
		Relations: []Relation{
			{Name: "org", Kind: BelongsTo, Key: "org_id", OnDelete: "set null", TargetTable: "orgs", TargetKey: "id"},
			{Name: "tags", Kind: ManyToMany, Key: "user_id", Through: "user_tags", OtherKey: "tag_id", TargetTable: "tagged", TargetKey: "id"},
		},
		Key: 0, Created: 10, Updated: 11, Version: 13, Deleted: 12,
	}
	ignore := cmp.Options{
		cmpopts.IgnoreUnexported(Schema{}, Column{}, Relation{}), cmpopts.IgnoreFields(Relation{}, "Target"),
	}
	if diff := cmp.Diff(want, s, ignore); diff != "" {
		t.Error(diff)
	}
	orgs := s.Relation("org").Target
	if people := orgs.Relation("people"); people.Target != s || people.Key != "org_id" {
		t.Errorf("the way back leads to %+v", people)
	}
	if s.Visible().Has(2) || !s.Visible().Has(1) {
		t.Errorf("visible are %b", s.Visible())
	}
}

func TestAModelSurvivesJSON(t *testing.T) {
	t.Parallel()
	s := Define(Options[user]{}).Schema()
	told, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Schema
	if err := json.Unmarshal(told, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&back)
	if diff := cmp.Diff(string(told), string(again)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestAMistakeInAModelNamesTheField(t *testing.T) {
	t.Parallel()
	type parent struct {
		ID int `data:"id,key"`
	}
	tests := map[string]struct {
		define func()
		want   string
	}{
		"an unknown option": {func() {
			type m struct {
				Name string `data:"name,requird"`
			}
			Define(Options[m]{})
		}, `.Name: there is no option "requird"`},
		"an unknown option with a value": {func() {
			type m struct {
				Name string `data:"name,mx=200"`
			}
			Define(Options[m]{})
		}, `.Name: there is no option "mx"`},
		"a type that no column holds": {func() {
			type m struct {
				Name map[string]int
			}
			Define(Options[m]{})
		}, ".Name: no column can hold the Go type map[string]int"},
		"64 bits without a sign": {func() {
			type m struct{ N uint64 }
			Define(Options[m]{})
		}, ".N: no column can hold"},
		"a name that is SQL": {func() {
			type m struct {
				Name string `data:"a;b"`
			}
			Define(Options[m]{})
		}, `.Name: "a;b" cannot be the name of a column`},
		"a name twice": {func() {
			type m struct {
				A string `data:"a"`
				B string `data:"a"`
			}
			Define(Options[m]{})
		}, `.B: another field is called "a" too`},
		"two keys": {func() {
			type m struct {
				A string `data:"a,key"`
				B string `data:"b,key"`
			}
			Define(Options[m]{})
		}, `.B: "a" has that meaning already`},
		"a key that may be null": {func() {
			type m struct {
				A *string `data:"a,key"`
			}
			Define(Options[m]{})
		}, ".A: a key cannot be null"},
		"a limit that is no number": {func() {
			type m struct {
				A string `data:"a,max=long"`
			}
			Define(Options[m]{})
		}, ".A: max=long is no number"},
		"a limit without a value": {func() {
			type m struct {
				A string `data:"a,max"`
			}
			Define(Options[m]{})
		}, ".A: the option max needs a value"},
		"a value too much": {func() {
			type m struct {
				A string `data:"a,unique=x"`
			}
			Define(Options[m]{})
		}, ".A: the option unique has no value"},
		"min above max": {func() {
			type m struct {
				A int `data:"a,min=3,max=2"`
			}
			Define(Options[m]{})
		}, ".A: its min is above its max"},
		"a limit of a boolean": {func() {
			type m struct {
				A bool `data:"a,min=3"`
			}
			Define(Options[m]{})
		}, ".A: min, max and len are for"},
		"half an item": {func() {
			type m struct {
				A int `data:"a,min=0.5"`
			}
			Define(Options[m]{})
		}, ".A: min=0.5 has to be a whole number"},
		"an unknown pattern": {func() {
			type m struct {
				A string `data:"a,pattern=emil"`
			}
			Define(Options[m]{})
		}, `.A: there is no pattern "emil"; there are alphanumeric, digits, email`},
		"a default that does not fit": {func() {
			type m struct {
				A int8 `data:"a,default=300"`
			}
			Define(Options[m]{})
		}, ".A: default=300: the field cannot hold it"},
		"a default that is not in the enum": {func() {
			type m struct {
				A string `data:"a,enum=x|y,default=z"`
			}
			Define(Options[m]{})
		}, ".A: default=z: it is none of its values"},
		"an enum that could be empty": {func() {
			type m struct {
				A string `data:"a,enum=x|y"`
			}
			Define(Options[m]{})
		}, ".A: an enum needs one of required"},
		"nothing, which is too small": {func() {
			type m struct {
				A int `data:"a,min=3"`
			}
			Define(Options[m]{})
		}, ".A: when it is not given it is not at least 3; it needs another default"},
		"a default that breaks the pattern": {func() {
			type m struct {
				A string `data:"a,pattern=slug,default=A B"`
			}
			Define(Options[m]{})
		}, ".A: when it is not given it does not match required pattern"},
		"a quote without an end": {func() {
			type m struct {
				A string `data:"a,default='x"`
			}
			Define(Options[m]{})
		}, ".A: the quoted value 'x does not end"},
		"an index over nothing": {func() {
			type m struct {
				_ Table `data:",index=a+b"`
				A string
			}
			Define(Options[m]{})
		}, `its index is over "b"`},
		"a table of Cloudflare's": {func() {
			type m struct {
				_ Table `data:"_cf_KV"`
				A string
			}
			Define(Options[m]{})
		}, `the name "_cf_KV" is taken`},
		"a deleted that is always there": {func() {
			type m struct {
				A time.Time `data:"a,deleted"`
			}
			Define(Options[m]{})
		}, ".A: a row that is not deleted has null here"},
		"a relation to one without a key": {func() {
			type m struct {
				ID *int    `data:"id"`
				P  *stamps `data:"p,belongsTo=id"`
			}
			Define(Options[m]{})
		}, ".P: both models of a relation need a column with the option key"},
		"a relation by a column that is not there": {func() {
			type m struct {
				A int
				P *parent `data:"p,belongsTo=parent_id"`
			}
			Define(Options[m]{})
		}, `.P: data.m has no column "parent_id"`},
		"a relation by a column of another type": {func() {
			type m struct {
				ParentID string  `data:",required"`
				P        *parent `data:"p,belongsTo=parent_id"`
			}
			Define(Options[m]{})
		}, `.P: "parent_id" is of type text, and the key of data.parent of type integer`},
		"one for many": {func() {
			type m struct {
				A int
				P *parent `data:"p,hasMany=id"`
			}
			Define(Options[m]{})
		}, ".P: a field of hasMany is"},
		"a rule about nothing": {func() {
			Define(Options[parent]{Rules: []Rule[parent]{{Name: "r", Field: "x", Check: func(*parent) error { return nil }}}})
		}, `the rule "r" of data.parent is about "x"`},
		"no struct": {func() { Define(Options[int]{}) }, "int: a model is a struct with a name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if said := fmt.Sprint(recover()); !strings.HasPrefix(said, "data: ") || !strings.Contains(said, test.want) {
					t.Errorf("it panicked with\n%s\nwant %s", said, test.want)
				}
			}()
			test.define()
			t.Error("it was taken")
		})
	}
}

// Embedded has the fields of T as its own when T is embedded below.
type Embedded[T any] struct{ V T }

func TestNamesOfColumnsComeFromFields(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"ID": "id", "UserID": "user_id", "HTTPServer": "http_server", "Name": "name", "A1B": "a1_b", "already_there": "already_there"} {
		if got := snake(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

func TestValuesGoToTheDatabaseAndBack(t *testing.T) {
	t.Parallel()
	s := Define(Options[user]{}).Schema()
	age, orgID := 41, "o1"
	at := time.Date(2026, 1, 31, 13, 0, 0, 123e6, time.FixedZone("", 3600))
	row := user{
		ID: 7, Email: "a@b.example", Age: &age, Score: 1.5, Role: "admin", Active: true, Photo: []byte{0, 1, 255},
		Settings: json.RawMessage(`{"x":1}`), OrgID: &orgID, stamps: stamps{CreatedAt: at, UpdatedAt: at}, Rev: 3, Password: "p",
	}
	var values []any
	var back user
	for i := range s.Columns {
		v := s.value(unsafe.Pointer(&row), i)
		values = append(values, v)
		if err := s.setValue(unsafe.Pointer(&back), i, v); err != nil {
			t.Error(err)
		}
	}
	stored := "2026-01-31T12:00:00.123Z"
	want := []any{int64(7), "a@b.example", "p", int64(41), 1.5, "admin", int64(1), []byte{0, 1, 255}, `{"x":1}`, "o1", stored, stored, nil, int64(3)}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	row.CreatedAt, row.UpdatedAt = at.UTC(), at.UTC()
	if diff := cmp.Diff(row, back, cmp.AllowUnexported(user{}), cmpopts.IgnoreFields(user{}, "Ignored")); diff != "" {
		t.Error(diff)
	}
	if back.Age == row.Age {
		t.Error("the two rows share what a pointer points at")
	}
	for column, v := range map[string]any{"id": "x", "age": 1.5, "email": int64(1), "active": "yes", "created_at": "yesterday", "score": "1"} {
		i, _ := s.Column(column)
		if err := s.setValue(unsafe.Pointer(&back), i, v); err == nil || !strings.Contains(err.Error(), column) {
			t.Errorf("%s took %v: %v", column, v, err)
		}
	}
}

func TestARowIsJSON(t *testing.T) {
	t.Parallel()
	m := Define(Options[user]{})
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	row := user{
		ID: 7, Email: "<a>\"\n\u2028é\xff\x01", Score: 1e-7, Role: "admin", Photo: []byte("hi"), Password: "secret", stamps: stamps{CreatedAt: at, UpdatedAt: at},
		Org: &org{ID: "o", Name: "Org", People: []user{}}, Tags: []tagged{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}},
	}
	got := string(m.AppendJSON(nil, &row, m.Schema().All()))
	want := `{"id":7,"email":"\u003ca\u003e\"\n\u2028é\ufffd\u0001","age":null,"score":1e-7,"role":"admin","active":false,"photo":"aGk=","settings":null,"org_id":null,` +
		`"created_at":"2026-01-31T12:00:00.000Z","updated_at":"2026-01-31T12:00:00.000Z","deleted_at":null,"rev":0,` +
		`"org":{"id":"o","name":"Org","people":[]},"tags":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	row.Org, row.Tags = nil, nil
	if got := string(m.AppendJSON(nil, &row, Mask(0).With(0).With(2).With(4))); got != `{"id":7,"score":1e-7}` {
		t.Errorf("of three fields, one hidden, came %s", got)
	}
}
