package cloudflare

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"strconv"
)

// Collect reads a list to its end. It stops at the first error and gives what came
// before it too.
func Collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// pages lists everything of a list that counts pages. items finds the list in the
// result, which is a P.
func pages[P, T any](ctx context.Context, c *Client, r request, perPage int, items func(P) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page := 1; ; page++ {
			q := cloneQuery(r.query)
			q.Set("page", strconv.Itoa(page))
			q.Set("per_page", strconv.Itoa(perPage))
			r.query = q
			result, info, err := callInfo[P](ctx, c, r)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			list := items(result)
			for _, v := range list {
				if !yield(v, nil) {
					return
				}
			}
			if len(list) == 0 || !more(info, page, perPage, len(list)) {
				return
			}
		}
	}
}

// more reports whether there is a page after this one. Lists that tell their total are
// believed; of the others a page that is not full is the last.
func more(info resultInfo, page, perPage, got int) bool {
	if info.PerPage > 0 {
		perPage = info.PerPage // the server may give fewer than were asked for
	}
	switch {
	case info.TotalCount != nil:
		return page*perPage < *info.TotalCount
	case info.TotalPages != nil:
		return page < *info.TotalPages
	}
	return got >= perPage
}

// cursors lists everything of a list that goes on by a cursor.
func cursors[P, T any](ctx context.Context, c *Client, r request, items func(P) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			result, info, err := callInfo[P](ctx, c, r)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, v := range items(result) {
				if !yield(v, nil) {
					return
				}
			}
			q := cloneQuery(r.query)
			if info.Cursor == "" || info.Cursor == q.Get("cursor") {
				return
			}
			q.Set("cursor", info.Cursor)
			r.query = q
		}
	}
}

// itself is the items of a result that is the list.
func itself[T any](list []T) []T { return list }

func cloneQuery(q url.Values) url.Values {
	if q == nil {
		return url.Values{}
	}
	return maps.Clone(q)
}

// set adds a query value unless it is empty.
func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}
