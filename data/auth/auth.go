// Package auth is a module that signs people in: it sends a link to their address, and
// who comes back with it gets a JSON Web Token.
//
//	signIn := auth.New(auth.Options{DB: db, Key: key, Link: "https://app.example.com/sign-in", Send: send})
//	data.Register(app, hooks, signIn.Module())
//	api := app.Group("/api", clodo.Authenticate(signIn.Bearer()))
//
// A link works once and for a quarter of an hour. Of its secret the database has a hash,
// and whoever asks for a link is told the same whether the address is known or not.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/data"
)

// User is a person who can sign in.
type User struct {
	_         data.Table `data:"users"`
	ID        string     `data:"id,key,uuid"`
	Email     string     `data:"email,required,unique,max=254,pattern=email"`
	CreatedAt time.Time  `data:"created_at,created"`
	UpdatedAt time.Time  `data:"updated_at,updated"`
}

// MagicLink is a link that was sent and not used.
type MagicLink struct {
	_         data.Table `data:"magic_links,index=email+expires_at"`
	Hash      string     `data:"hash,key"` // SHA-256 of its secret, in hex
	Email     string     `data:"email,required"`
	ExpiresAt time.Time  `data:"expires_at,required"`
}

// maxLinks is how many links that still work one address may have.
const maxLinks = 5

// Message is what has to reach a person.
type Message struct {
	To      string // the address
	Link    string
	Expires time.Time // of the link
}

// Options are what the module needs.
type Options struct {
	DB *d1.DB // required
	// Key signs the tokens, see [clodo.HS256Key] and [clodo.EdDSAKey]. Required.
	Key clodo.Key
	// Link is the page that people come back to; it gets the query token=SECRET, and sends
	// that to POST PATH/tokens. Required.
	Link string
	// Send sends a message, by [Mail] say, or [LogMessage] on a developer's machine.
	// Required: a module that only seems to send would lock everybody out.
	Send func(context.Context, Message) error
	// Path is where the module answers; default: /auth.
	Path string
	// LinkTTL is how long a link works; default: 15 minutes.
	LinkTTL time.Duration
	// TokenTTL is how long a token is valid; default: 1 hour.
	TokenTTL time.Duration
	// Issuer and Audience are written into tokens and demanded of them; "" leaves them out.
	Issuer, Audience string
	// KnownOnly lets only people sign in who have a User; others are not made one.
	KnownOnly bool
	// Roles are those of a person, for the token; nil is none.
	Roles func(context.Context, User) ([]string, error)
	// Hooks run when users are made.
	Hooks *data.Hooks
}

// Auth is the module.
type Auth struct {
	options Options
	users   *data.Store[User]
	links   *data.Schema
}

// New prepares the module. It panics when something is missing.
func New(o Options) *Auth {
	for name, missing := range map[string]bool{"DB": o.DB == nil, "Link": o.Link == "", "Send": o.Send == nil} {
		if missing {
			panic("auth: Options." + name + " is missing")
		}
	}
	if _, err := o.Key.Sign(struct{}{}); err != nil {
		panic("auth: Options.Key cannot sign: " + err.Error())
	}
	if u, err := url.Parse(o.Link); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		panic("auth: Options.Link has to be an address such as https://app.example.com/sign-in")
	}
	if o.Path == "" {
		o.Path = "/auth"
	}
	if o.LinkTTL <= 0 {
		o.LinkTTL = 15 * time.Minute
	}
	if o.TokenTTL <= 0 {
		o.TokenTTL = time.Hour
	}
	return &Auth{
		options: o,
		users:   data.NewStore(data.Define(data.Options[User]{}), o.DB, data.StoreOptions{Hooks: o.Hooks}),
		links:   data.Define(data.Options[MagicLink]{}).Schema(),
	}
}

// Users are the people who can sign in.
func (a *Auth) Users() *data.Store[User] { return a.users }

// Bearer accepts the tokens of this module, for [clodo.Authenticate].
func (a *Auth) Bearer() clodo.Authenticator {
	return clodo.Bearer(clodo.TokenOptions{Keys: []clodo.Key{a.options.Key}, Issuer: a.options.Issuer, Audience: a.options.Audience})
}

// Module is what is registered:
//
//	POST /auth/links   {"email": …}   sends a link: 202
//	POST /auth/tokens  {"token": …}   a token for what came with the link
//	GET  /auth/me                     the person whose token it is
func (a *Auth) Module() data.Module {
	return data.Module{Name: "auth", Models: []*data.Schema{a.users.Model().Schema(), a.links}, Routes: func(app *clodo.Router) []*data.Endpoint {
		r := app.Group(a.options.Path)
		r.Route("POST /links", a.ask)
		r.Route("POST /tokens", a.exchange)
		r.Group("", clodo.Authenticate(a.Bearer())).Route("GET /me", a.me)
		return nil
	}}
}

func (a *Auth) ask(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		Email string `json:"email"`
	}
	if err := clodo.Decode(r, &asked); err != nil {
		return err
	}
	if err := a.users.Model().Validate(&User{Email: asked.Email}); err != nil {
		return err
	}
	if err := a.SendLink(r.Context(), asked.Email); err != nil {
		return err
	}
	return clodo.JSON(w, http.StatusAccepted, map[string]any{"success": true, "message": "If the address can sign in, a link is on its way."})
}

