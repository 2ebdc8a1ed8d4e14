package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
)

// FindVersion implements deploy.Versions.
func (e *Edge) FindVersion(ctx context.Context, s deploy.Script, tag string) (deploy.Version, error) {
	a, err := e.accounts.Account(ctx, s.Account)
	if err != nil {
		return deploy.Version{}, err
	}
	list, err := a.Client.DeployableVersions(ctx, a.ID, s.Name)
	if err != nil {
		return deploy.Version{}, a.translate(err, deploy.PermWorkersRead, "look for the version of "+s.Name)
	}
	for _, v := range list { // newest first
		if v.Annotations.Tag == tag {
			return deploy.Version{ID: v.ID, Tag: tag, Handlers: v.Resources.Script.Handlers}, nil
		}
	}
	return deploy.Version{}, fmt.Errorf("version %s of %s: %w", tag, s.Name, deploy.ErrNotFound)
}

// Upload implements deploy.Versions.
func (e *Edge) Upload(ctx context.Context, u deploy.Upload) (deploy.Version, error) {
	a, err := e.accounts.Account(ctx, u.Script.Account)
	if err != nil {
		return deploy.Version{}, err
	}
	upload, err := e.upload(ctx, a, u)
	if err != nil {
		return deploy.Version{}, err
	}
	if upload.Metadata.Assets != nil { // also for a folder without files
		if upload.Metadata.Assets.JWT, err = e.uploadAssets(ctx, a, u); err != nil {
			return deploy.Version{}, err
		}
	}
	op := "upload " + u.Script.Name
	if u.Mode == deploy.UploadPut {
		done, err := a.Client.PutScript(ctx, a.ID, u.Script.Name, upload)
		if err != nil {
			return deploy.Version{}, a.refused(err, u, op)
		}
		v := deploy.Version{ID: done.VersionID(), Tag: u.Tag, Handlers: done.Handlers, Startup: time.Duration(done.StartupTimeMS) * time.Millisecond}
		if v.ID == "" { // Cloudflare need not say it
			found, err := e.FindVersion(ctx, u.Script, u.Tag)
			if err != nil {
				return deploy.Version{}, fmt.Errorf("%s: it was taken, and its version was not found: %v: %w", op, err, deploy.ErrUnknownOutcome)
			}
			v.ID = found.ID
		}
		return v, nil
	}
	done, err := a.Client.CreateVersion(ctx, a.ID, u.Script.Name, upload)
	if err != nil {
		return deploy.Version{}, a.refused(err, u, op)
	}
	return deploy.Version{
		ID: done.ID, Tag: u.Tag, Handlers: done.Resources.Script.Handlers, Startup: time.Duration(done.StartupTimeMS) * time.Millisecond,
	}, nil
}

// upload is u as the client sends it, with the values of its secrets.
func (e *Edge) upload(ctx context.Context, a *Account, u deploy.Upload) (cloudflare.Upload, error) {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(u.Metadata))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return cloudflare.Upload{}, fmt.Errorf("read the metadata of %s: %w", u.Script.Name, err)
	}
	var known struct {
		MainModule string               `json:"main_module"`
		BodyPart   string               `json:"body_part"`
		Bindings   []cloudflare.Binding `json:"bindings"`
		Assets     *struct {
			Config map[string]any `json:"config"`
		} `json:"assets"`
	}
	if err := json.Unmarshal(u.Metadata, &known); err != nil {
		return cloudflare.Upload{}, fmt.Errorf("read the metadata of %s: %w", u.Script.Name, err)
	}
	secrets, err := e.secretBindings(ctx, a, u)
	if err != nil {
		return cloudflare.Upload{}, err
	}
	known.Bindings = append(known.Bindings, secrets...)
	for _, own := range []string{"bindings", "assets", "main_module", "body_part"} {
		delete(fields, own)
	}
	out := cloudflare.Upload{Metadata: cloudflare.Metadata{
		MainModule: known.MainModule, BodyPart: known.BodyPart, Bindings: known.Bindings, Extra: fields,
	}}
	switch {
	case known.Assets != nil:
		out.Metadata.Assets = &cloudflare.MetadataAssets{Config: known.Assets.Config}
	case len(u.Artifact.Assets) > 0:
		out.Metadata.Assets = &cloudflare.MetadataAssets{}
	}
	for _, m := range u.Artifact.Modules {
		out.Modules = append(out.Modules, cloudflare.Module{Name: m.Name, ContentType: m.ContentType, Content: m.Bytes})
	}
	return out, nil
}

