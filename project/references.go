package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/source"
)

var (
	hostname  = lazyregexp.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	shortName = lazyregexp.New(`^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$`)
)

// referenceChecker checks what a schema cannot: that names lead somewhere, and that
// every fact has one owner.
type referenceChecker struct {
	p     *Portfolio
	found []diag.Finding
	hosts map[string]diag.Position
}

// references checks a portfolio that has a clodo.yaml.
func (p *Portfolio) references() []diag.Finding {
	if p.tree == nil {
		return nil
	}
	c := referenceChecker{p: p, hosts: map[string]diag.Position{}}
	for _, section := range []string{"accounts", "environments", "services", "policies"} {
		for _, pair := range p.tree.Get(section).Map() {
			c.shortName(section, pair.Key, pair.Pos)
		}
	}
	for _, cust := range p.Customers {
		c.shortName("customers", cust.Name, cust.Pos)
	}
	accounts, environments, policies := p.tree.Get("accounts").Keys(), p.tree.Get("environments").Keys(), p.tree.Get("policies").Keys()
	for _, e := range p.tree.Get("environments").Map() {
		c.ref("account", accounts, e.Value.Get("account"))
		c.ref("policy", policies, e.Value.Get("policy"))
		if len(accounts) > 1 && e.Value.Kind == source.Map && e.Value.Get("account") == nil && !e.Value.Get("local").True() {
			c.add("C011", e.Pos, fmt.Sprintf("environments.%s needs account", e.Key), "there are several accounts", "add: account: "+accounts[0]+"  (one of: "+strings.Join(accounts, ", ")+")")
		}
	}
	c.features()
	for _, f := range p.tree.Get("policies").Map() {
		c.ref("policy", policies, f.Value.Get("extends"))
	}
	c.circle("policies", "policies extend each other in a circle", "extends", func(v *source.Value) []*source.Value {
		if e := v.Get("extends"); e != nil {
			return []*source.Value{e}
		}
		return nil
	})
	for _, s := range p.tree.Get("services").Map() {
		c.service(s, environments)
	}
	c.circle("services", "services need each other in a circle", "needs", func(v *source.Value) []*source.Value { return v.Get("needs").List() })
	for _, cust := range p.Customers {
		c.customer(cust, accounts, environments)
	}
	return c.found
}

func (c *referenceChecker) add(code string, pos diag.Position, message, why, fix string) {
	c.found = append(c.found, c.p.finding(code, pos, message, why, fix))
}

// shortName keeps names apart from paths, hostnames and script names.
func (c *referenceChecker) shortName(section, name string, pos diag.Position) {
	if !shortName.MatchString(name) || len(name) > 40 || strings.Contains(name, "--") {
		c.add("C014", pos, fmt.Sprintf("the name %q in %s is not in the right form", name, section), "names become part of Worker names and hostnames",
			"write at most 40 lower-case letters, digits, _ and single -, beginning and ending with a letter or digit")
	}
}

// ref reports a value that is none of names.
func (c *referenceChecker) ref(what string, names []string, v *source.Value) {
	if v != nil && v.Kind == source.String {
		c.name(what, names, v.Text, v.Pos)
	}
}

func (c *referenceChecker) name(what string, names []string, name string, pos diag.Position) {
	if slices.Contains(names, name) {
		return
	}
	fix := fmt.Sprintf("there is no %s in %s at all; add one", what, c.p.File)
	if len(names) > 0 {
		fix = plural(what) + " in this file: " + strings.Join(names, ", ")
	}
	if near := diag.Nearest(name, names); near != "" {
		fix = fmt.Sprintf("did you mean %q?", near)
	}
	if source.LooksSecret(name) {
		name = hidden
	}
	c.add("C020", pos, fmt.Sprintf("there is no %s named %q", what, name), "", fix)
}

func plural(what string) string {
	if stem, ok := strings.CutSuffix(what, "y"); ok {
		return stem + "ies"
	}
	return what + "s"
}

func (c *referenceChecker) service(s source.Pair, environments []string) {
	services := c.p.tree.Get("services").Keys()
	for _, n := range s.Value.Get("needs").List() {
		c.ref("service", services, n)
	}
	for _, d := range s.Value.Get("domains").Map() {
		c.name("environment", environments, d.Key, d.Pos)
		c.claim(d.Value)
	}
	for _, secret := range s.Value.Get("secrets").Map() {
		c.sameAs(secret.Value.Get("same_as"), services)
		c.oneWay(s.Key, secret)
	}
	for _, v := range s.Value.Get("vars").Map() {
		c.placeholders(v.Value)
	}
	service := c.p.serviceNamed(s.Key)
	if service == nil {
		return
	}
	if b := s.Value.Get("database", "binding"); b != nil && b.Kind == source.String {
		c.name("D1 binding", databases(service), b.Text, b.Pos)
	}
	c.twoOwners(s, service)
}