// SendLink sends a link to an address. Where only known people may sign in and this is
// none of them, it does nothing and does not say so.
func (a *Auth) SendLink(ctx context.Context, email string) error {
	email = strings.ToLower(strings.TrimSpace(email))
	if a.options.KnownOnly {
		n, err := a.users.Count(ctx, data.Eq("email", email))
		if err != nil || n == 0 {
			return err
		}
	}
	now := time.Now().UTC()
	key := rand.Text() + rand.Text() // 260 bits
	m := Message{To: email, Link: withToken(a.options.Link, key), Expires: now.Add(a.options.LinkTTL).Truncate(time.Millisecond)}
	results, err := a.options.DB.Batch(ctx,
		a.options.DB.Prepare("DELETE FROM magic_links WHERE expires_at <= ?").Bind(now),
		a.options.DB.Prepare("INSERT INTO magic_links (hash, email, expires_at) SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM magic_links WHERE email = ?2) < ?4").
			Bind(hash(key), email, m.Expires, maxLinks))
	if err != nil {
		return fmt.Errorf("keep a link: %w", err)
	}
	if results[1].Meta.Changes == 0 {
		return &clodo.Problem{
			Status: http.StatusTooManyRequests, Code: "too_many_links", Detail: "This address has links that still work.",
			Header: http.Header{"Retry-After": {fmt.Sprint(int(a.options.LinkTTL.Seconds()))}},
		}
	}
	if err := a.options.Send(ctx, m); err != nil {
		// Nobody has the link: it must not count against the address.
		if _, gone := a.options.DB.Prepare("DELETE FROM magic_links WHERE hash = ?").Bind(hash(key)).Run(context.WithoutCancel(ctx)); gone != nil {
			slog.ErrorContext(ctx, "a link that was not sent stays", "error", gone)
		}
		return fmt.Errorf("send a link: %w", err)
	}
	return nil
}

func withToken(link, key string) string {
	separator := "?"
	if strings.Contains(link, "?") {
		separator = "&"
	}
	return link + separator + "token=" + key
}

func hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func (a *Auth) exchange(w http.ResponseWriter, r *http.Request) error {
	var given struct {
		Token string `json:"token"`
	}
	if err := clodo.Decode(r, &given); err != nil {
		return err
	}
	if given.Token == "" {
		return &data.ValidationError{Errors: []data.FieldError{{Field: "token", Code: data.RequiredFieldMissing, Message: "Field 'token' is required"}}}
	}
	token, user, expires, err := a.SignIn(r.Context(), given.Token)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return clodo.JSON(w, http.StatusOK, map[string]any{"success": true, "data": map[string]any{
		"token": token, "tokenType": "Bearer", "expiresAt": expires, "user": map[string]any{"id": user.ID, "email": user.Email},
	}})
}

// SignIn gives a token for the secret of a link, which is used up by it. A new address
// becomes a user. A secret that does not work is a [clodo.Problem] with status 401.
func (a *Auth) SignIn(ctx context.Context, key string) (token string, user User, expires time.Time, err error) {
	var email string
	// One statement looks and takes away: of two requests with one link one gets a token.
	rows, err := a.options.DB.Prepare("DELETE FROM magic_links WHERE hash = ? AND expires_at > ? RETURNING email").Bind(hash(key), time.Now()).Raw(ctx)
	if err != nil {
		return "", user, expires, fmt.Errorf("use a link: %w", err)
	}
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return "", user, expires, err
		}
		return "", user, expires, clodo.Errorf(http.StatusUnauthorized, "link_invalid", "The link has been used or has expired.")
	}
	if err := rows.Scan(&email); err != nil {
		return "", user, expires, err
	}
	if user, err = a.user(ctx, email); err != nil {
		return "", user, expires, err
	}
	var roles []string
	if a.options.Roles != nil {
		if roles, err = a.options.Roles(ctx, user); err != nil {
			return "", user, expires, fmt.Errorf("find the roles of a user: %w", err)
		}
	}
	now := time.Now().UTC().Truncate(time.Second)
	claims := clodo.Claims{ID: rand.Text(), Issuer: a.options.Issuer, Subject: user.ID, IssuedAt: now, Expires: now.Add(a.options.TokenTTL), Roles: roles}
	if a.options.Audience != "" {
		claims.Audience = []string{a.options.Audience}
	}
	token, err = a.options.Key.Sign(claims)
	return token, user, claims.Expires, err
}

// user is the one with an address, made when it is new.
func (a *Auth) user(ctx context.Context, email string) (User, error) {
	find := func() (*data.Page[User], error) {
		return a.users.List(ctx, data.Query{Filter: data.Eq("email", email), Limit: 1})
	}
	page, err := find()
	if err != nil || len(page.Rows) == 1 {
		return first(page), err
	}
	if a.options.KnownOnly {
		return User{}, clodo.Errorf(http.StatusUnauthorized, "link_invalid", "The link has been used or has expired.")
	}
	made, err := a.users.Create(ctx, User{Email: email})
	if isUnique(err) { // the other of two links was quicker
		page, err = find()
		return first(page), err
	}
	return made, err
}

func (a *Auth) me(w http.ResponseWriter, r *http.Request) error {
	user, err := a.users.Get(r.Context(), clodo.IdentityOf(r.Context()).Subject)
	if err != nil {
		return err
	}
	return clodo.JSON(w, http.StatusOK, map[string]any{"success": true, "data": map[string]any{"id": user.ID, "email": user.Email, "created_at": user.CreatedAt}})
}
