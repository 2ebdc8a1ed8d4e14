package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/invopop/jsonschema"
)

// The types below are the one source of clodo.yaml's form: schema, messages and
// editor help come from them. Values are read from the tree, which knows places.

type config struct {
	Version      int                          `json:"version" jsonschema:"enum=1,description=Format version. Always 1."`
	Portfolio    string                       `json:"portfolio" jsonschema:"pattern=^[a-z][a-z0-9-]{0\\,38}$,description=Short name of the whole set of services." jsonschema_extras:"x-form=a short name: lower-case letters\\, digits and -"`
	Accounts     map[string]accountConfig     `json:"accounts,omitempty" jsonschema:"description=Cloudflare accounts by short name."`
	Environments map[string]environmentConfig `json:"environments,omitempty" jsonschema:"description=Environments by name. Without any\\, the top level of the wrangler files is deployed."`
	Features     map[string]featureConfig     `json:"features,omitempty" jsonschema:"description=Feature flags\\, each declared once."`
	Services     map[string]serviceConfig     `json:"services" jsonschema:"description=Services by name."`
	Customers    map[string]customerConfig    `json:"customers,omitempty" jsonschema:"description=Customers by short name; also one file each in customers/."`
	Policies     map[string]policyConfig      `json:"policies,omitempty" jsonschema:"description=Named sets of security and deploy rules."`
}

type accountConfig struct {
	ID    string `json:"id,omitempty" jsonschema:"pattern=^[0-9a-f]{32}$,description=Account id: 32 hex digits. Without it the token must see exactly one account." jsonschema_extras:"x-form=the account id: 32 hex digits\\, from the Cloudflare dashboard"`
	Token string `json:"token,omitempty" jsonschema:"pattern=^(env|keyring|file):.+$,description=Where the API token is read from. Never the token itself." jsonschema_extras:"x-form=env:NAME\\, keyring:NAME or file:PATH - a place to read the token from\\, never the token itself,x-sensitive=true"`
}

type environmentConfig struct {
	Local     bool                 `json:"local,omitempty" jsonschema:"description=Deployed to the Cloudflare on this machine."`
	Account   string               `json:"account,omitempty" jsonschema:"description=Name of an account above."`
	Protected bool                 `json:"protected,omitempty" jsonschema:"description=Changes need a yes and the environment's name on the command line."`
	Policy    string               `json:"policy,omitempty" jsonschema:"description=Name of a policy below."`
	Rollout   *rolloutConfig       `json:"rollout,omitempty" jsonschema:"description=How a new version takes over."`
	Features  map[string]flagValue `json:"features,omitempty" jsonschema:"description=Values of feature flags in this environment."`
	Vars      variables            `json:"vars,omitempty" jsonschema:"description=Variables of every service in this environment."`
}

type rolloutConfig struct {
	Strategy string         `json:"strategy" jsonschema:"enum=all-at-once,enum=canary,enum=blue-green"`
	Steps    []percentage   `json:"steps,omitempty" jsonschema:"minItems=1,description=Shares of the traffic\\, such as 5%\\, 25%\\, 100%."`
	Hold     string         `json:"hold,omitempty" jsonschema:"pattern=^[0-9]+(ms|s|m|h|d)$,description=How long each step is watched." jsonschema_extras:"x-form=a length of time such as 30s\\, 5m or 2h"`
	AbortIf  *abortIfConfig `json:"abort_if,omitempty"`
}

type abortIfConfig struct {
	ErrorRate string `json:"error_rate,omitempty" jsonschema:"pattern=^[0-9]+(\\.[0-9]+)?%$" jsonschema_extras:"x-form=a share such as 1% or 0.5%"`
	P95       string `json:"p95,omitempty" jsonschema:"pattern=^[0-9]+(ms|s)$" jsonschema_extras:"x-form=a length of time such as 800ms or 2s"`
}

