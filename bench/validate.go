package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"

	"github.com/tamylaa/clodo/data"
)

// signUp is a body with ten fields, under the rules of both contestants.
type signUp struct {
	Email    string  `data:"email,required,max=200,pattern=email" json:"email" validate:"required,max=200,email"`
	Name     string  `data:"name,required,min=2,max=80" json:"name" validate:"required,min=2,max=80"`
	Age      int     `data:"age,required,min=18,max=150" json:"age" validate:"required,min=18,max=150"`
	Score    float64 `data:"score,min=0,max=100" json:"score" validate:"min=0,max=100"`
	Role     string  `data:"role,required,enum=admin|editor|viewer" json:"role" validate:"required,oneof=admin editor viewer"`
	Active   bool    `data:"active" json:"active"`
	Website  string  `data:"website,required,pattern=url" json:"website" validate:"required,http_url"`
	City     string  `data:"city,required,max=80" json:"city" validate:"required,max=80"`
	Postcode string  `data:"postcode,required,pattern=digits" json:"postcode" validate:"required,numeric"`
	Team     string  `data:"team,required,uuid" json:"team" validate:"required,uuid"`
}

// Two bodies: one that is right, with the row that it is, and one whose wrongFields are
// wrong.
const (
	rightBody = `{"email":"ada@mail.example","name":"Ada Lovelace","age":36,"score":97.5,"role":"editor","active":true,` +
		`"website":"https://ada.example/notes","city":"London","postcode":"10115","team":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}`
	wrongBody = `{"email":"ada.mail.example","name":"A","age":7,"score":97.5,"role":"queen","active":true,` +
		`"website":"ada","city":"London","postcode":"10115","team":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}`
	wrongFields = "email name age role website"
)

func rightRow() signUp {
	return signUp{"ada@mail.example", "Ada Lovelace", 36, 97.5, "editor", true, "https://ada.example/notes", "London", "10115", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}
}

// decodes gives calls that read body with ours, and have the row want or, if that is
// nil, as many errors as there are wrongFields.
func decodes(body []byte, want *signUp) func(int) bool {
	model := data.Define(data.Options[signUp]{})
	errorsWanted := len(strings.Fields(wrongFields))
	return func(int) bool {
		row, err := model.Decode(body)
		if want != nil {
			return err == nil && *row == *want
		}
		var invalid *data.ValidationError
		return errors.As(err, &invalid) && len(invalid.Errors) == errorsWanted
	}
}

// validate compares reading and checking a body in one pass with encoding/json and
// go-playground/validator after it.
func (l *lab) validate(ctx context.Context) error {
	peer, right := validator.New(validator.WithRequiredStructEnabled()), rightRow()
	for _, c := range []struct {
		what, body string
		want       *signUp
	}{{"valid", rightBody, &right}, {"with 5 errors", wrongBody, nil}} {
		body := []byte(c.body)
		ours := decodes(body, c.want)
		theirs := func(int) bool {
			var row signUp
			if err := json.Unmarshal(body, &row); err != nil {
				return false
			}
			err := peer.Struct(&row)
			if c.want != nil {
				return err == nil && row == *c.want
			}
			var invalid validator.ValidationErrors
			return errors.As(err, &invalid) && len(invalid) == len(strings.Fields(wrongFields))
		}
		row := result{what: "JSON to a struct of 10 fields, checked: " + c.what, unit: "ns", peer: "encoding/json + go-playground/validator", goal: 3}
		for range l.rounds {
			a, err := perCall(ctx, 1, ours)
			if err != nil {
				return fmt.Errorf("%s: %w", row.what, err)
			}
			b, err := perCall(ctx, 1, theirs)
			if err != nil {
				return fmt.Errorf("%s by %s: %w", row.what, row.peer, err)
			}
			row.ours, row.theirs = append(row.ours, a), append(row.theirs, b)
		}
		l.add(row)
		l.add(result{
			what: row.what + ", allocations", ours: series{testing.AllocsPerRun(100, func() { ours(0) })},
			peer: row.peer, theirs: series{testing.AllocsPerRun(100, func() { theirs(0) })},
		})
	}
	return nil
}
