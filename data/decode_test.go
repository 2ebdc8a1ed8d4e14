package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

type article struct {
	ID        string          `data:"id,key,uuid"`
	Title     string          `data:"title,required,min=2,max=10"`
	Slug      string          `data:"slug,pattern=slug"`
	Rank      int8            `data:"rank,default=5,min=1"`
	Price     *float64        `data:"price,max=99.5"`
	State     string          `data:"state,enum=draft|live,default=draft"`
	Shown     bool            `data:"shown,default=true"`
	At        *time.Time      `data:"at"`
	Cover     []byte          `data:"cover,max=3"`
	Meta      json.RawMessage `data:"meta"`
	Ref       *string         `data:"ref,uuid"`
	Secret    string          `data:"secret,hidden"`
	CreatedAt time.Time       `data:",created"`
}

func articles() *Model[article] {
	return Define(Options[article]{Rules: []Rule[article]{
		{Name: "live has a price", Field: "price", Check: func(a *article) error {
			if a.State == "live" && a.Price == nil {
				return errors.New("a live article has a price")
			}
			return nil
		}},
		{Name: "no 13", Check: func(a *article) error {
			if a.Rank == 13 {
				return errors.New("")
			}
			return nil
		}},
		{Name: "explodes", Check: func(a *article) error {
			if a.Rank == 66 {
				panic("boom")
			}
			return nil
		}},
	}})
}

// wrongs are errors as FIELD CODE message, a line each.
func wrongs(err error) string {
	var invalid *ValidationError
	if !errors.As(err, &invalid) {
		return fmt.Sprint(err)
	}
	var b strings.Builder
	for _, e := range invalid.Errors {
		value := ""
		if e.Value != nil {
			value = fmt.Sprintf(" (%s)", e.Value)
		}
		fmt.Fprintf(&b, "%s %s %s%s\n", e.Field, e.Code, e.Message, value)
	}
	return b.String()
}

func TestEverythingThatIsWrongIsTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"what is required and not there":       {`{}`, "title REQUIRED_FIELD_MISSING Field 'title' is required\n"},
		"what is required and null":            {`{"title":null}`, "title REQUIRED_FIELD_MISSING Field 'title' is required (null)\n"},
		"what is required and empty":           {`{"title":"  "}`, "title REQUIRED_FIELD_MISSING Field 'title' is required (\"  \")\n"},
		"text that is a number":                {`{"title":5}`, "title INVALID_TYPE Field 'title' must be a string (5)\n"},
		"text that is an object":               {`{"title":{"a":[1]}}`, "title INVALID_TYPE Field 'title' must be a string ({\"a\":[1]})\n"},
		"text that is true":                    {`{"title":true}`, "title INVALID_TYPE Field 'title' must be a string (true)\n"},
		"text that is short":                   {`{"title":"ü"}`, "title MIN_LENGTH_VIOLATION Field 'title' must be at least 2 characters (\"ü\")\n"},
		"text that is long":                    {`{"title":"12345678901"}`, "title MAX_LENGTH_VIOLATION Field 'title' cannot exceed 10 characters (\"12345678901\")\n"},
		"a pattern":                            {`{"title":"ok","slug":"No Slug"}`, "slug PATTERN_MISMATCH Field 'slug' does not match required pattern (\"No Slug\")\n"},
		"a whole number that is text":          {`{"title":"ok","rank":"many"}`, "rank INVALID_TYPE Field 'rank' must be an integer (\"many\")\n"},
		"a whole number that is empty text":    {`{"title":"ok","rank":""}`, "rank INVALID_TYPE Field 'rank' must be an integer (\"\")\n"},
		"a whole number with a half":           {`{"title":"ok","rank":1.5}`, "rank INVALID_TYPE Field 'rank' must be an integer (1.5)\n"},
		"a whole number that is false":         {`{"title":"ok","rank":false}`, "rank INVALID_TYPE Field 'rank' must be an integer (false)\n"},
		"a number below its min":               {`{"title":"ok","rank":0}`, "rank RANGE_VIOLATION Field 'rank' must be at least 1 (0)\n"},
		"a number that the field cannot hold":  {`{"title":"ok","rank":128}`, "rank RANGE_VIOLATION Field 'rank' cannot exceed 127 (128)\n"},
		"a number that nothing can hold":       {`{"title":"ok","rank":9e99}`, "rank RANGE_VIOLATION Field 'rank' cannot exceed 127 (9e99)\n"},
		"a number above its max":               {`{"title":"ok","price":99.6}`, "price RANGE_VIOLATION Field 'price' cannot exceed 99.5 (99.6)\n"},
		"a number that is text":                {`{"title":"ok","price":"1x"}`, "price INVALID_TYPE Field 'price' must be a number (\"1x\")\n"},
		"a number that is infinite":            {`{"title":"ok","price":1e999}`, "price INVALID_TYPE Field 'price' must be a number (1e999)\n"},
		"an enum":                              {`{"title":"ok","state":"dead"}`, "state ENUM_VIOLATION Field 'state' must be one of: draft, live (\"dead\")\n"},
		"a boolean that is a number":           {`{"title":"ok","shown":1}`, "shown INVALID_TYPE Field 'shown' must be a boolean (1)\n"},
		"a boolean that is text":               {`{"title":"ok","shown":"true"}`, "shown INVALID_TYPE Field 'shown' must be a boolean (\"true\")\n"},
		"a time that is none":                  {`{"title":"ok","at":"2026-02-30T00:00:00Z"}`, "at INVALID_TYPE Field 'at' must be a date and time such as 2026-01-31T12:00:00Z (\"2026-02-30T00:00:00Z\")\n"},
		"a time before there were four digits": {`{"title":"ok","at":"0000-01-01T00:00:00+01:00"}`, "at INVALID_TYPE Field 'at' must be a date and time such as 2026-01-31T12:00:00Z (\"0000-01-01T00:00:00+01:00\")\n"},
		"a blob that is not base64":            {`{"title":"ok","cover":"###"}`, "cover INVALID_TYPE Field 'cover' must be a base64 string (\"###\")\n"},
		"a blob that is long":                  {`{"title":"ok","cover":"AAAAAA=="}`, "cover MAX_LENGTH_VIOLATION Field 'cover' cannot exceed 3 bytes (\"AAAAAA==\")\n"},
		"a UUID that is none":                  {`{"title":"ok","ref":"123"}`, "ref INVALID_TYPE Field 'ref' must be a UUID (\"123\")\n"},
		"a field that is not there":            {`{"title":"ok","titel":[1, 2]}`, "titel UNKNOWN_FIELD Field 'titel' is unknown ([1, 2])\n"},
		"a field that is hidden":               {`{"title":"ok","secret":"x"}`, "secret UNKNOWN_FIELD Field 'secret' is unknown (\"x\")\n"},
		"several, in the order of the model": {
			`{"x":1,"state":"dead","rank":"many","price":"free"}`,
			"title REQUIRED_FIELD_MISSING Field 'title' is required\nrank INVALID_TYPE Field 'rank' must be an integer (\"many\")\nprice INVALID_TYPE Field 'price' must be a number (\"free\")\n" +
				"state ENUM_VIOLATION Field 'state' must be one of: draft, live (\"dead\")\nx UNKNOWN_FIELD Field 'x' is unknown (1)\n",
		},
		"a rule about a field":  {`{"title":"ok","state":"live"}`, "price CUSTOM_RULE_VIOLATION a live article has a price\n"},
		"a rule without words":  {`{"title":"ok","rank":13}`, "_custom CUSTOM_RULE_VIOLATION Custom rule 'no 13' failed\n"},
		"a rule that panics":    {`{"title":"ok","rank":66}`, "_custom CUSTOM_RULE_ERROR Custom rule 'explodes' threw an error: boom\n"},
		"nothing":               {``, "Invalid JSON at byte 0: there is nothing"},
		"no object":             {` [1]`, "Invalid JSON at byte 0: this is no object"},
		"half an object":        {`{"title":"ok"`, "Invalid JSON at byte 13: a comma or } is missing"},
		"something behind":      {`{"title":"ok"} x`, "Invalid JSON at byte 15: something follows the end"},
		"a key twice":           {`{"title":"ok","rank":1,"title":"no"}`, "Invalid JSON at byte 31: a key is there twice: title"},
		"a key twice, ignored":  {`{"created_at":1,"created_at":2}`, "Invalid JSON at byte 29: a key is there twice: created_at"},
		"a comma too much":      {`{"title":"ok",}`, "Invalid JSON at byte 14: a key is missing"},
		"single quotes":         {`{'title':'ok'}`, "Invalid JSON at byte 1: a key is missing"},
		"a number with a zero":  {`{"rank":01}`, "Invalid JSON at byte 9: a comma or } is missing"},
		"a control character":   {"{\"title\":\"a\nb\"}", "Invalid JSON at byte 11: a string has a control character"},
		"an unknown escape":     {`{"title":"\x"}`, "Invalid JSON at byte 10: a string has an escape that JSON does not know"},
		"far too deep":          {`{"meta":` + strings.Repeat("[", 1e6), "Invalid JSON at byte 135: arrays and objects lie too deep in each other"},
		"half a word":           {`{"shown":tru}`, "Invalid JSON at byte 9: this is no value"},
		"a missing colon":       {`{"shown" true}`, "Invalid JSON at byte 9: a colon is missing"},
		"an escape at the end":  {`{"title":"\`, "Invalid JSON at byte 10: a string does not end"},
		"half a unicode escape": {`{"title":"\u12"}`, `Invalid JSON at byte 10: \u needs four hexadecimal digits`},
	}
	m := articles()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row, err := m.Decode([]byte(test.body))
			if diff := cmp.Diff(test.want, wrongs(err)); diff != "" || row != nil {
				t.Errorf("%v %s", row, diff)
			}
		})
	}
}

func TestWhatIsTakenIsMadeProper(t *testing.T) {
	t.Parallel()
	m := articles()
	got, err := m.Decode([]byte(` { "created_at": "no matter", "title" : "  \u00fc\ud83d\ude00\ud800 \t", "rank":" 12 ", "price":"1.5e1", "at":"2026-01-31T13:00:00.123456+01:00",
		"cover":"AP8=", "meta": {"a": [1, "` + "\xff" + `"]} , "ref":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11","shown":false,"id":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" }`))
	if err != nil {
		t.Fatal(err)
	}
	price, at := 15.0, time.Date(2026, 1, 31, 12, 0, 0, 123e6, time.UTC)
	want := &article{
		ID: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", Title: "ü😀\ufffd", Rank: 12, Price: &price, State: "draft", At: &at, Cover: []byte{0, 255},
		Meta: json.RawMessage("{\"a\": [1, \"\ufffd\"]}"), Ref: text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, err = m.Decode([]byte(`{"title":"ok","rank":1.0,"state":null,"shown":null,"price":null,"slug":""}`))
	if diff := cmp.Diff(&article{Title: "ok", Rank: 1, State: "draft", Shown: true}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestAPatchNeedsOnlyWhatItChanges(t *testing.T) {
	t.Parallel()
	m := articles()
	price := 1.0
	before := article{ID: "x", Title: "before", Rank: 9, Price: &price, State: "live", Shown: true, Secret: "s"}
	row := before
	given, err := m.DecodePatch([]byte(`{"rank":7,"shown":false,"created_at":"2020-01-01T00:00:00Z"}`), &row)
	want := before
	want.Rank, want.Shown = 7, false
	if diff := cmp.Diff(want, row); diff != "" || err != nil || given != Mask(0).With(3).With(6) {
		t.Errorf("%b %v %s", given, err, diff)
	}
	for body, want := range map[string]string{
		`{"title":""}`:   "title REQUIRED_FIELD_MISSING Field 'title' is required (\"\")\n",
		`{"title":null}`: "title REQUIRED_FIELD_MISSING Field 'title' is required (null)\n",
		`{"rank":0}`:     "rank RANGE_VIOLATION Field 'rank' must be at least 1 (0)\n",
		`{"price":null}`: "price CUSTOM_RULE_VIOLATION a live article has a price\n",
		`{"titel":1}`:    "titel UNKNOWN_FIELD Field 'titel' is unknown (1)\n",
	} {
		row := before
		if _, err := m.DecodePatch([]byte(body), &row); wrongs(err) != want {
			t.Errorf("%s: %s, want %s", body, wrongs(err), want)
		}
	}
	if *before.Price != 1 {
		t.Error("a patch of a copy changed what the original points at")
	}
}

func TestARowMadeInGoIsCheckedToo(t *testing.T) {
	t.Parallel()
	m := articles()
	at := time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	row := article{Title: " ok ", Rank: 3, At: &at, Ref: text("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")}
	if err := m.Validate(&row); err != nil {
		t.Fatal(err)
	}
	cut := time.Date(2026, 1, 31, 11, 0, 0, 123e6, time.UTC)
	if diff := cmp.Diff(article{Title: "ok", Rank: 3, State: "draft", At: &cut, Ref: text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")}, row); diff != "" {
		t.Error(diff)
	}
	infinite := math.Inf(1)
	err := m.Validate(&article{Slug: "A", Price: &infinite, State: "dead", Cover: make([]byte, 4), Meta: json.RawMessage(`{]`), Ref: text("r")})
	want := "title REQUIRED_FIELD_MISSING Field 'title' is required\nslug PATTERN_MISMATCH Field 'slug' does not match required pattern (A)\n" +
		"rank RANGE_VIOLATION Field 'rank' must be at least 1 (%!s(int64=0))\nprice INVALID_TYPE Field 'price' must be a number (%!s(float64=+Inf))\n" +
		"state ENUM_VIOLATION Field 'state' must be one of: draft, live (dead)\ncover MAX_LENGTH_VIOLATION Field 'cover' cannot exceed 3 bytes (\x00\x00\x00\x00)\n" +
		"meta INVALID_TYPE Field 'meta' must be JSON ({])\nref INVALID_TYPE Field 'ref' must be a UUID (r)\n"
	if diff := cmp.Diff(want, wrongs(err)); diff != "" {
		t.Error(diff)
	}
}

func TestTheResultHasTheShapeOfTheOriginal(t *testing.T) {
	t.Parallel()
	m := articles()
	tests := map[string]struct{ body, want string }{
		"right": {
			`{"title":" ok ","rank":"7"}`,
			`{"valid":true,"errors":[],"fieldErrors":{},"data":{"id":"","title":"ok","slug":"","rank":7,"price":null,"state":"draft","shown":true,"at":null,"cover":"","meta":null,"ref":null,"created_at":"0001-01-01T00:00:00.000Z"}}`,
		},
		"wrong": {
			`{"rank":"x"}`,
			`{"valid":false,"errors":[{"field":"title","message":"Field 'title' is required","code":"REQUIRED_FIELD_MISSING"},{"field":"rank","message":"Field 'rank' must be an integer","code":"INVALID_TYPE","value":"x"}],` +
				`"fieldErrors":{"rank":[{"field":"rank","message":"Field 'rank' must be an integer","code":"INVALID_TYPE","value":"x"}],"title":[{"field":"title","message":"Field 'title' is required","code":"REQUIRED_FIELD_MISSING"}]},` +
				`"data":{"id":"","title":"","slug":"","rank":5,"price":null,"state":"draft","shown":true,"at":null,"cover":"","meta":null,"ref":null,"created_at":"0001-01-01T00:00:00.000Z"}}`,
		},
		"no JSON": {
			`{`,
			`{"valid":false,"errors":[{"field":"_body","message":"Invalid JSON at byte 1: a key is missing","code":"INVALID_TYPE"}],"fieldErrors":{"_body":[{"field":"_body","message":"Invalid JSON at byte 1: a key is missing","code":"INVALID_TYPE"}]},"data":null}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(m.ValidateData([]byte(test.body)))
			if diff := cmp.Diff(test.want, string(got)); diff != "" || err != nil {
				t.Error(diff, err)
			}
			byName, err := json.Marshal(Catalogue{m.Schema()}.ValidateData("article", []byte(test.body)))
			if diff := cmp.Diff(test.want, string(byName)); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
	got, err := json.Marshal(Catalogue{m.Schema()}.ValidateData("user", []byte(`{}`)))
	const want = `{"field":"_model","message":"Model 'user' not found","code":"MODEL_NOT_FOUND"}`
	if string(got) != `{"valid":false,"errors":[`+want+`],"fieldErrors":{"_model":[`+want+`]},"data":null}` || err != nil {
		t.Errorf("%s %v", got, err)
	}
}

func TestErrorsAreProblemsForClients(t *testing.T) {
	t.Parallel()
	_, err := articles().Decode([]byte(`{"rank":"secret"}`))
	var p *clodo.Problem
	if !errors.As(fmt.Errorf("create: %w", err), &p) || p.Status != 422 {
		t.Fatalf("%v is answered with %v", err, p)
	}
	got, err := json.Marshal(p)
	want := `{"title":"Unprocessable Entity","status":422,"detail":"Validation failed: title: Field 'title' is required; rank: Field 'rank' must be an integer","code":"validation_failed",` +
		`"errors":[{"field":"title","code":"REQUIRED_FIELD_MISSING","message":"Field 'title' is required"},{"field":"rank","code":"INVALID_TYPE","message":"Field 'rank' must be an integer"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	_, err = articles().Decode([]byte(`{`))
	if p = nil; !errors.As(err, &p) || p.Status != 400 || p.Code != "invalid_json" {
		t.Errorf("%v is answered with %v", err, p)
	}
}

func TestWhatIsHiddenIsNotRequiredOfClients(t *testing.T) {
	t.Parallel()
	type account struct {
		Name string `data:"name,required"`
		Hash string `data:"hash,required,hidden"`
	}
	m := Define(Options[account]{})
	row, err := m.Decode([]byte(`{"name":"ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(row); wrongs(err) != "hash REQUIRED_FIELD_MISSING Field 'hash' is required\n" {
		t.Errorf("without a hash: %v", err)
	}
	if row.Hash = "h"; m.Validate(row) != nil {
		t.Error(m.Validate(row))
	}
}

func TestAMillionUnknownFieldsAreNotAllTold(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"title":"ok"`)
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"%d%s":0`, i, strings.Repeat("x", i%300))
	}
	b.WriteByte('}')
	_, err := articles().Decode([]byte(b.String()))
	var invalid *ValidationError
	if !errors.As(err, &invalid) || len(invalid.Errors) != maxErrors {
		t.Fatalf("%.200v", err)
	}
	for _, e := range invalid.Errors {
		if len(e.Field) > 100 {
			t.Errorf("a name of %d bytes is told", len(e.Field))
		}
	}
}
