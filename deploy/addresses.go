package deploy

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/project"
)

// How long checks wait when the configuration says nothing, or the default. Where
// nothing needs to spread, a version that does not answer soon does not work.
const (
	localWait       = 5 * time.Second  // the local cloud
	overrideWait    = 15 * time.Second // a version at 0 % on an address that serves
	certificateWait = 5 * time.Minute  // a new custom domain, whose certificate is made first
)

// waits decides how long the smoke test and the check afterwards wait.
func waits(p *TargetPlan, t project.Target) {
	p.HealthWait = cmp.Or(t.Health.Timeout, check.DefaultWait)
	p.SmokeWait = p.HealthWait
	newDomain := slices.ContainsFunc(p.Triggers, func(c TriggerChange) bool {
		return c.Kind == TriggerDomain && c.Action == Attach && c.Domain.Hostname == hostOf(p.VerifyURL)
	})
	switch {
	case p.HealthWait != check.DefaultWait:
	case t.Local:
		p.HealthWait, p.SmokeWait = localWait, localWait
	default:
		if newDomain {
			p.HealthWait = certificateWait
		}
		if !p.First {
			p.SmokeWait = overrideWait
		}
	}
}

// addresses decides where the target is reached, smoked and verified.
func addresses(p *TargetPlan, t project.Target, account LiveAccount, live Worker) {
	dev := devAddress(p.Script.Name, account)
	p.Addresses = reachable(p.After, dev)
	p.VerifyURL, p.NotVerified = checkURL(p.Addresses, t.Health.Path)
	waits(p, t)
	switch {
	case p.Mode == UploadNone && p.Existing == "":
		p.NotSmoked = "no new version"
	case p.Mode == UploadPut && !p.First:
		p.NotSmoked = "live at once: " + p.Why
	case p.First:
		p.SmokeURL, p.NotSmoked = checkURL(reachable(Attached{WorkersDev: true}, dev), t.Health.Path)
		p.SmokeDev = p.SmokeURL != ""
	case !p.Base.single():
		p.NotSmoked = "traffic is split between two versions, and a deployment has two at most"
	default:
		p.SmokeURL, p.NotSmoked = checkURL(reachable(live.Attached, dev), t.Health.Path)
	}
}

// devAddress is where a Worker answers on workers.dev; "" without a subdomain there.
func devAddress(script string, account LiveAccount) string {
	if account.WorkersDev == "" {
		return ""
	}
	return "https://" + script + "." + account.WorkersDev
}

// reachable is the addresses that a gives, best first: domains, routes without a
// wildcard in the hostname, workers.dev.
func reachable(a Attached, dev string) []string {
	var list []string
	for _, d := range a.Domains {
		list = append(list, "https://"+d.Hostname)
	}
	for _, r := range a.Routes {
		host, path, _ := strings.Cut(r.Pattern, "/")
		path, exact, _ := strings.Cut(path, "*")
		if !strings.Contains(host, "*") && exact == "" {
			list = append(list, strings.TrimSuffix("https://"+host+"/"+path, "/"))
		}
	}
	if a.WorkersDev && dev != "" {
		list = append(list, dev)
	}
	return slices.Compact(list)
}

// noAddress is why a target without any address is neither smoked nor verified.
const noAddress = "no address"

// checkURL is where a health check asks: path, or the beginning of a route when the
// path is not below it.
func checkURL(addresses []string, path string) (address, why string) {
	if len(addresses) == 0 {
		return "", noAddress
	}
	if path == "" {
		path = "/"
	}
	u, err := url.Parse(addresses[0])
	if err != nil {
		return "", noAddress
	}
	if u.Path != "" && !strings.HasPrefix(path, strings.TrimSuffix(u.Path, "/")+"/") && path != u.Path {
		return addresses[0], ""
	}
	return "https://" + u.Host + path, ""
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}
