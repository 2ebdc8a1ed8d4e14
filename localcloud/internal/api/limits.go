package api

import (
	"cmp"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Limits are how much of each thing there may be. A zero is Cloudflare's own limit for
// Workers Paid.
type Limits struct {
	Scripts        int   // Workers of an account, without those in dispatch namespaces; default 500
	Crons          int   // cron triggers of an account; default 250
	RoutesPerZone  int   // default 1,000
	DomainsPerZone int   // custom domains; default 100
	WorkerSize     int64 // bytes of a Worker's modules together; default 64 MiB, and no more than that
	Variables      int   // variables and secrets of a Worker; default 128
	VariableSize   int   // bytes of one of them; default 5 KiB
	Databases      int   // D1 databases of an account; default 50,000
	Namespaces     int   // KV namespaces of an account; default 1,000
}

// filled are the limits with Cloudflare's own in place of zeros.
func (l Limits) filled() Limits {
	return Limits{
		Scripts: cmp.Or(l.Scripts, 500), Crons: cmp.Or(l.Crons, 250),
		RoutesPerZone: cmp.Or(l.RoutesPerZone, 1000), DomainsPerZone: cmp.Or(l.DomainsPerZone, 100),
		WorkerSize: min(cmp.Or(l.WorkerSize, maxWorker), maxWorker),
		Variables:  cmp.Or(l.Variables, maxTexts), VariableSize: cmp.Or(l.VariableSize, maxBindingText),
		Databases: cmp.Or(l.Databases, 50_000), Namespaces: cmp.Or(l.Namespaces, 1000),
	}
}

func (c *call) checkScriptCount(tx *store.Tx) error {
	all, err := tx.Scripts(c.account.ID)
	if err == nil && len(all) >= c.limits.Scripts {
		err = refuse(http.StatusBadRequest, 10037, "You have exceeded the limit of %d Workers on your account.", c.limits.Scripts)
	}
	return err
}

// checkCronCount counts the crons of the account when a Worker gets that many.
func (c *call) checkCronCount(tx *store.Tx, script string, wanted int) error {
	all, err := tx.Scripts(c.account.ID)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Name != script {
			wanted += len(s.Crons)
		}
	}
	if wanted > c.limits.Crons {
		return refuse(http.StatusBadRequest, 10072, "You have exceeded the limit of %d cron triggers on your account.", c.limits.Crons)
	}
	return nil
}

func (c *call) checkRouteCount(tx *store.Tx, zone store.Zone) error {
	all, err := tx.Routes(zone.ID)
	if err == nil && len(all) >= c.limits.RoutesPerZone {
		err = refuse(http.StatusBadRequest, 10073, "Zone %s has %d routes already, the most it may have.", zone.Name, len(all))
	}
	return err
}

func (c *call) checkDomainCount(tx *store.Tx, d store.Domain) error {
	all, err := tx.Domains(c.account.ID)
	if err != nil {
		return err
	}
	n := 0
	for _, other := range all {
		if other.Zone == d.Zone {
			n++
		}
	}
	if n >= c.limits.DomainsPerZone {
		return refuse(http.StatusBadRequest, 100122, "Zone %s has %d custom domains already, the most it may have.", d.ZoneName, n)
	}
	return nil
}

// checkDatabaseCount and checkNamespaceCount have no published code: they use that of
// a request that cannot be done.
func (c *call) checkDatabaseCount(tx *store.Tx) error {
	all, err := tx.Databases(c.account.ID)
	if err == nil && len(all) >= c.limits.Databases {
		err = refuse(http.StatusBadRequest, 7406, "The account has %d databases already, the most it may have.", len(all))
	}
	return err
}

func (c *call) checkNamespaceCount(tx *store.Tx) error {
	all, err := tx.Namespaces(c.account.ID)
	if err == nil && len(all) >= c.limits.Namespaces {
		err = refuse(http.StatusBadRequest, 10015, "The account has %d namespaces already, the most it may have.", len(all))
	}
	return err
}
