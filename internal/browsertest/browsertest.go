// Package browsertest drives a real browser in tests: Chromium, without a window. A
// browser that cannot be had skips the test, or fails it when CI is set.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// names are what Chromium is called on different systems.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// patience is how long anything on a page may take.
const patience = 20 * time.Second

// Browser is one tab. What a page complains of, a violated content policy included,
// fails the test.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// New starts a browser with a profile of its own that ends with the test.
func New(t testing.TB) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(find(t)), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1200, 800),
		// The tests' user may be root, and nothing but the pages is asked for.
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocated, cancelAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	b := &Browser{t: t, ctx: ctx}
	var listening sync.WaitGroup
	console := chromedp.Console(ctx)
	listening.Go(func() {
		for message, err := range console {
			if err != nil {
				return // the browser has ended
			}
			if message.IsException() || message.Type == "error" || message.Source == "security" {
				t.Errorf("the page complains: %s", message)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		cancelAllocator()
		listening.Wait()
	})
	return b
}

func find(t testing.TB) string {
	t.Helper()
	for _, name := range names {
		if bin, err := exec.LookPath(name); err == nil {
			return bin
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no browser (%s), and CI skips nothing", strings.Join(names, ", "))
	}
	t.Skipf("no browser: %s", strings.Join(names, ", "))
	return ""
}

// do runs actions one after the other.
func (b *Browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, chromedp.Steps(actions...))
}

func run[T any](b *Browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''")) // for the message only
		b.t.Fatalf("%v on a page that shows:\n%s", err, page)
	}
	return result
}

// Open goes to a page.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// Follow clicks what a selector finds and waits for the page behind it.
func (b *Browser) Follow(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("following %s: %v", selector, err)
	}
}

// Type enters text into a field.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// WaitFor waits until the element that a selector finds shows text.
func (b *Browser) WaitFor(selector, text string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		shown := b.Text(selector)
		if strings.Contains(shown, text) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s never showed %q but:\n%s", selector, text, shown)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-b.t.Context().Done():
			b.t.Fatal(b.t.Context().Err())
		}
	}
}

// Text is what the first element that a selector finds shows; "" when there is none.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	return run(b, chromedp.Evaluate[string]("(document.querySelector("+quote(selector)+") ?? {}).innerText ?? ''"))
}

// quote makes a JavaScript string of a selector, which has no line breaks.
func quote(selector string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "$", "\\$").Replace(selector) + "`"
}
