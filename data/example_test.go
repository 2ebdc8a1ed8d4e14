package data_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/data"
)

type User struct {
	_         data.Table `data:"users,index=team_id+created_at"`
	ID        string     `data:"id,key,uuid"`
	Email     string     `data:"email,required,unique,max=200,pattern=email"`
	Name      string     `data:"name,required,min=2,max=80"`
	Age       *int       `data:"age,min=13,max=150"`
	Role      string     `data:"role,enum=admin|member,default=member"`
	Password  string     `data:"password_hash,hidden"`
	TeamID    *string    `data:"team_id,uuid"`
	Team      *Team      `data:"team,belongsTo=team_id,onDelete=set null"`
	CreatedAt time.Time  `data:"created_at,created"`
	UpdatedAt time.Time  `data:"updated_at,updated"`
	Version   int        `data:"version,version"`
	DeletedAt *time.Time `data:"deleted_at,deleted"`
}

type Team struct {
	_     data.Table `data:"teams"`
	ID    string     `data:"id,key,uuid"`
	Name  string     `data:"name,required,unique"`
	Users []User     `data:"users,hasMany=team_id"`
}

var users = data.Define(data.Options[User]{
	Rules: []data.Rule[User]{{
		Name: "admins are adults", Field: "age",
		Check: func(u *User) error {
			if u.Role == "admin" && u.Age != nil && *u.Age < 18 {
				return errors.New("An admin is at least 18 years old")
			}
			return nil
		},
	}},
})

func ExampleModel_Decode() {
	u, err := users.Decode([]byte(`{"email": " ada@mail.example ", "name": "Ada", "age": "36"}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(u.Email, *u.Age, u.Role)

	_, err = users.Decode([]byte(`{"email": "ada", "age": 7, "nmae": "Ada"}`))
	fmt.Println(err)
	var invalid *data.ValidationError
	if errors.As(err, &invalid) {
		for _, e := range invalid.Errors {
			fmt.Println(e.Field, e.Code)
		}
	}
	// Output:
	// ada@mail.example 36 member
	// Validation failed: name: Field 'name' is required; email: Field 'email' does not match required pattern; age: Field 'age' must be at least 13; nmae: Field 'nmae' is unknown
	// name REQUIRED_FIELD_MISSING
	// email PATTERN_MISMATCH
	// age RANGE_VIOLATION
	// nmae UNKNOWN_FIELD
}

func ExampleModel_AppendJSON() {
	app := clodo.NewRouter()
	app.Route("POST /users", func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		u, err := users.Decode(body)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		_, err = w.Write(users.AppendJSON(nil, u, users.Schema().All()))
		return err
	})
	for _, body := range []string{`{"email": "ada@mail.example", "name": "Ada"}`, `{"email": "ada@mail.example"}`, `{"email"`} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("POST", "/users", strings.NewReader(body)))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"id":"","email":"ada@mail.example","name":"Ada","age":null,"role":"member","team_id":null,"created_at":"0001-01-01T00:00:00.000Z","updated_at":"0001-01-01T00:00:00.000Z","version":0,"deleted_at":null}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"Validation failed: name: Field 'name' is required","code":"validation_failed","errors":[{"field":"name","code":"REQUIRED_FIELD_MISSING","message":"Field 'name' is required"}]}
	// 400 {"title":"Bad Request","status":400,"detail":"Invalid JSON at byte 8: a colon is missing","code":"invalid_json"}
}

func ExampleModel_DecodePatch() {
	u := User{Email: "ada@mail.example", Name: "Ada", Role: "member"}
	given, err := users.DecodePatch([]byte(`{"role": "admin"}`), &u)
	if err != nil {
		panic(err)
	}
	for i, c := range users.Schema().Columns {
		if given.Has(i) {
			fmt.Println(c.Name, "is", u.Role)
		}
	}
	// Output: role is admin
}

func ExampleDDL() {
	for _, statement := range data.DDL(users.Schema()) {
		fmt.Println(statement + ";")
	}
	// Output:
	// CREATE TABLE "users" (
	//   "id" TEXT NOT NULL PRIMARY KEY,
	//   "email" TEXT NOT NULL,
	//   "name" TEXT NOT NULL,
	//   "age" INTEGER,
	//   "role" TEXT NOT NULL DEFAULT 'member' CHECK ("role" IN ('admin', 'member')),
	//   "password_hash" TEXT NOT NULL DEFAULT '',
	//   "team_id" TEXT REFERENCES "teams" ("id") ON DELETE SET NULL,
	//   "created_at" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
	//   "updated_at" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
	//   "version" INTEGER NOT NULL DEFAULT 0,
	//   "deleted_at" TEXT
	// );
	// CREATE UNIQUE INDEX "users_email_unique" ON "users" ("email");
	// CREATE INDEX "users_team_id_created_at_index" ON "users" ("team_id", "created_at");
	// CREATE TABLE "teams" (
	//   "id" TEXT NOT NULL PRIMARY KEY,
	//   "name" TEXT NOT NULL
	// );
	// CREATE UNIQUE INDEX "teams_name_unique" ON "teams" ("name");
}