type featureConfig struct {
	Type        string               `json:"type,omitempty" jsonschema:"enum=boolean,enum=string,enum=integer,enum=number,enum=enum,description=What its values are. boolean."`
	Values      []string             `json:"values,omitempty" jsonschema:"minItems=1,description=The values that an enum can have."`
	Default     flagValue            `json:"default" jsonschema:"description=Its value where nothing else says one."`
	Description string               `json:"description,omitempty"`
	Owner       string               `json:"owner,omitempty" jsonschema:"description=The service that the flag belongs to."`
	Runtime     bool                 `json:"runtime,omitempty" jsonschema:"description=clodo feature set can change it while services run."`
	Rollout     *float64             `json:"rollout,omitempty" jsonschema:"minimum=0,maximum=100,description=The percentage of subjects for whom a boolean is on where nothing else says so."`
	Rules       []ruleConfig         `json:"rules,omitempty" jsonschema:"description=The first one that holds decides\\, where environment\\, customer and domain say nothing."`
	Requires    []string             `json:"requires,omitempty" jsonschema:"description=Flags without which it is off."`
	Conflicts   []string             `json:"conflicts,omitempty" jsonschema:"description=Flags with which it is off."`
	Domains     map[string]flagValue `json:"domains,omitempty" jsonschema:"description=Its value for hostnames."`
}

type ruleConfig struct {
	When       []conditionConfig `json:"when,omitempty" jsonschema:"minItems=1,description=All of them must hold."`
	Value      flagValue         `json:"value"`
	Percentage *float64          `json:"percentage,omitempty" jsonschema:"minimum=0,maximum=100,description=For this share of subjects. 100."`
}

type conditionConfig struct {
	Attribute string   `json:"attribute" jsonschema:"description=environment\\, customer\\, domain\\, or what the service says about a request."`
	Equals    string   `json:"equals,omitempty"`
	In        []string `json:"in,omitempty" jsonschema:"minItems=1"`
	Prefix    string   `json:"prefix,omitempty"`
}

// flagValue is a value of a feature flag; which type it must have the flag says.
type flagValue struct{}

// JSONSchema takes every scalar.
func (flagValue) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Extras: map[string]any{"type": []string{"boolean", "string", "number"}}}
}

type serviceConfig struct {
	Path     string                  `json:"path" jsonschema:"description=Folder that holds the wrangler file of this service\\, or the file itself."`
	Inherit  string                  `json:"inherit,omitempty" jsonschema:"enum=wrangler,enum=all,description=How environments read the wrangler file. all: every top-level key reaches every environment. wrangler (the default): exactly as wrangler does it."`
	Needs    []string                `json:"needs,omitempty" jsonschema:"description=Services that must be deployed before this one\\, where no service binding says so."`
	Domains  map[string][]string     `json:"domains,omitempty" jsonschema:"description=Hostnames by environment."`
	Database *databaseConfig         `json:"database,omitempty" jsonschema:"description=The D1 binding whose database clodo owns: one for each target."`
	Secrets  map[string]secretConfig `json:"secrets,omitempty" jsonschema:"description=How each secret is made\\, rotated and checked. Never its value."`
	Vars     variables               `json:"vars,omitempty"`
	Checks   *checksConfig           `json:"checks,omitempty"`
}

type databaseConfig struct {
	Binding string `json:"binding"`
	Backup  string `json:"backup,omitempty" jsonschema:"enum=before-migrate,enum=never"`
}

type secretConfig struct {
	Generate string   `json:"generate,omitempty" jsonschema:"enum=jwt,enum=api-key,enum=password,enum=hex,description=Where the Worker has no value and nobody gave one\\, deploy makes it: jwt of 512 bits\\, api-key and hex of 256\\, password of 130."`
	Rotate   string   `json:"rotate,omitempty" jsonschema:"pattern=^[0-9]+d$" jsonschema_extras:"x-form=a number of days such as 90d"`
	SameAs   string   `json:"same_as,omitempty" jsonschema:"pattern=^[^.]+\\.[^.]+$,description=Another service's secret: SERVICE.NAME." jsonschema_extras:"x-form=SERVICE.NAME"`
	Source   string   `json:"source,omitempty" jsonschema:"pattern=^(prompt|env:.+|file:.+)$" jsonschema_extras:"x-form=prompt\\, env:NAME or file:PATH - a place to read the secret from\\, never the secret itself,x-sensitive=true"`
	Forbid   []string `json:"forbid,omitempty" jsonschema:"description=Patterns that the value must not match\\, such as sk_test_*."`
}

type checksConfig struct {
	Health *healthConfig `json:"health,omitempty"`
	Smoke  *smokeConfig  `json:"smoke,omitempty"`
}

