package contracttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/bindings/ai"
	"github.com/tamylaa/clodo/bindings/analytics"
	"github.com/tamylaa/clodo/bindings/durable"
	"github.com/tamylaa/clodo/bindings/email"
	"github.com/tamylaa/clodo/bindings/queue"
	"github.com/tamylaa/clodo/bindings/ratelimit"
	"github.com/tamylaa/clodo/bindings/secret"
	"github.com/tamylaa/clodo/bindings/service"
	"github.com/tamylaa/clodo/bindings/vectorize"
	"github.com/tamylaa/clodo/bindings/version"
)

func queueCases() []Case {
	q := queue.Open("QUEUE")
	return []Case{
		{"a text, bytes and JSON", `true`, func(ctx context.Context) (any, error) {
			for _, m := range []queue.Message{queue.Text("grüezi"), queue.Bytes([]byte{0, 255}), queue.JSON(map[string]int{"a": 1}), queue.Text("later").After(time.Hour)} {
				if err := q.Send(ctx, m); err != nil {
					return nil, err
				}
			}
			return true, nil
		}, ""},
		{"a batch", `true`, func(ctx context.Context) (any, error) {
			return true, q.SendBatch(ctx, queue.Text("one"), queue.JSON("two"), queue.Bytes([]byte("three")).After(0))
		}, ""},
		{"a message that is too large", `true`, func(ctx context.Context) (any, error) {
			return refusal(q.Send(ctx, queue.Text(strings.Repeat("x", 128_001))), "message length of 128001 bytes exceeds limit of 128000 (10204)")
		}, ""},
		{"a delay that is too long", `true`, func(ctx context.Context) (any, error) {
			err := q.Send(ctx, queue.Text("x").After(48*time.Hour))
			return err != nil, nil
		}, ""},
		{"half a second", `error: queue QUEUE: a delay is in whole seconds, got 500ms`, func(ctx context.Context) (any, error) {
			return nil, q.Send(ctx, queue.Text("x").After(500*time.Millisecond))
		}, ""},
		{"what is no JSON", `error: queue QUEUE: message 1: json: unsupported type: chan int`, func(ctx context.Context) (any, error) {
			return nil, q.SendBatch(ctx, queue.JSON(make(chan int)))
		}, ""},
	}
}

func rateLimitCases() []Case {
	return []Case{
		{"a key may be used twice", `[true,true,false,true]`, func(ctx context.Context) (any, error) {
			l := ratelimit.Open("LIMIT")
			var all list
			for _, key := range []string{"a", "a", "a", "b"} {
				ok, err := l.Allow(ctx, key)
				if err != nil {
					return nil, err
				}
				all = append(all, ok)
			}
			return all, nil
		}, ""},
	}
}

func analyticsCases() []Case {
	d := analytics.Open("POINTS")
	return []Case{
		{"points", `true`, func(ctx context.Context) (any, error) {
			return true, d.Write(ctx, analytics.Point{Index: "a", Blobs: []string{"x", ""}, Doubles: []float64{1.5}}, analytics.Point{})
		}, ""},
		{"too many blobs", `error: analytics POINTS: data point 1: 21 blobs, and there can be 20`, func(ctx context.Context) (any, error) {
			return nil, d.Write(ctx, analytics.Point{Blobs: make([]string, 21)})
		}, ""},
	}
}

func versionCases() []Case {
	return []Case{
		{"it has an id and a time", `[true,true]`, func(ctx context.Context) (any, error) {
			m, err := version.Read(ctx, "VERSION")
			return list{m.ID != "", time.Since(m.Timestamp) < 10*time.Minute}, err
		}, ""},
	}
}

func secretCases() []Case {
	return []Case{
		{"a value", `"s3crét"`, func(ctx context.Context) (any, error) {
			return secret.Get(ctx, "SECRET")
		}, ""},
		{"a secret that is not there", `true`, func(ctx context.Context) (any, error) {
			_, err := secret.Get(ctx, "NO_SECRET")
			return refusal(err, `Secret "none" not found`)
		}, ""},
	}
}

