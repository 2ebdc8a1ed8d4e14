# A Worker by the older endpoints, with bindings of fifteen kinds.
resource "cloudflare_workers_script" "web" {
  account_id          = var.account_id
  script_name         = "web"
  main_module         = "web.js"
  compatibility_date  = "2026-01-01"
  compatibility_flags = local.first ? [] : ["nodejs_compat"]
  content             = <<-JS
    export class Room { async fetch() { return new Response("room") } }
    export default {
      async fetch(request, env) { return new Response(env.TEXT + " " + env.KEY + " " + (await env.KV.get("greetings/first"))) },
      async scheduled() {},
      async queue() {},
    }
  JS
  migrations          = local.first ? { new_tag = "v1", new_sqlite_classes = ["Room"] } : null # once
  observability       = { enabled = true, head_sampling_rate = local.first ? 1 : 0.5 }
  limits              = { cpu_ms = local.first ? 50 : 60 }
  bindings = [
    { type = "plain_text", name = "TEXT", text = var.edition },
    { type = "json", name = "JSON", json = jsonencode({ edition = var.edition }) },
    { type = "secret_text", name = "KEY", text = "secret of ${var.edition}" },
    { type = "kv_namespace", name = "KV", namespace_id = cloudflare_workers_kv_namespace.cache.id },
    { type = "d1", name = "DB", id = cloudflare_d1_database.orders.id },
    { type = "r2_bucket", name = "FILES", bucket_name = cloudflare_r2_bucket.files.name },
    { type = "queue", name = "JOBS", queue_name = cloudflare_queue.jobs.queue_name },
    { type = "durable_object_namespace", name = "ROOM", class_name = "Room" },
    { type = "service", name = "SELF", service = "web" },
    { type = "analytics_engine", name = "EVENTS", dataset = "events" },
    { type = "version_metadata", name = "VERSION" },
    { type = "ai", name = "AI" },
    { type = "ratelimit", name = "LIMIT", namespace_id = "1001", simple = { limit = 10, period = 60 } },
    { type = "send_email", name = "MAIL", destination_address = "ops@shop.example" },
    { type = "dispatch_namespace", name = "USERS", namespace = cloudflare_workers_for_platforms_dispatch_namespace.users.name },
  ]
}

resource "cloudflare_workers_script_subdomain" "web" {
  account_id       = var.account_id
  script_name      = cloudflare_workers_script.web.script_name
  enabled          = true
  previews_enabled = local.first
}

resource "cloudflare_workers_cron_trigger" "web" {
  account_id  = var.account_id
  script_name = cloudflare_workers_script.web.script_name
  schedules   = [{ cron = local.first ? "0 3 * * *" : "0 4 * * *" }]
}

resource "cloudflare_workers_route" "web" {
  zone_id = cloudflare_zone.shop.id
  pattern = local.first ? "shop.example/api/*" : "shop.example/v2/*"
  script  = cloudflare_workers_script.web.script_name
}

resource "cloudflare_workers_custom_domain" "web" {
  account_id = var.account_id
  hostname   = "app.shop.example"
  service    = cloudflare_workers_script.web.script_name
  zone_id    = cloudflare_zone.shop.id
}

resource "cloudflare_queue_consumer" "jobs" {
  account_id        = var.account_id
  queue_id          = cloudflare_queue.jobs.id
  type              = "worker"
  script_name       = cloudflare_workers_script.web.script_name
  dead_letter_queue = cloudflare_queue.dead.queue_name
  settings          = { batch_size = local.first ? 10 : 20, max_retries = 2, max_wait_time_ms = 1000 }
}