type healthConfig struct {
	Path    string `json:"path" jsonschema:"pattern=^/" jsonschema_extras:"x-form=a path that starts with /"`
	Status  int    `json:"status,omitempty" jsonschema:"minimum=100,maximum=599,description=The status that must be answered; without it every one below 500."`
	Timeout string `json:"timeout,omitempty" jsonschema:"pattern=^[0-9]+(ms|s|m|h)$,description=How long to wait for it in total. 60s." jsonschema_extras:"x-form=a length of time such as 30s or 5m"`
}

type smokeConfig struct {
	Run     string `json:"run"`
	Timeout string `json:"timeout,omitempty" jsonschema:"pattern=^[0-9]+(s|m)$" jsonschema_extras:"x-form=a length of time such as 30s or 5m"`
}

type customerConfig struct {
	Name         string                         `json:"name"`
	Isolation    string                         `json:"isolation" jsonschema:"enum=dedicated,enum=shared,description=dedicated: Workers and databases of its own. shared: hostnames and flags on the shared ones."`
	Account      string                         `json:"account,omitempty"`
	Environments []string                       `json:"environments,omitempty"`
	Domains      map[string]map[string][]string `json:"domains,omitempty" jsonschema:"description=Hostnames by environment and service."`
	Features     map[string]flagValue           `json:"features,omitempty" jsonschema:"description=Values of feature flags for this customer."`
	Vars         map[string]variables           `json:"vars,omitempty" jsonschema:"description=Variables by service."`
}

type policyConfig struct {
	Extends string         `json:"extends,omitempty"`
	Secrets *secretsPolicy `json:"secrets,omitempty"`
	URLs    *urlPolicy     `json:"urls,omitempty"`
	Deploy  *deployPolicy  `json:"deploy,omitempty"`
}

type secretsPolicy struct {
	MinLength      int      `json:"min_length,omitempty" jsonschema:"minimum=1"`
	MinEntropyBits int      `json:"min_entropy_bits,omitempty" jsonschema:"minimum=1"`
	Forbid         []string `json:"forbid,omitempty"`
	MaxAge         string   `json:"max_age,omitempty" jsonschema:"pattern=^[0-9]+d$" jsonschema_extras:"x-form=a number of days such as 180d"`
}

type urlPolicy struct {
	HTTPSOnly   bool     `json:"https_only,omitempty"`
	ForbidHosts []string `json:"forbid_hosts,omitempty"`
}

type deployPolicy struct {
	RequireCleanGit bool     `json:"require_clean_git,omitempty"`
	RequireBackup   bool     `json:"require_backup,omitempty"`
	AllowBranches   []string `json:"allow_branches,omitempty"`
}

// variables are text by name; an empty value takes a variable away.
type variables map[string]string

// JSONSchema tells what a map of Go strings cannot: values may be empty.
func (variables) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Extras: map[string]any{"type": []string{"string", "null"}}}}
}

// percentage is a share of the traffic.
type percentage string

// JSONSchema gives every percentage its form.
func (percentage) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^(100|[1-9]?[0-9])%$`, Extras: map[string]any{"x-form": "a whole share from 0% to 100%"}}
}

const schemaID = "https://clodo.dev/schema/clodo.v1.json"

// Schema is the JSON Schema (draft 07, which old editors know) of clodo.yaml.
func Schema() []byte { return bytes.Clone(schemas().text) }

type compiledSchemas struct {
	text     []byte
	root     *rule // of clodo.yaml
	customer *rule // of a file in customers/
}

// schemas makes the schema once. It can only go wrong when the types above are
// wrong, which is a bug.
var schemas = sync.OnceValue(func() compiledSchemas {
	r := &jsonschema.Reflector{ExpandedStruct: true}
	s := r.Reflect(&config{})
	s.ID = schemaID
	s.Version = "http://json-schema.org/draft-07/schema#"
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("write the schema: %v", err))
	}
	text = append(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(`"$defs"`), []byte(`"definitions"`)), []byte(`#/$defs/`), []byte(`#/definitions/`)), '\n')
	root, err := readRules(text)
	if err != nil {
		panic(fmt.Sprintf("read the schema: %v", err))
	}
	return compiledSchemas{text: text, root: root, customer: root.Definitions["customerConfig"]}
})
