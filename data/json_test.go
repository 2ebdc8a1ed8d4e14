package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type looseRow struct {
	Text  string          `data:"text"`
	Real  *float64        `data:"real"`
	Whole *int64          `data:"whole"`
	Flag  *bool           `data:"flag"`
	Meta  json.RawMessage `data:"meta"`
}

// likeEncodingJSON holds a decoding against encoding/json: the same texts are JSON, and
// what both take has the same values.
func likeEncodingJSON(t interface {
	Fatalf(string, ...any)
}, m *Model[looseRow], body []byte,
) {
	var std map[string]json.RawMessage
	object := json.Unmarshal(body, &std) == nil && std != nil
	got, err := m.Decode(body)
	var broken *SyntaxError
	if errors.As(err, &broken) {
		if broken.Offset < 0 || broken.Offset > len(body) {
			t.Fatalf("%q breaks at byte %d", body, broken.Offset)
		}
		if object && !strings.HasPrefix(broken.Message, "a key is there twice") && broken.Message != "arrays and objects lie too deep in each other" {
			t.Fatalf("%q is JSON, and was refused: %v", body, err)
		}
		return
	}
	if !object {
		t.Fatalf("%q is no JSON object, and was taken: %v", body, err)
	}
	wrong := map[string]string{}
	var invalid *ValidationError
	if errors.As(err, &invalid) {
		for _, e := range invalid.Errors {
			wrong[e.Field] = e.Code
		}
		got = m.ValidateData(body).Data
	}
	for name, raw := range std {
		i, known := m.schema.Column(name)
		if !known {
			if field := name[:min(100, len(name))]; wrong[field] != UnknownField && len(wrong) < maxErrors {
				t.Fatalf("%q: %q is not told to be unknown: %v", body, name, err)
			}
			continue
		}
		var want any
		if err := json.Unmarshal(raw, &want); err != nil {
			if _, infinite := strconv.ParseFloat(string(raw), 64); infinite != nil && wrong[name] != "" {
				continue // a number larger than any other
			}
			if name != "meta" { // of numbers in there nobody asks for the size
				t.Fatalf("%q: %v", body, err)
			}
			continue
		}
		value, code := m.schema.value(rowOf(got), i), wrong[name]
		switch want := want.(type) {
		case string:
			if name == "text" && (code != "" || value != strings.TrimSpace(want)) {
				t.Fatalf("%q: the text is %q (%s), encoding/json has %q", body, value, code, want)
			}
		case float64:
			switch {
			case name == "real" && (code != "" || value != want),
				name == "whole" && code == "" && float64(value.(int64)) != want,
				name == "whole" && (code == InvalidType) != (want != math.Trunc(want)),
				(name == "text" || name == "flag") && code != InvalidType:
				t.Fatalf("%q: %s is %v (%s), encoding/json has %v", body, name, value, code, want)
			}
		case bool:
			if name == "flag" && (code != "" || (value == int64(1)) != want) || name != "flag" && name != "meta" && code != InvalidType {
				t.Fatalf("%q: %s is %v (%s), encoding/json has %v", body, name, value, code, want)
			}
		}
		if name == "meta" && string(raw) != "null" {
			var a, b any
			if err := errors.Join(json.Unmarshal(raw, &a), json.Unmarshal(got.Meta, &b)); err != nil || !cmp.Equal(a, b) {
				t.Fatalf("%q: meta is %q: %v", body, got.Meta, err)
			}
		}
	}
}

