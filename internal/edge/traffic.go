package edge

import (
	"context"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
)

// Split implements deploy.Traffic.
func (e *Edge) Split(ctx context.Context, s deploy.Script) (deploy.Split, error) {
	a, err := e.accounts.Account(ctx, s.Account)
	if err != nil {
		return nil, err
	}
	list, err := a.Client.Deployments(ctx, a.ID, s.Name)
	if cloudflare.IsNotFound(err) || err == nil && len(list) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, a.translate(err, deploy.PermWorkersRead, "read the deployment of "+s.Name)
	}
	return split(list[0].Versions), nil
}

// SetSplit implements deploy.Traffic. It is forced because a release decides by its
// plan which version serves: a secret that changed since the version was made must
// not keep an undo from going through.
func (e *Edge) SetSplit(ctx context.Context, s deploy.Script, to deploy.Split, message string) error {
	a, err := e.accounts.Account(ctx, s.Account)
	if err != nil {
		return err
	}
	d := cloudflare.NewDeployment{Annotations: cloudflare.Annotations{Message: message}, Force: true}
	for _, share := range to {
		d.Versions = append(d.Versions, cloudflare.Share{VersionID: share.Version, Percentage: share.Percent})
	}
	_, err = a.Client.CreateDeployment(ctx, a.ID, s.Name, d)
	return a.translate(err, deploy.PermWorkers, "deploy a version of "+s.Name)
}
