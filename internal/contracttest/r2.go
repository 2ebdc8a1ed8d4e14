package contracttest

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/tamylaa/clodo/bindings/r2"
)

func r2Cases() []Case {
	c := func(name, want string, do func(ctx context.Context, b *r2.Bucket) (any, error)) Case {
		return Case{name, want, func(ctx context.Context) (any, error) { return do(ctx, r2.Open("BUCKET")) }, ""}
	}
	get := func(ctx context.Context, b *r2.Bucket, key string, o r2.GetOptions) (any, error) {
		content, err := b.Get(ctx, key, o)
		if err != nil {
			return nil, err
		}
		defer content.Body.Close()
		text, err := io.ReadAll(content.Body)
		return list{string(text), content.Offset, content.Length, content.Size}, err
	}
	return []Case{
		c("an object that is not there", `[true,true]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			_, err := b.Head(ctx, "none")
			_, err2 := b.Get(ctx, "none", r2.GetOptions{})
			return list{errors.Is(err, r2.ErrNotFound), errors.Is(err2, r2.ErrNotFound)}, nil
		}),
		c("put tells what it stored", `["a/b ü.txt",5,"5d41402abc4b2a76b9719d911017c592","\"5d41402abc4b2a76b9719d911017c592\"","5d41402abc4b2a76b9719d911017c592","Standard",true]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			o, err := b.Put(ctx, "a/b ü.txt", strings.NewReader("hello"), r2.PutOptions{
				HTTP:   r2.HTTPMetadata{ContentType: "text/plain", CacheControl: "max-age=60", CacheExpiry: time.UnixMilli(1_800_000_000_000)},
				Custom: map[string]string{"by": "Ada", "ü": "ö"},
			})
			if err != nil {
				return nil, err
			}
			return list{o.Key, o.Size, o.ETag, o.HTTPETag(), o.Checksums.MD5, o.StorageClass, time.Since(o.Uploaded) < time.Minute}, nil
		}),
		c("head tells all of it", `[{"contentType":"text/plain","cacheControl":"max-age=60"},1800000000000,{"by":"Ada","ü":"ö"}]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			o, err := b.Head(ctx, "a/b ü.txt")
			if err != nil {
				return nil, err
			}
			return list{o.HTTP, o.HTTP.CacheExpiry.UnixMilli(), o.Custom}, nil
		}),
		c("get", `["hello",0,5,5]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			return get(ctx, b, "a/b ü.txt", r2.GetOptions{})
		}),
		c("a range", `["ell",1,3,5]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			return get(ctx, b, "a/b ü.txt", r2.GetOptions{Range: r2.Range{Offset: 1, Length: 3}})
		}),
		c("the rest", `["llo",2,3,5]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			return get(ctx, b, "a/b ü.txt", r2.GetOptions{Range: r2.Range{Offset: 2}})
		}),
		c("the end", `["lo",3,2,5]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			return get(ctx, b, "a/b ü.txt", r2.GetOptions{Range: r2.Range{Suffix: 2}})
		}),
		c("a range that is not there", `true`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			_, err := get(ctx, b, "a/b ü.txt", r2.GetOptions{Range: r2.Range{Offset: 9, Length: 1}})
			return refusal(err, "get: The requested range is not satisfiable (10039)")
		}),
		c("a condition that holds", `["hello",0,5,5]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			return get(ctx, b, "a/b ü.txt", r2.GetOptions{OnlyIf: r2.Condition{ETagMatches: "5d41402abc4b2a76b9719d911017c592", UploadedAfter: time.Unix(1, 0)}})
		}),
		c("one that does not", `[true,"a/b ü.txt",true]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			o, err := b.Get(ctx, "a/b ü.txt", r2.GetOptions{OnlyIf: r2.Condition{ETagDoesNotMatch: "5d41402abc4b2a76b9719d911017c592"}})
			if !errors.Is(err, r2.ErrPrecondition) {
				return nil, err
			}
			return list{true, o.Key, o.Body == nil}, nil
		}),
		c("put with a condition", `true`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			_, err := b.Put(ctx, "a/b ü.txt", strings.NewReader("x"), r2.PutOptions{OnlyIf: r2.Condition{ETagMatches: "other"}})
			return errors.Is(err, r2.ErrPrecondition), nil
		}),
		c("a checksum that is wrong", `true`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			_, err := b.Put(ctx, "sum", strings.NewReader("x"), r2.PutOptions{Checksums: r2.Checksums{MD5: "5d41402abc4b2a76b9719d911017c592"}})
			return err != nil && strings.Contains(err.Error(), "(10037)"), nil
		}),
		c("a checksum that is right", `"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			o, err := b.Put(ctx, "sum", strings.NewReader("hello"), r2.PutOptions{Checksums: r2.Checksums{SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}})
			if err != nil {
				return nil, err
			}
			return o.Checksums.SHA256, nil
		}),
		c("an empty object", `["",0,0,0]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			if _, err := b.Put(ctx, "empty", nil, r2.PutOptions{}); err != nil {
				return nil, err
			}
			return get(ctx, b, "empty", r2.GetOptions{})
		}),
		c("a large object is a stream both ways", `[3145728,true,3145728]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			o, err := b.Put(ctx, "large", io.LimitReader(&letters{}, 3<<20), r2.PutOptions{Size: 3 << 20})
			if err != nil {
				return nil, err
			}
			content, err := b.Get(ctx, "large", r2.GetOptions{})
			if err != nil {
				return nil, err
			}
			defer content.Body.Close()
			same, size := sameLetters(content.Body)
			return list{size, same, o.Size}, nil
		}),
		c("content of an unknown size", `true`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			_, err := b.Put(ctx, "unknown", io.LimitReader(&letters{}, 5), r2.PutOptions{})
			return errors.Is(err, r2.ErrSize), nil
		}),
		c("content that is shorter than was said", `[true,true]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			_, err := b.Put(ctx, "short", io.LimitReader(&letters{}, 100<<10), r2.PutOptions{Size: 200 << 10})
			_, none := b.Head(ctx, "short")
			return list{err != nil, errors.Is(none, r2.ErrNotFound)}, nil
		}),
		c("a list by pages", `[["a/b ü.txt","empty"],true,["large","sum"],true]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			first, err := b.List(ctx, r2.ListOptions{Limit: 2})
			if err != nil {
				return nil, err
			}
			second, err := b.List(ctx, r2.ListOptions{Limit: 2, Cursor: first.Cursor})
			return list{keys(first), first.Cursor != "", keys(second), second.Cursor == ""}, err
		}),
		c("a list by folders, with metadata", `[["empty","large","sum"],["a/"],"text/plain",{"by":"Ada","ü":"ö"}]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			top, err := b.List(ctx, r2.ListOptions{Delimiter: "/"})
			if err != nil {
				return nil, err
			}
			in, err := b.List(ctx, r2.ListOptions{Prefix: "a/", Metadata: true})
			return list{keys(top), top.Prefixes, in.Objects[0].HTTP.ContentType, in.Objects[0].Custom}, err
		}),
		c("an upload in parts", `[5242883,"b",true]`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			u, err := b.CreateMultipartUpload(ctx, "parts", r2.PutOptions{Custom: map[string]string{"in": "parts"}})
			if err != nil {
				return nil, err
			}
			one, err := u.Part(ctx, 1, io.LimitReader(&letters{}, 5<<20), 5<<20)
			if err != nil {
				return nil, err
			}
			two, err := b.ResumeMultipartUpload("parts", u.ID).Part(ctx, 2, strings.NewReader("abc"), 0)
			if err != nil {
				return nil, err
			}
			o, err := u.Complete(ctx, one, two)
			if err != nil {
				return nil, err
			}
			content, err := b.Get(ctx, "parts", r2.GetOptions{Range: r2.Range{Offset: 5<<20 + 1, Length: 1}})
			if err != nil {
				return nil, err
			}
			defer content.Body.Close()
			text, err := io.ReadAll(content.Body)
			return list{o.Size, string(text), content.Custom["in"] == "parts"}, err
		}),
		c("an upload that is given up", `true`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			u, err := b.CreateMultipartUpload(ctx, "never", r2.PutOptions{})
			if err != nil {
				return nil, err
			}
			if err := u.Abort(ctx); err != nil {
				return nil, err
			}
			_, err = u.Part(ctx, 1, strings.NewReader("x"), 0)
			return refusal(err, "uploadPart: The specified multipart upload does not exist. (10024)")
		}),
		c("what was deleted is gone", `true`, func(ctx context.Context, b *r2.Bucket) (any, error) {
			err := b.Delete(ctx, "sum", "none", "parts")
			_, gone := b.Head(ctx, "sum")
			return errors.Is(gone, r2.ErrNotFound), err
		}),
	}
}

func keys(p r2.Page) []string {
	all := []string{}
	for _, o := range p.Objects {
		all = append(all, o.Key)
	}
	return all
}
