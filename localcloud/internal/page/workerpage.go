package page

import "github.com/tamylaa/clodo/localcloud/internal/markup"

func (v workerView) write(b *markup.Builder) {
	b.Print(`<h1>%s <small>Worker</small></h1>
<p>`, v.Name)
	v.writeAddresses(b)
	b.Print("</p>")
	if len(v.Bindings) > 0 {
		v.writeBindings(b)
	}
	b.Print(`
<h2><a href="%s">Latest requests</a></h2>
<div id="latest" class="wide" data-live>`, path("requests")+query("account", v.Account, "script", v.Name))
	writeRecords(b, v.Latest)
	b.Print("</div>")
	v.writeVersions(b)
	v.writeDeployments(b)
}

func (v workerView) writeBindings(b *markup.Builder) {
	b.Print(`
<h2>Bindings</h2>
<div class="wide"><table>
<thead><tr><th>Name</th><th>Kind</th><th>Leads to</th></tr></thead>
<tbody>`)
	for _, row := range v.Bindings {
		b.Print(`
<tr><th scope="row"><code>%s</code></th><td>%s</td><td class="long">`, row.Name, row.Kind)
		if row.Link != "" {
			b.Print(`<a href="%s">%s</a>`, row.Link, row.Target)
		} else {
			b.Print("%s", row.Target)
		}
		b.Print("</td></tr>")
	}
	b.Print(`
</tbody>
</table></div>`)
}

func (v workerView) writeVersions(b *markup.Builder) {
	b.Print(`
<h2>Versions</h2>
<div class="wide"><table>
<thead><tr><th class="n">Number</th><th>Id</th><th>Traffic</th><th>Message</th><th class="n">Size</th><th class="n">Start-up</th><th>Made</th></tr></thead>
<tbody>`)
	for _, row := range v.Versions {
		b.Print(`
<tr><td class="n">%s</td><td><code>%s</code></td><td>`, row.Number, row.ID)
		if row.Share != nil {
			b.Print("<b>%s</b>", percent(*row.Share))
		} else {
			b.Print(`<span class="muted">none</span>`)
		}
		b.Print(`</td><td class="long">%s %s</td><td class="n">%s</td><td class="n">%s ms</td><td><time>%s</time></td></tr>`,
			row.Annotations["workers/tag"], row.Annotations["workers/message"], size(row.Size), row.StartupMS, moment(row.CreatedOn))
	}
	b.Print(`
</tbody>
</table></div>`)
}

func (v workerView) writeDeployments(b *markup.Builder) {
	b.Print(`
<h2>Deployments</h2>
<div class="wide"><table>
<thead><tr><th>Made</th><th>Versions</th><th>By</th><th>Message</th></tr></thead>
<tbody>`)
	for _, d := range v.Deployments {
		b.Print(`
<tr><td><time>%s</time></td><td>`, moment(d.CreatedOn))
		for _, share := range d.Versions {
			b.Print(`<code title="%s">%s</code> %s `, share.Version, short(share.Version), percent(share.Percentage))
		}
		b.Print(`</td><td>%s</td><td class="long">%s</td></tr>`, d.Source, d.Annotations["workers/message"])
	}
	b.Print(`
</tbody>
</table></div>`)
}
