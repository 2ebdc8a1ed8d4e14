package openapitest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFaultsOfTheGeneratorAreRepaired(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"a type that does not exist becomes any value", `{"type":"unknown"}`, `{"nullable":true}`},
		{"names twice in required are there once", `{"required":["a","b","a"]}`, `{"required":["a","b"]}`},
		{"null beside a reference is moved into it", `{"$ref":"#/x","nullable":true}`, `{"nullable":true,"anyOf":[{"$ref":"#/x"},{"nullable":true,"enum":[null]}]}`},
		{"so is being read only", `{"$ref":"#/x","readOnly":true,"description":"-"}`, `{"allOf":[{"$ref":"#/x"}],"readOnly":true}`},
		{"a property may be called like a word of the document", `{"properties":{"required":{"type":"unknown"},"enum":{"type":"string"}}}`, `{"properties":{"required":{"nullable":true},"enum":{"type":"string"}}}`},
		{"values are left alone", `{"enum":[{"type":"unknown"}]}`, `{"enum":[{"type":"unknown"}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(parsed(t, tt.want), repaired(parsed(t, tt.in), false)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCorrectionsLandWhereTheyPointOrFail(t *testing.T) {
	t.Parallel()
	const doc = `{"a":{"b/c":1},"list":[1,2]}`
	tests := []struct {
		name, at, want string // want is the document, or "!" and part of the error
		remove         bool
	}{
		{"a value is replaced", "/a/b~1c", `{"a":{"b/c":9},"list":[1,2]}`, false},
		{"a value is removed", "/a/b~1c", `{"a":{},"list":[1,2]}`, true},
		{"an element is replaced", "/list/1", `{"a":{"b/c":1},"list":[1,9]}`, false},
		{"an element is appended", "/list/-", `{"a":{"b/c":1},"list":[1,2,9]}`, false},
		{"a path that is gone is an error", "/x/y", "!nothing there", false},
		{"an element that is gone is an error", "/list/7", "!no element", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := parsed(t, doc)
			err := correct(got, strings.Split(tt.at, "/")[1:], 9.0, tt.remove)
			if part, wrong := strings.CutPrefix(tt.want, "!"); wrong {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q", err, part)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parsed(t, tt.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACorrectionThatHasBecomeSuperfluousIsAnError(t *testing.T) {
	t.Parallel()
	err := correct(parsed(t, `{"a":9}`), []string{"a"}, 9.0, false)
	if err == nil || !strings.Contains(err.Error(), "says so itself") {
		t.Errorf("got %v, want the remark that it is superfluous", err)
	}
}

func TestAnSDKWithoutTheDocumentIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scripts", "mock"), []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded(dir); err == nil || !strings.Contains(err.Error(), "holds no OpenAPI document") {
		t.Errorf("got %v", err)
	}
}
