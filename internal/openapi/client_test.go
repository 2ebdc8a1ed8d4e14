package openapi_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/openapi/testdata/shop"
)

// handler answers as a Transport, without a network.
type handler func(http.ResponseWriter, *http.Request)

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil { // as clients may leave it, and servers never see it
		r.Body = http.NoBody
	}
	h(w, r)
	return w.Result(), nil
}

// The client of testdata/shop.yaml, which TestClientsAreAsBefore keeps as it is made.
func TestAClientSendsWhatItsDocumentSays(t *testing.T) {
	t.Parallel()
	var sent []string
	c := shop.New("https://shop.example/", handler(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = append(sent, strings.TrimSpace(strings.Join([]string{r.Method, r.URL.String(), r.Header.Get("If-Match"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}, " ")))
		w.Header().Set("ETag", `"7"`)
		switch r.Method {
		case http.MethodGet:
			_, _ = io.WriteString(w, `{"items":[{"id":"1","created_at":"2026-11-01T10:00:00Z","maker":null,"note":null}],"next":null}`)
		case http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = io.WriteString(w, `{"id":"1","created_at":"2026-11-01T10:00:00Z"}`)
		}
	}))
	c.Header = http.Header{"authorization": {"Bearer x"}}
	var etag string
	c.Answered = func(res *http.Response) { etag = res.Header.Get("ETag") }

	page, err := c.ListItems(t.Context(), shop.ListItemsParams{Limit: new(int64(5)), Tag: []string{"a b", "c"}, Fields: []shop.FieldName{shop.FieldNameID, shop.FieldNameName}})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 1 || page.Next != nil || page.Items[0].Maker != nil || !page.Items[0].Note.Set || page.Items[0].Note.Value != nil || page.Items[0].Parent.Set {
		t.Errorf("got %+v", page)
	}
	_, err = c.ChangeItem(t.Context(), "a/b", shop.ChangeItemParams{IfMatch: &etag}, shop.ItemChange{Note: shop.Optional[string]{Set: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteItem(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	if err := c.PutPicture(t.Context(), "1", "small", strings.NewReader("png")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET https://shop.example/v1/items?fields=id%2Cname&in-stock=false&limit=5&tag=a+b&tag=c  Bearer x",
		`PATCH https://shop.example/v1/items/a%2Fb "7" Bearer x application/json {"note":null}`,
		"DELETE https://shop.example/v1/items/1  Bearer x",
		"PUT https://shop.example/v1/items/1/pictures/small  Bearer x image/png png",
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
}

func TestAFieldMayBeAbsentNullOrAValue(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]shop.ItemChange{
		`{}`:                         {},
		`{"note":null}`:              {Note: shop.Optional[string]{Set: true}},
		`{"note":"a","tags":[]}`:     {Note: shop.Some("a"), Tags: []string{}},
		`{"name":"","tags":["one"]}`: {Name: new(""), Tags: []string{"one"}},
	} {
		got, err := json.Marshal(change)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
		var back shop.ItemChange
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(change, back); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAFailureIsAnError(t *testing.T) {
	t.Parallel()
	c := shop.New("http://service", handler(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"title":"Unprocessable Entity","status":422,"detail":"It is wrong.","code":"invalid","errors":[{"field":"name","code":"required","message":"Name is required"}]}`)
	}))
	_, err := c.CreateItem(t.Context(), shop.CreateItemParams{}, shop.NewItem{})
	failure, ok := errors.AsType[*shop.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if failure.Error() != "422 Unprocessable Entity: It is wrong." || failure.Code != "invalid" || len(failure.Fields) != 1 || failure.Fields[0].Field != "name" || len(failure.Body) == 0 {
		t.Errorf("got %+v", failure)
	}
}

// Such a part would be taken out of the address, and another operation be called.
func TestAPartOfAPathStaysOne(t *testing.T) {
	t.Parallel()
	c := shop.New("http://service", handler(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	for _, id := range []string{"", ".", ".."} {
		if err := c.DeleteItem(t.Context(), id); err == nil {
			t.Errorf("%q is taken as a part of a path", id)
		}
	}
}