// databases are the D1 bindings of a wrangler file, in any environment.
func databases(s *Service) []string {
	var names []string
	root := s.layers.wrangler.Root
	for _, env := range append([]string{""}, s.EnvNames...) {
		for _, d := range environmentOf(root, env, true).Get("d1_databases").List() {
			if name := d.Get("binding").Str(); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (c *referenceChecker) sameAs(v *source.Value, services []string) {
	if v == nil || v.Kind != source.String {
		return
	}
	name, secret, ok := strings.Cut(v.Text, ".")
	if !ok {
		return
	}
	if !slices.Contains(services, name) {
		c.name("service", services, name, v.Pos)
		return
	}
	names := c.p.tree.Get("services", name, "secrets").Keys()
	if s := c.p.serviceNamed(name); s != nil {
		for _, r := range s.layers.wrangler.Root.Get("secrets", "required").List() {
			names = append(names, r.Str())
		}
	}
	c.name("secret of "+name, names, secret, v.Pos)
}

// oneWay reports a secret that has more than one way to its value.
func (c *referenceChecker) oneWay(service string, secret source.Pair) {
	var ways []string
	for _, way := range []string{"generate", "same_as", "source"} {
		if secret.Value.Get(way) != nil {
			ways = append(ways, way)
		}
	}
	if len(ways) > 1 {
		c.add("C037", secret.Pos, fmt.Sprintf("the secret %s of %s has both %s", secret.Key, service, strings.Join(ways, " and ")),
			"they would give it different values", "keep one of them")
	}
}

// placeholders checks {domain:SERVICE} in a variable.
func (c *referenceChecker) placeholders(v *source.Value) {
	for _, m := range placeholder.FindAllStringSubmatch(v.Str(), -1) {
		c.name("service", c.p.tree.Get("services").Keys(), m[1], v.Pos)
	}
}

// twoOwners reports hostnames that both files own.
func (c *referenceChecker) twoOwners(s source.Pair, service *Service) {
	domains := s.Value.Pair("domains")
	if domains == nil {
		return
	}
	root := service.layers.wrangler.Root
	places := []*source.Value{root}
	for _, env := range root.Get("env").Map() {
		places = append(places, env.Value)
	}
	for _, at := range places {
		for _, key := range []string{"routes", "route"} {
			if pair := at.Pair(key); pair != nil && !emptyValue(pair.Value) {
				c.add("C030", pair.Pos, "two owners for hostnames of "+s.Key, fmt.Sprintf("%s has %s, and %s has domains", service.File, key, domains.Pos),
					"keep them in one of the two files; clodo.yaml is the place for hostnames")
				return
			}
		}
	}
}

// claim notes hostnames; a hostname leads to one Worker.
func (c *referenceChecker) claim(list *source.Value) {
	for _, v := range list.List() {
		if v.Kind != source.String {
			continue
		}
		if !hostname.MatchString(v.Text) || len(v.Text) > 253 {
			c.add("C014", v.Pos, fmt.Sprintf("the hostname %q is not in the right form", v.Text), "", "write a hostname such as api.example.com, in lower case, without https:// and without a path")
			continue
		}
		if first, twice := c.hosts[v.Text]; twice {
			c.add("C021", v.Pos, fmt.Sprintf("domain %s is claimed twice", v.Text), "first claimed at "+first.String(), "a hostname can point at one Worker; remove one of the two")
			continue
		}
		c.hosts[v.Text] = v.Pos
	}
}

func (c *referenceChecker) customer(cust *Customer, accounts, environments []string) {
	services := c.p.tree.Get("services").Keys()
	c.ref("account", accounts, cust.tree.Get("account"))
	for _, e := range cust.tree.Get("environments").List() {
		c.ref("environment", environments, e)
	}
	c.flagValues("customers."+cust.Name, cust.tree.Get("features"))
	for _, e := range cust.tree.Get("domains").Map() {
		c.name("environment", environments, e.Key, e.Pos)
		for _, s := range e.Value.Map() {
			c.name("service", services, s.Key, s.Pos)
			c.claim(s.Value)
		}
	}
	for _, s := range cust.tree.Get("vars").Map() {
		c.name("service", services, s.Key, s.Pos)
		for _, v := range s.Value.Map() {
			c.placeholders(v.Value)
		}
		if cust.Isolation == "shared" {
			c.add("C027", s.Pos, fmt.Sprintf("the shared customer %q cannot have variables", cust.Name), "it has no Worker of its own: the variables would change every other customer's", "make its isolation dedicated, or use a feature")
		}
	}
	if cust.Isolation == "shared" && cust.Account != "" {
		c.add("C027", cust.tree.Pair("account").Pos, fmt.Sprintf("the shared customer %q cannot have an account", cust.Name), "it has no Worker of its own", "make its isolation dedicated, or remove the account")
	}
}

// circle reports the first circle that leads from entry to entry of a section.
func (c *referenceChecker) circle(section, message, key string, edges func(*source.Value) []*source.Value) {
	state := map[string]int{} // 1: on the way, 2: done
	var path []string
	var walk func(name string) []string
	walk = func(name string) []string {
		state[name] = 1
		path = append(path, name)
		for _, to := range edges(c.p.tree.Get(section, name)) {
			switch {
			case to.Kind != source.String || c.p.tree.Get(section, to.Text) == nil:
			case state[to.Text] == 1:
				return append(slices.Clone(path[slices.Index(path, to.Text):]), to.Text)
			case state[to.Text] == 0:
				if found := walk(to.Text); found != nil {
					return found
				}
			}
		}
		path = path[:len(path)-1]
		state[name] = 2
		return nil
	}
	for _, name := range c.p.tree.Get(section).Keys() {
		if state[name] != 0 {
			continue
		}
		if found := walk(name); found != nil {
			why := "clodo could not decide which one to deploy first"
			if section != "services" {
				why = "clodo could not decide which one holds"
			}
			at := c.p.tree.Get(section).Pair(found[0]).Pos
			if v := c.p.tree.Get(section, found[0], key); v != nil {
				at = v.Pos
			}
			c.add("C022", at, message+": "+strings.Join(found, " → "), why, fmt.Sprintf("remove one of these `%s`", key))
			return
		}
	}
}
