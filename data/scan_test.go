package data

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// cells is a row as D1 sends it.
func cells(s *Schema, row *user, columns Mask) []byte {
	list := []any{}
	for i := range s.Columns {
		if columns.Has(i) {
			v := s.value(rowOf(row), i)
			if b, ok := v.([]byte); ok {
				numbers := make([]int, len(b))
				for i := range b {
					numbers[i] = int(b[i])
				}
				v = numbers
			}
			list = append(list, v)
		}
	}
	b, err := json.MarshalIndent(list, " ", "\t")
	if err != nil {
		panic(err)
	}
	return b
}

func TestRowsAreScannedFromTheirJSON(t *testing.T) {
	t.Parallel()
	s := Define(Options[user]{}).Schema()
	rapid.Check(t, func(t *rapid.T) {
		row := user{
			ID: rapid.Int64().Draw(t, "id"), Email: rapid.String().Draw(t, "email"), Score: rapid.Float64().Draw(t, "score"),
			Role: rapid.SampledFrom([]string{"admin", "member", "former"}).Draw(t, "role"), Active: rapid.Bool().Draw(t, "active"),
			Photo: rapid.SliceOf(rapid.Byte()).Draw(t, "photo"), Settings: json.RawMessage(`{"a":"` + rapid.StringMatching(`[a-z<>é]*`).Draw(t, "settings") + `"}`),
			stamps: stamps{CreatedAt: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "created")).UTC()}, Rev: rapid.Int64().Draw(t, "rev"),
		}
		if rapid.Bool().Draw(t, "has an age") {
			age := rapid.Int().Draw(t, "age")
			row.Age = &age
		}
		columns := Mask(rapid.Uint64Range(1, uint64(s.All())).Draw(t, "columns"))
		var scanned, set user
		if err := s.scanRow(rowOf(&scanned), columns, cells(s, &row, columns)); err != nil {
			t.Fatal(err)
		}
		for i := range s.Columns {
			if columns.Has(i) {
				if err := s.setValue(rowOf(&set), i, s.value(rowOf(&row), i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff(set, scanned, cmp.AllowUnexported(user{}), cmpopts.IgnoreFields(user{}, "Ignored"), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestARowThatDoesNotFitIsAnError(t *testing.T) {
	t.Parallel()
	s := Define(Options[user]{}).Schema()
	column := func(name string) Mask {
		i, _ := s.Column(name)
		return Mask(0).With(i)
	}
	for row, columns := range map[string]Mask{
		`["x"]`: column("id"), `[1.5]`: column("id"), `[1]`: column("email"), `["yes"]`: column("active"), `["yesterday"]`: column("created_at"),
		`[[1,256]]`: column("photo"), `[[1,]`: column("photo"), `["{]"]`: column("settings"), `[{}]`: column("settings"), `[1e30]`: column("id"),
		`[]`: column("id"), `[1,2]`: column("id"), `[1`: column("id"), `1`: column("id"), ``: column("id"), `["a`: column("email"),
	} {
		var u user
		if err := s.scanRow(rowOf(&u), columns, []byte(row)); err == nil || !strings.Contains(err.Error(), `"users"`) {
			t.Errorf("%s was taken: %v", row, err)
		}
	}
	var u user
	for row, want := range map[string]int64{`[1e3]`: 1000, `["-9007199254740993"]`: -9007199254740993} {
		if err := s.scanRow(rowOf(&u), column("id"), []byte(row)); err != nil || u.ID != want {
			t.Errorf("%s is %d: %v", row, u.ID, err)
		}
	}
}

func FuzzScanRow(f *testing.F) {
	s := Define(Options[user]{}).Schema()
	f.Add(uint64(0x3fff), []byte(`[7,"a@b.example","p",null,1.5,"admin",1,[0,255],"{}",null,"2026-01-31T12:00:00.000Z","2026-01-31 12:00:00",null,3]`))
	f.Add(uint64(1), []byte(`["-9007199254740993"]`))
	f.Fuzz(func(t *testing.T, columns uint64, row []byte) {
		var u user
		if err := s.scanRow(rowOf(&u), Mask(columns)&s.All(), row); err == nil && !json.Valid(s.appendJSON(nil, rowOf(&u), s.All())) {
			t.Errorf("%q is %+v", row, u)
		}
	})
}
