package page

import (
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/markup"
)

// layout writes a whole page around what one shows.
func (p *Page) layout(b *markup.Builder, c content) {
	b.Print(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s · local cloud</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/page.css">
<script src="/static/page.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<a class="home" href="/">clodo <span>local cloud</span></a>
<nav aria-label="Pages">`, c.title)
	for _, link := range []struct{ path, title string }{{"/", overviewTitle}, {"/requests", requestsTitle}} {
		b.Print("\n<a href=\"%s\"", link.path)
		if c.title == link.title {
			b.Print(` aria-current="page"`)
		}
		b.Print(">%s</a>", link.title)
	}
	b.Print(`
</nav>
<code class="api" title="base URL of the API">%s</code>
</header>
<main id="main">
`, p.API)
	c.main.write(b)
	now := p.Clock.Now()
	b.Print(`
</main>
<footer>as of <time datetime="%s">%s</time> UTC</footer>
</body>
</html>
`, now.Format(time.RFC3339), moment(now))
}
