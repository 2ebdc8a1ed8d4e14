package contracttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tamylaa/clodo/bindings/kv"
)

func kvCases() []Case {
	c := func(name, want string, do func(ctx context.Context, n *kv.Namespace) (any, error)) Case {
		return Case{name, want, func(ctx context.Context) (any, error) { return do(ctx, kv.Open("KV")) }, ""}
	}
	return []Case{
		c("a key without a value", `[true,true,true]`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			_, err := n.Get(ctx, "none")
			_, err2 := n.GetStream(ctx, "none")
			err3 := n.GetJSON(ctx, "none", new(int))
			return list{errors.Is(err, kv.ErrNotFound), errors.Is(err2, kv.ErrNotFound), errors.Is(err3, kv.ErrNotFound)}, nil
		}),
		c("a text", `"grüezi\u0000"`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			if err := n.PutText(ctx, "text", "grüezi\x00", kv.PutOptions{}); err != nil {
				return nil, err
			}
			return n.GetText(ctx, "text")
		}),
		c("nothing is a value too", `["",null]`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			if err := n.Put(ctx, "empty", nil, kv.PutOptions{}); err != nil {
				return nil, err
			}
			e, err := n.GetEntry(ctx, "empty")
			return list{string(e.Value), e.Metadata}, err
		}),
		c("JSON", `{"a":[1,2]}`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			if err := n.PutJSON(ctx, "json", map[string]any{"a": []int{1, 2}}, kv.PutOptions{}); err != nil {
				return nil, err
			}
			var v any
			return v, n.GetJSON(ctx, "json", &v)
		}),
		c("metadata", `["v",{"by":"ü"}]`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			if err := n.PutText(ctx, "meta/a", "v", kv.PutOptions{Metadata: map[string]string{"by": "ü"}}); err != nil {
				return nil, err
			}
			e, err := n.GetEntry(ctx, "meta/a")
			return list{string(e.Value), e.Metadata}, err
		}),
		c("keys with all kinds of characters", `"v"`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			key := "a/b?c=d&e#f%41 ü\"\\"
			if err := n.PutText(ctx, key, "v", kv.PutOptions{}); err != nil {
				return nil, err
			}
			v, err := n.GetText(ctx, key)
			return v, errors.Join(err, n.Delete(ctx, key))
		}),
		c("a large value is a stream both ways", `[3145728,true]`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			if err := n.PutStream(ctx, "large", io.LimitReader(&letters{}, 3<<20), kv.PutOptions{}); err != nil {
				return nil, err
			}
			s, err := n.GetStream(ctx, "large")
			if err != nil {
				return nil, err
			}
			defer s.Close()
			same, size := sameLetters(s)
			return list{size, same}, n.Delete(ctx, "large")
		}),
		c("many at once", `{"meta/a":"v","text":"grüezi\u0000"}`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			return n.GetMany(ctx, "text", "none", "meta/a")
		}),
		c("too many at once", `error: kv KV: KV GET_BULK failed: 400 You can request a maximum of 100 keys`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			return n.GetMany(ctx, strings.Split(strings.Repeat("k,", 100)+"k", ",")...)
		}),
		c("a list with a prefix, by pages", `[["meta/a","meta/b"],true,["meta/c"],true,[null,null,null]]`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			for _, k := range []string{"b", "c"} {
				if err := n.PutText(ctx, "meta/"+k, k, kv.PutOptions{}); err != nil {
					return nil, err
				}
			}
			first, err := n.List(ctx, kv.ListOptions{Prefix: "meta/", Limit: 2})
			if err != nil {
				return nil, err
			}
			second, err := n.List(ctx, kv.ListOptions{Prefix: "meta/", Limit: 2, Cursor: first.Cursor})
			return list{names(first.Keys), first.Cursor != "", names(second.Keys), second.Cursor == "", list{first.Keys[1].Metadata, second.Keys[0].Metadata, nil}}, err
		}),
		c("a list has metadata and expirations", `[{"by":"ü"},true]`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			at := time.Now().Add(time.Hour)
			if err := n.PutText(ctx, "expires", "v", kv.PutOptions{Expiration: at}); err != nil {
				return nil, err
			}
			meta, err := n.List(ctx, kv.ListOptions{Prefix: "meta/a"})
			if err != nil {
				return nil, err
			}
			page, err := n.List(ctx, kv.ListOptions{Prefix: "expires"})
			return list{meta.Keys[0].Metadata, page.Keys[0].Expiration.Unix() == at.Unix()}, err
		}),
		c("all keys", `["meta/a","meta/b","meta/c"]`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			var all []string
			for k, err := range n.Keys(ctx, "meta/") {
				if err != nil {
					return nil, err
				}
				all = append(all, k.Name)
			}
			return all, nil
		}),
		c("a time to live", `"v"`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			if err := n.PutText(ctx, "ttl", "v", kv.PutOptions{TTL: time.Minute}); err != nil {
				return nil, err
			}
			return n.Cached(time.Minute).GetText(ctx, "ttl")
		}),
		c("one that is too short", `true`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			return refusal(n.PutText(ctx, "ttl", "v", kv.PutOptions{TTL: time.Second}), "KV PUT failed: 400 Invalid expiration_ttl of 1. Expiration TTL must be at least 60.")
		}),
		c("a cache that is too short", `true`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			_, err := n.Cached(time.Second).Get(ctx, "text")
			return refusal(err, "KV GET failed: 400 Invalid cache_ttl of 1. Cache TTL must be at least 30.")
		}),
		c("a key that is too long", `true`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			_, err := n.Get(ctx, strings.Repeat("k", 513))
			return refusal(err, "KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.")
		}),
		c("no key", `true`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			_, err := n.Get(ctx, "")
			return refusal(err, "Key name cannot be empty.")
		}),
		c("a key that is no path", `true`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			return refusal(n.PutText(ctx, "..", "v", kv.PutOptions{}), `".." is not allowed as a key name.`)
		}),
		c("metadata that is too long", `true`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			return refusal(n.PutText(ctx, "k", "v", kv.PutOptions{Metadata: strings.Repeat("m", 1024)}), "KV PUT failed: 413 Metadata length of 1026 exceeds limit of 1024.")
		}),
		c("what was deleted is gone", `true`, func(ctx context.Context, n *kv.Namespace) (any, error) {
			err := errors.Join(n.Delete(ctx, "text"), n.Delete(ctx, "none"))
			_, gone := n.Get(ctx, "text")
			return errors.Is(gone, kv.ErrNotFound), err
		}),
	}
}

func names(keys []kv.Key) []string {
	all := []string{}
	for _, k := range keys {
		all = append(all, k.Name)
	}
	return all
}

// refusal reports whether err has those words at its end; if not it says which it has.
func refusal(err error, want string) (any, error) {
	if err != nil && strings.HasSuffix(err.Error(), want) {
		return true, nil
	}
	return nil, fmt.Errorf("%w, want …%s", err, want)
}

// letters are a to z, again and again.
type letters struct{ at int }

func (l *letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte('a' + l.at%26)
		l.at++
	}
	return len(p), nil
}

// sameLetters reads letters and reports whether they are those, and how many.
func sameLetters(r io.Reader) (same bool, size int) {
	part := make([]byte, 32<<10)
	for {
		n, err := r.Read(part)
		for _, c := range part[:n] {
			if c != byte('a'+size%26) {
				return false, size
			}
			size++
		}
		if err != nil {
			return errors.Is(err, io.EOF), size
		}
	}
}