func emailCases() []Case {
	s := email.Open("MAIL")
	m := email.Message{From: email.Address{Email: "shop@example.com", Name: "Shöp"}, To: []string{"ada@example.com"}, CC: []string{"Bob <bob@example.com>"}, Subject: "Grüezi", Text: "text", HTML: "<p>", Attachments: []email.Attachment{{Filename: "a.bin", Type: "application/octet-stream", Content: []byte{0, 255}}}}
	return []Case{
		{"a message", `true`, func(ctx context.Context) (any, error) {
			id, err := s.Send(ctx, m)
			return strings.HasSuffix(id, "@example.com>"), err
		}, ""},
		{"as it is", `"1@example.com"`, func(ctx context.Context) (any, error) {
			id, err := s.SendRaw(ctx, "shop@example.com", "ada@example.com", []byte("From: shop@example.com\r\nTo: ada@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: s\r\n\r\ntext\r\n"))
			return strings.Trim(id, "<>"), err
		}, ""},
		{"without a Message-ID", `true`, func(ctx context.Context) (any, error) {
			_, err := s.SendRaw(ctx, "shop@example.com", "ada@example.com", []byte("From: shop@example.com\r\n\r\ntext\r\n"))
			return refusal(err, "invalid message-id")
		}, ""},
		{"a sender who may not", `true`, func(ctx context.Context) (any, error) {
			_, err := email.Open("STRICT").Send(ctx, m)
			return refusal(err, "email from shop@example.com not allowed")
		}, ""},
		{"a recipient who may not", `true`, func(ctx context.Context) (any, error) {
			other := m
			other.From.Email = "only@example.com"
			_, err := email.Open("STRICT").Send(ctx, other)
			return refusal(err, "email to bob@example.com not allowed")
		}, ""},
		{"no recipient", `true`, func(ctx context.Context) (any, error) {
			none := m
			none.To, none.CC = nil, nil
			_, err := s.Send(ctx, none)
			return err != nil, nil
		}, ""},
	}
}

func aiCases() []Case {
	models := ai.Open("AI")
	return []Case{
		{"a model answers in JSON", `{"asked":"{\"prompt\":\"hi\"}","model":"@cf/some/model"}`, func(ctx context.Context) (any, error) {
			var answer any
			return answer, models.Run(ctx, "@cf/some/model", map[string]string{"prompt": "hi"}, &answer)
		}, ""},
		{"or in a stream", `"data: a\n\ndata: b\n\n"`, func(ctx context.Context) (any, error) {
			s, err := models.Stream(ctx, "@cf/some/stream", map[string]any{"stream": true})
			if err != nil {
				return nil, err
			}
			defer s.Close()
			b, err := io.ReadAll(s)
			return string(b), err
		}, ""},
		{"one that there is not", `true`, func(ctx context.Context) (any, error) {
			err := models.Run(ctx, "no model!", nil, new(any))
			return refusal(err, `5007: no such model: "no model!"`)
		}, ""},
		{"a gateway", `true`, func(ctx context.Context) (any, error) {
			err := models.Through("g").Run(ctx, "@cf/some/model", nil, new(any))
			return err != nil && strings.Contains(err.Error(), "5008: of the AI binding the local cloud has run only"), nil
		}, ""},
	}
}

func vectorizeCases() []Case {
	v := vectorize.Open("VECTORS")
	return []Case{
		{"vectors are found", `["x","y",1,{"n":1},null]`, func(ctx context.Context) (any, error) {
			if _, err := v.Upsert(ctx, vectorize.Vector{ID: "x", Values: []float32{1, 0, 0}, Metadata: map[string]any{"n": 1}}, vectorize.Vector{ID: "y", Values: []float32{0.5, 0.5, 0}}, vectorize.Vector{ID: "z", Values: []float32{0, 0, 1}, Namespace: "other"}); err != nil {
				return nil, err
			}
			m, err := v.Query(ctx, []float32{2, 0, 0}, vectorize.QueryOptions{TopK: 2, Metadata: "all"})
			if err != nil || len(m) != 2 {
				return len(m), err
			}
			return list{m[0].ID, m[1].ID, m[0].Score, m[0].Metadata, m[0].Values}, nil
		}, ""},
		{"by the id of one", `["z",[0,0,1]]`, func(ctx context.Context) (any, error) {
			m, err := v.QueryByID(ctx, "z", vectorize.QueryOptions{TopK: 1, Values: true, Namespace: "other"})
			if err != nil || len(m) != 1 {
				return m, err
			}
			return list{m[0].ID, m[0].Values}, nil
		}, ""},
		{"what is there is read and described", `["x,y",3,3]`, func(ctx context.Context) (any, error) {
			got, err := v.Get(ctx, "y", "none", "x")
			if err != nil {
				return nil, err
			}
			var ids []string
			for _, one := range got {
				ids = append(ids, one.ID)
			}
			slices.Sort(ids)
			d, err := v.Describe(ctx)
			return list{strings.Join(ids, ","), d.Dimensions, d.Vectors}, err
		}, ""},
		{"a vector that is too short", `true`, func(ctx context.Context) (any, error) {
			_, err := v.Insert(ctx, vectorize.Vector{ID: "w", Values: []float32{1}})
			return err != nil && strings.Contains(err.Error(), "VECTOR_INSERT_ERROR (code = "), nil
		}, ""},
		{"too many matches", `true`, func(ctx context.Context) (any, error) {
			_, err := v.Query(ctx, []float32{1, 0, 0}, vectorize.QueryOptions{TopK: 1000})
			return refusal(err, "VECTOR_QUERY_ERROR (code = 40025): invalid topK 1000: it is 1 to 100")
		}, ""},
		{"what was deleted is gone", `2`, func(ctx context.Context) (any, error) {
			if _, err := v.Delete(ctx, "x"); err != nil {
				return nil, err
			}
			d, err := v.Describe(ctx)
			return d.Vectors, err
		}, ""},
	}
}

