package page

import (
	"cmp"

	"github.com/tamylaa/clodo/localcloud/internal/markup"
)

// What an account has, a list for each kind of thing; there is none of what it has not.

func (a accountView) writeWorkers(b *markup.Builder) {
	if len(a.Workers) == 0 {
		return
	}
	b.Print(`
<h2 id="workers-%s">Workers</h2>
<div class="wide long-list"><table>
<thead><tr><th>Worker</th><th>Version</th><th>Answers at</th><th>Crons</th><th>Changed</th></tr></thead>
<tbody>`, a.ID)
	for _, w := range a.Workers {
		b.Print(`
<tr>
<th scope="row"><a href="%s">%s</a></th>
<td>`, path("workers", w.Account, w.Name), w.Name)
		for _, share := range w.Shares {
			b.Print(`<code title="%s">%s</code> `, share.Version, short(share.Version))
			if share.Percentage != 100 {
				b.Print("<small>%s</small> ", percent(share.Percentage))
			}
		}
		if len(w.Shares) == 0 {
			b.Print(`<span class="muted">not deployed</span>`)
		}
		b.Print(`</td>
<td>`)
		w.writeAddresses(b)
		b.Print(`</td>
<td>`)
		for _, cron := range w.Crons {
			b.Print("<code>%s</code> ", cron.Expression)
		}
		b.Print(`</td>
<td><time>%s</time></td>
</tr>`, moment(w.ModifiedOn))
	}
	b.Print(`
</tbody>
</table></div>`)
}

func (w workerRow) writeAddresses(b *markup.Builder) {
	b.Print(`<a href="%s">%s</a>`, w.Address, w.Address)
	for _, other := range w.Addresses {
		b.Print(` <span class="tag">%s</span>`, other)
	}
}

func (a accountView) writeDatabases(b *markup.Builder) {
	if len(a.Databases) == 0 {
		return
	}
	b.Print(`
<h2 id="databases-%s">D1 databases</h2>
<div class="wide long-list"><table>
<thead><tr><th>Database</th><th class="n">Tables</th><th class="n">Size</th><th>Id</th><th>Made</th></tr></thead>
<tbody>`, a.ID)
	for _, d := range a.Databases {
		b.Print(`
<tr><th scope="row"><a href="%s">%s</a></th><td class="n">%s</td><td class="n">%s</td><td><code>%s</code></td><td><time>%s</time></td></tr>`,
			path("databases", d.ID), d.Name, d.Tables, size(d.Size), d.ID, moment(d.CreatedOn))
	}
	b.Print(`
</tbody>
</table></div>`)
}

func (a accountView) writeBuckets(b *markup.Builder) {
	if len(a.Buckets) == 0 {
		return
	}
	b.Print(`
<h2 id="buckets-%s">R2 buckets</h2>
<div class="wide long-list"><table>
<thead><tr><th>Bucket</th><th class="n">Objects</th><th class="n">Size</th><th>Made</th></tr></thead>
<tbody>`, a.ID)
	for _, bucket := range a.Buckets {
		b.Print(`
<tr><th scope="row"><a href="%s">%s</a>`, bucket.path(), bucket.Name)
		if bucket.Jurisdiction != "default" {
			b.Print(" <small>%s</small>", bucket.Jurisdiction)
		}
		b.Print(`</th><td class="n">%s</td><td class="n">%s</td><td><time>%s</time></td></tr>`, bucket.Objects, size(bucket.Bytes), moment(bucket.CreatedOn))
	}
	b.Print(`
</tbody>
</table></div>`)
}

func (a accountView) writeQueues(b *markup.Builder) {
	if len(a.Queues) == 0 {
		return
	}
	b.Print(`
<h2 id="queues-%s">Queues</h2>
<div class="wide long-list"><table>
<thead><tr><th>Queue</th><th class="n">Messages</th><th class="n">Size</th><th>Consumer</th><th>Made</th></tr></thead>
<tbody>`, a.ID)
	for _, q := range a.Queues {
		b.Print(`
<tr><th scope="row"><a href="%s">%s</a>`, path("queues", q.ID), q.Name)
		if q.Settings.Paused {
			b.Print(" <small>paused</small>")
		}
		b.Print(`</th><td class="n">%s</td><td class="n">%s</td><td>`, q.Count, size(q.Bytes))
		for _, c := range q.Consumers {
			b.Print("%s", cmp.Or(c.Script, string(c.Type)))
		}
		b.Print("</td><td><time>%s</time></td></tr>", moment(q.CreatedOn))
	}
	b.Print(`
</tbody>
</table></div>`)
}

func (a accountView) writeNamespaces(b *markup.Builder) {
	if len(a.Namespaces) == 0 {
		return
	}
	b.Print(`
<h2 id="namespaces-%s">KV namespaces</h2>
<div class="wide long-list"><table>
<thead><tr><th>Namespace</th><th>Id</th></tr></thead>
<tbody>`, a.ID)
	for _, n := range a.Namespaces {
		b.Print(`
<tr><th scope="row"><a href="%s">%s</a></th><td><code>%s</code></td></tr>`, path("kv", n.ID), n.Title, n.ID)
	}
	b.Print(`
</tbody>
</table></div>`)
}