// uploadAssets sends the files that Cloudflare does not have yet and returns the
// ticket that joins them to a version.
func (e *Edge) uploadAssets(ctx context.Context, a *Account, u deploy.Upload) (cloudflare.Secret, error) {
	manifest := map[string]cloudflare.AssetEntry{}
	byHash := map[string]deploy.Asset{}
	for _, f := range u.Artifact.Assets {
		manifest[f.Path] = cloudflare.AssetEntry{Hash: f.Hash, Size: f.Size}
		byHash[f.Hash] = f
	}
	op := "upload the assets of " + u.Script.Name
	session, err := a.Client.StartAssets(ctx, a.ID, u.Script.Name, manifest)
	if err != nil {
		return cloudflare.Secret{}, a.refused(err, u, op)
	}
	completion := session.JWT
	for _, bucket := range session.Buckets {
		var batch []cloudflare.AssetFile
		for _, hash := range bucket {
			f, ok := byHash[hash]
			if !ok {
				return cloudflare.Secret{}, fmt.Errorf("%s: Cloudflare asks for %s, which is not in the manifest", op, hash)
			}
			content, err := os.ReadFile(filepath.Join(u.Artifact.AssetDir, filepath.FromSlash(f.File)))
			if errors.Is(err, fs.ErrNotExist) {
				return cloudflare.Secret{}, fmt.Errorf("%s: %s is gone: %w", op, f.Path, deploy.ErrChanged)
			}
			if err != nil {
				return cloudflare.Secret{}, fmt.Errorf("%s: %w", op, err)
			}
			if e.hash(f.Path, content) != hash {
				return cloudflare.Secret{}, fmt.Errorf("%s: %s: %w", op, f.Path, deploy.ErrChanged)
			}
			batch = append(batch, cloudflare.AssetFile{Hash: hash, ContentType: f.ContentType, Content: content})
		}
		ticket, err := a.Client.UploadAssets(ctx, a.ID, session, batch)
		if err != nil {
			return cloudflare.Secret{}, a.refused(err, u, op)
		}
		if !ticket.IsZero() {
			completion = ticket
		}
	}
	return completion, nil
}

// refused is an upload's error. An upload that Cloudflare has looked at and does not
// take is told in its own words; nothing of it is left behind.
func (a *Account) refused(err error, u deploy.Upload, op string) error {
	translated := a.translate(err, deploy.PermWorkers, op)
	e, answered := errors.AsType[*cloudflare.Error](err)
	if !answered || e.Unknown || e.Status == 0 || cloudflare.IsPermission(err) || cloudflare.IsAuth(err) ||
		cloudflare.IsRateLimited(err) || cloudflare.IsNotFound(err) || cloudflare.IsConflict(err) {
		return translated
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "D220", Severity: diag.SeverityError,
		Message: fmt.Sprintf("Cloudflare does not take this version of %s", u.Script.Name),
		Why:     details(err),
		Fix:     "repair what it names and deploy again",
	}, Exit: diag.ExitConfig, Err: translated}
}

// DeleteWorker implements deploy.Versions.
func (e *Edge) DeleteWorker(ctx context.Context, s deploy.Script) error {
	a, err := e.accounts.Account(ctx, s.Account)
	if err != nil {
		return err
	}
	err = a.Client.DeleteScript(ctx, a.ID, s.Name, cloudflare.DeleteOptions{Force: true})
	if cloudflare.IsNotFound(err) {
		return nil
	}
	return a.translate(err, deploy.PermWorkers, "delete "+s.Name)
}
