// A data service that the tests run on the real runtime.
package main

import (
	"log"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/data"
)

type author struct {
	_     data.Table `data:"authors"`
	ID    int64      `data:"id,key"`
	Email string     `data:"email,required,unique,pattern=email"`
	Books []book     `data:"books,hasMany=author_id"`
}

type book struct {
	_         data.Table `data:"books,index=author_id"`
	ID        string     `data:"id,key"`
	AuthorID  int64      `data:"author_id,required"`
	Title     string     `data:"title,required,max=100"`
	Price     *float64   `data:"price,min=0"`
	CreatedAt time.Time  `data:"created_at,created"`
	Version   int        `data:"version,version"`
	Author    *author    `data:"author,belongsTo=author_id"`
}

func main() {
	db := d1.Open("DB")
	cache := data.NewCache(data.CacheOptions{})
	authors := data.NewStore(data.Define(data.Options[author]{}), db, data.StoreOptions{})
	books := data.NewStore(data.Define(data.Options[book]{}), db, data.StoreOptions{Cache: cache, CursorKey: []byte("a key of the test")})
	app := clodo.NewRouter()
	app.Use(clodo.RequestID, data.Sessions(db))
	endpoints := []*data.Endpoint{
		data.Resource(app, "/authors", authors, data.ResourceOptions{Include: []string{"books"}}),
		data.Resource(app, "/books", books, data.ResourceOptions{Include: []string{"author"}}),
	}
	app.Handle("GET /openapi.json", data.OpenAPI(data.Info{Title: "Books"}, endpoints...))
	log.Fatal(clodo.Serve(app))
}
