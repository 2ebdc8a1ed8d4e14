package main

import (
	"context"
	"encoding/json"
	"strings"
)

// originalValidation compares reading and checking a body of ten fields.
func (l *lab) originalValidation(ctx context.Context, o *original) error {
	right := rightRow()
	row, err := json.Marshal(right)
	if err != nil {
		return err
	}
	for _, d := range []duel{
		{
			result: result{what: "JSON of 10 fields, checked: valid", unit: "ns"},
			with:   map[string]any{"body": rightBody, "row": json.RawMessage(row)},
			ours:   decodes([]byte(rightBody), &right),
		},
		{
			result: result{what: "JSON of 10 fields, checked: with 5 errors", unit: "ns"},
			with:   map[string]any{"body": wrongBody, "wrong": strings.Fields(wrongFields)},
			ours:   decodes([]byte(wrongBody), nil),
		},
	} {
		d.kind, d.calls = "validate", 1
		if err := l.fight(ctx, o, d); err != nil {
			return err
		}
	}
	return nil
}