func TestJSONIsReadAsEncodingJSONReadsIt(t *testing.T) {
	t.Parallel()
	m := Define(Options[looseRow]{})
	scalar := rapid.SampledFrom([]string{
		`null`, `true`, `false`, `0`, `-0`, `1`, `-12`, `1.5`, `1e3`, `-2.5E-3`, `123456789012345678`, `9007199254740993`, `1e400`, `0.1`, `01`, `1.`, `.5`, `-`, `+1`, `1e`,
		`""`, `"a"`, `" a "`, `"\u00e9"`, `"é"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\udc00x"`, `"\n\t\"\\\/"`, `"\x"`, `"\u12"`, "\"a\nb\"", "\"\xff\xfe\"", `"😀"`, `"5"`, `"x`, `nul`, `NaN`,
	})
	var value func(depth int) *rapid.Generator[string]
	object := func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			var b strings.Builder
			b.WriteByte('{')
			for i := range rapid.IntRange(0, 6).Draw(t, "members") {
				if i > 0 {
					b.WriteString(rapid.SampledFrom([]string{",", " , ", ",", ",", ",", ",,", ""}).Draw(t, "comma"))
				}
				b.WriteString(rapid.SampledFrom([]string{`"text"`, `"real"`, `"whole"`, `"flag"`, `"meta"`, `"\u0074ext"`, `"x"`, `"é"`, ` "text" `, `text`, `"longer"`}).Draw(t, "key"))
				b.WriteString(rapid.SampledFrom([]string{":", " : ", ":", ":", ":", ""}).Draw(t, "colon"))
				b.WriteString(value(depth-1).Draw(t, "value"))
			}
			return b.String() + rapid.SampledFrom([]string{"}", " }", "}", "}", "}", "", ",}", "]"}).Draw(t, "end")
		})
	}
	value = func(depth int) *rapid.Generator[string] {
		if depth <= 0 {
			return scalar
		}
		return rapid.OneOf(scalar, scalar, object(depth), rapid.Custom(func(t *rapid.T) string {
			return "[" + strings.Join(rapid.SliceOfN(value(depth-1), 0, 3).Draw(t, "items"), ",") + "]"
		}))
	}
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "before") + object(3).Draw(t, "object") + rapid.SampledFrom([]string{"", "", "", " ", "x", "{}"}).Draw(t, "after")
		likeEncodingJSON(t, m, []byte(body))
	})
}

func FuzzDecode(f *testing.F) {
	m := Define(Options[looseRow]{})
	strict := articles()
	for _, body := range []string{
		`{"text":"a","real":1.5,"whole":"7","flag":true,"meta":{"a":[1,{"b":null}]}}`, `{"text":"\ud83d\ude00\u0000","x":1}`, `[1]`, `{"text":1e5}`,
		`{"title":"ok","at":"2026-01-31T12:00:00Z","cover":"AAAA","ref":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","state":"live"}`, "{\"text\":\"\xff\"}", `{"whole":-9223372036854775808}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		likeEncodingJSON(t, m, body)
		row, err := strict.Decode(body)
		if err != nil {
			return
		}
		// What was taken is right when it is looked at again, and survives its own JSON.
		if err := strict.Validate(row); err != nil {
			t.Fatalf("%q was taken, and is wrong: %v", body, err)
		}
		told := strict.AppendJSON(nil, row, strict.Schema().All())
		if !json.Valid(told) {
			t.Fatalf("%q became %q, which is no JSON", body, told)
		}
		again, err := strict.Decode(told)
		if err != nil {
			t.Fatalf("%q became %s: %v", body, told, err)
		}
		if twice := strict.AppendJSON(nil, again, strict.Schema().All()); !bytes.Equal(told, twice) {
			t.Fatalf("%q became %s and then %s", body, told, twice)
		}
	})
}

func TestTextIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		want, err := json.Marshal(s)
		if got := appendText(nil, s); err != nil || !bytes.Equal(want, got) {
			t.Fatalf("%q is %s, encoding/json has %s", s, got, want)
		}
		v := rapid.Float64().Draw(t, "number")
		if want, err = json.Marshal(v); err == nil && !bytes.Equal(want, appendFloat(nil, v)) {
			t.Fatalf("%v is %s, encoding/json has %s", v, appendFloat(nil, v), want)
		}
	})
}