func serviceCases() []Case {
	peer, admin := service.Open("PEER"), service.Open("ADMIN")
	send := func(ctx context.Context, to *service.Service, method, url, body string) (any, error) {
		r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("X-Asked", "1")
		res, err := to.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return list{res.StatusCode, res.Header.Get("X-Url"), res.Header.Get("X-Asked"), string(b)}, err
	}
	return []Case{
		{"a request arrives whole, and so does its answer", `[201,"https://peer.example/a%2Fb?q=1","1","POST body"]`, func(ctx context.Context) (any, error) {
			return send(ctx, peer, http.MethodPost, "https://peer.example/a%2Fb?q=1", "body")
		}, ""},
		{"a redirect is an answer", `[302,"https://peer.example/redirect","1",""]`, func(ctx context.Context) (any, error) {
			return send(ctx, peer, http.MethodPost, "https://peer.example/redirect", "")
		}, ""},
		{"a body of three megabytes", `[true,3145728]`, threeMegabytes(peer, "https://peer/echo"), ""},
		{"an entrypoint of its own", `[201,"http://admin.example/a%2Fb?q=1","1","Admin POST body"]`, func(ctx context.Context) (any, error) {
			return send(ctx, admin, http.MethodPost, "http://admin.example/a%2Fb?q=1", "body")
		}, ""},
		{"and its redirect", `[302,"https://admin/redirect","1",""]`, func(ctx context.Context) (any, error) {
			return send(ctx, admin, http.MethodGet, "https://admin/redirect", "")
		}, ""},
		{"and a body of three megabytes", `[true,3145728]`, threeMegabytes(admin, "https://peer/echo"), ""},
	}
}

// threeMegabytes go there and come back.
func threeMegabytes(to http.RoundTripper, url string) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, io.LimitReader(&letters{}, 3<<20))
		if err != nil {
			return nil, err
		}
		res, err := to.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		same, size := sameLetters(res.Body)
		return list{same, size}, nil
	}
}

// durableCases call an object of the class Room, which counts its requests.
func durableCases() []Case {
	rooms := durable.Open("ROOMS")
	const alone = `error: durable ROOMS: the class Room of the Worker "peer" runs on workerd, which is not here`
	join := func(ctx context.Context, o *durable.Object) (any, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/join", strings.NewReader("body"))
		if err != nil {
			return nil, err
		}
		res, err := o.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return list{res.StatusCode, string(b)}, err
	}
	// refused is the words of a call's error, whatever is told before them.
	refused := func(err error) (any, error) {
		var e *durable.Error
		if !errors.As(err, &e) {
			return nil, err
		}
		return e.Message, nil
	}
	const aloneMessage = `"the class Room of the Worker \"peer\" runs on workerd, which is not here"`
	return []Case{
		{"an object by its name", `[202,"POST https://service/join body 1"]`, func(ctx context.Context) (any, error) { return join(ctx, rooms.Name("löbby")) }, alone},
		{"the same by its id", `[202,"POST https://service/join body 2"]`, func(ctx context.Context) (any, error) {
			id, err := rooms.IDFromName(ctx, "löbby")
			if err != nil {
				return nil, err
			}
			return join(ctx, rooms.ID(id))
		}, alone},
		{"a new one", `[202,"POST https://service/join body 1"]`, func(ctx context.Context) (any, error) {
			id, err := rooms.NewID(ctx, "")
			if err != nil {
				return nil, err
			}
			return join(ctx, rooms.Near("weur").ID(id))
		}, alone},
		{"no two new ones are the same", `[64,false]`, func(ctx context.Context) (any, error) {
			a, err := rooms.NewID(ctx, "")
			b, err2 := rooms.NewID(ctx, "")
			return list{len(a), a == b}, errors.Join(err, err2)
		}, alone + "\n" + strings.TrimPrefix(alone, "error: ")},
		{"a body of three megabytes", `[true,3145728]`, threeMegabytes(rooms.Name("echo"), "https://room/echo"), alone},
		{"an id that is none", `"Invalid Durable Object ID: must be 64 hex digits"`, func(ctx context.Context) (any, error) {
			_, err := join(ctx, rooms.ID("x"))
			return refused(err)
		}, aloneMessage},
		{"a jurisdiction, of which this machine has none", `"Jurisdiction restrictions are not implemented in workerd."`, func(ctx context.Context) (any, error) {
			_, err := rooms.NewID(ctx, "eu")
			return refused(err)
		}, aloneMessage},
		{"what the object throws", `"the room is full"`, func(ctx context.Context) (any, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://room/full", nil)
			if err != nil {
				return nil, err
			}
			_, err = rooms.Name("full").RoundTrip(r)
			return refused(err)
		}, aloneMessage},
	}
}
