package r2

import (
	"context"
	"fmt"
	"io"
)

// Upload is an object that is uploaded in parts: each of the same size, from 5 MiB on, but
// for the last.
type Upload struct {
	Key, ID string
	bucket  *Bucket
}

// Part is one that was uploaded.
type Part struct {
	Number int    `json:"part"` // from 1
	ETag   string `json:"etag"`
}

// CreateMultipartUpload begins an upload in parts. Of the options HTTP, Custom and
// StorageClass count.
func (b *Bucket) CreateMultipartUpload(ctx context.Context, key string, o PutOptions) (*Upload, error) {
	h, err := b.write(ctx, o.call("createMultipartUpload", key), nil, 0)
	if err != nil {
		return nil, err
	}
	return b.ResumeMultipartUpload(key, h.UploadID), nil
}

// ResumeMultipartUpload is an upload that was begun, perhaps by another request. Whether
// there is one shows when it is used.
func (b *Bucket) ResumeMultipartUpload(key, id string) *Upload {
	return &Upload{Key: key, ID: id, bucket: b}
}

// Part uploads one part. size is that of the content where its reader does not tell, else
// 0; see [PutOptions].
func (u *Upload) Part(ctx context.Context, number int, content io.Reader, size int64) (Part, error) {
	size, err := sizeOf(content, size)
	if err != nil {
		return Part{}, fmt.Errorf("r2 %s: part %d of %q: %w", u.bucket.binding, number, u.Key, err)
	}
	h, err := u.bucket.write(ctx, call{Method: "uploadPart", Object: u.Key, UploadID: u.ID, PartNumber: number}, content, size)
	if err != nil {
		return Part{}, err
	}
	return Part{number, h.ETag}, nil
}

// Complete makes the object of the parts.
func (u *Upload) Complete(ctx context.Context, parts ...Part) (*Object, error) {
	h, err := u.bucket.write(ctx, call{Method: "completeMultipartUpload", Object: u.Key, UploadID: u.ID, Parts: append([]Part{}, parts...)}, nil, 0)
	if err != nil {
		return nil, err
	}
	return h.object(), nil
}

// Abort forgets the upload and its parts.
func (u *Upload) Abort(ctx context.Context) error {
	_, err := u.bucket.write(ctx, call{Method: "abortMultipartUpload", Object: u.Key, UploadID: u.ID}, nil, 0)
	return err
}
