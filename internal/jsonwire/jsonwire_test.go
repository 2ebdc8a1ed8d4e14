package jsonwire

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decode reads any JSON as encoding/json does.
func decode(r *Reader) any {
	switch r.Peek() {
	case '{':
		all := map[string]any{}
		for ok := r.Begin('{'); ok; ok = r.More('}') {
			key := r.Key()
			all[key] = decode(r)
		}
		return all
	case '[':
		all := []any{}
		for ok := r.Begin('['); ok; ok = r.More(']') {
			all = append(all, decode(r))
		}
		return all
	case '"':
		return r.String()
	case 't', 'f':
		return r.Bool()
	case 'n':
		r.Null()
		return nil
	}
	return r.Float()
}

func read(text string) (any, error) {
	r := NewReader([]byte(text))
	v := decode(&r)
	r.End()
	return v, r.Err()
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e+3,true,false,null,"x\n\"\\\/\b\f\r\té\ud83d\ude00\ud83d"]}`, ` [ ] `, `{}`, `""`, `[1,]`, `{"a"}`, `01`, `-`, `1.`, `1e`, `"\x"`,
		`"\u12"`, `nul`, `[`, `{"a":1,}`, "\"\x01\"", `[1 2]`, `1e999`, `]`, ``, `"\ud83dA"`, "\"\xff\"", `{"a":{"b":[{}]}}`, "0\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := read(text)
		var want any
		wantErr := json.Unmarshal([]byte(text), &want)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v; encoding/json: %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again = bytes.ReplaceAll(again, []byte(`\ufffd`), []byte("\uFFFD")) // a Reader leaves what is not UTF-8
		if text, err := json.Marshal(want); err != nil || string(text) != string(again) {
			t.Errorf("%s, encoding/json has %s, %v", again, text, err)
		}
		// What is one value for the one way to read it is one for the other.
		r := NewReader([]byte(text))
		r.Skip()
		if r.End(); r.Err() != nil {
			t.Errorf("Skip: %v", r.Err())
		}
	})
}

func FuzzString(f *testing.F) {
	for _, seed := range []string{"", "a", "\"\\\n\r\t\x00\x1f", "é😀", "\xff\xc3", "</script>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written := AppendString(nil, s)
		var got string
		if err := json.Unmarshal(written, &got); err != nil || got != string([]rune(s)) {
			t.Errorf("%q is %s, read as %q, %v", s, written, got, err)
		}
		r := NewReader(written)
		if back := r.String(); back != got || r.Err() != nil {
			t.Errorf("read as %q, %v", back, r.Err())
		}
	})
}

func TestNumbersAreWrittenAsJavaScriptDoes(t *testing.T) {
	t.Parallel()
	got := map[float64]string{}
	for _, f := range []float64{0, 1, -1.5, 1e20, 1e21, 1e-6, 1e-7, math.Inf(1), math.MaxFloat64} {
		got[f] = string(AppendFloat(nil, f))
	}
	want := map[float64]string{
		0: "0", 1: "1", -1.5: "-1.5", 1e20: "100000000000000000000", 1e21: "1e+21", 1e-6: "0.000001", 1e-7: "1e-07",
		math.Inf(1): "null", math.MaxFloat64: "1.7976931348623157e+308",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := string(AppendBytes(nil, []byte{0, 255})); got != "[0,255]" {
		t.Error(got)
	}
}

func TestTheFirstErrorStays(t *testing.T) {
	t.Parallel()
	r := NewReader([]byte(`{"a": x, "b": 1}`))
	keys := 0
	for ok := r.Begin('{'); ok; ok = r.More('}') {
		r.Key()
		r.Int()
		keys++
	}
	if got := r.Err(); got == nil || got.Error() != "the JSON is broken at byte 6: a number expected" || keys != 1 {
		t.Errorf("%v after %d keys", got, keys)
	}
}
