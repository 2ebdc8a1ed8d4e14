# A Worker by the newer endpoints: the Worker, its version, and what of it serves.
resource "cloudflare_worker" "api" {
  account_id    = var.account_id
  name          = "api"
  tags          = ["team-${var.edition}"]
  subdomain     = { enabled = true }
  observability = { enabled = true }
}

resource "cloudflare_worker_version" "api" {
  account_id         = var.account_id
  worker_id          = cloudflare_worker.api.id
  compatibility_date = "2026-01-01"
  main_module        = "api.js"
  modules = [{
    name           = "api.js"
    content_type   = "application/javascript+module"
    content_base64 = base64encode("export class Counter {}\nexport default { fetch(request, env) { return new Response(env.EDITION) } }")
  }]
  migrations = local.first ? { new_tag = "v1", new_sqlite_classes = ["Counter"] } : null
  # Sorted by name, and without a secret: as it is read back, so that it can be imported.
  bindings = [
    { type = "durable_object_namespace", name = "COUNTER", class_name = "Counter" },
    { type = "plain_text", name = "EDITION", text = var.edition },
    { type = "kv_namespace", name = "KV", namespace_id = cloudflare_workers_kv_namespace.cache.id },
  ]
  # Cloudflare does not tell a version's migrations, and without this the provider would
  # make it anew each time.
  lifecycle {
    ignore_changes = [migrations]
  }
}

resource "cloudflare_workers_deployment" "api" {
  account_id  = var.account_id
  script_name = cloudflare_worker.api.name
  strategy    = "percentage"
  versions    = [{ percentage = 100, version_id = cloudflare_worker_version.api.id }]
}
