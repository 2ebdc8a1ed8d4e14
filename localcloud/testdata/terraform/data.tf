resource "cloudflare_workers_kv_namespace" "cache" {
  account_id = var.account_id
  title      = "cache ${var.edition}"
}

resource "cloudflare_workers_kv" "greeting" {
  account_id   = var.account_id
  namespace_id = cloudflare_workers_kv_namespace.cache.id
  key_name     = "greetings/first"
  value        = "hello, ${var.edition}"
  metadata     = jsonencode({ edition = var.edition })
}

resource "cloudflare_d1_database" "orders" {
  account_id       = var.account_id
  name             = "orders"
  read_replication = { mode = local.first ? "disabled" : "auto" }
}

resource "cloudflare_r2_bucket" "files" {
  account_id    = var.account_id
  name          = "files"
  storage_class = local.first ? "Standard" : "InfrequentAccess"
}

resource "cloudflare_r2_bucket_cors" "files" {
  account_id  = var.account_id
  bucket_name = cloudflare_r2_bucket.files.name
  rules = [{
    id              = "shop"
    allowed         = { methods = ["GET", "PUT"], origins = ["https://shop.example"], headers = ["content-type"] }
    expose_headers  = ["etag"]
    max_age_seconds = local.first ? 3600 : 60
  }]
}

resource "cloudflare_r2_bucket_lifecycle" "files" {
  account_id  = var.account_id
  bucket_name = cloudflare_r2_bucket.files.name
  rules = [{
    id                        = "old"
    enabled                   = local.first
    conditions                = { prefix = "tmp/" }
    delete_objects_transition = { condition = { type = "Age", max_age = 86400 } }
  }]
}

resource "cloudflare_r2_bucket_lock" "files" {
  account_id  = var.account_id
  bucket_name = cloudflare_r2_bucket.files.name
  rules = [{
    id        = "keep"
    enabled   = true
    prefix    = "legal/"
    condition = { type = "Age", max_age_seconds = local.first ? 60 : 120 }
  }]
}

resource "cloudflare_queue" "jobs" {
  account_id = var.account_id
  queue_name = "jobs"
  settings   = { delivery_delay = local.first ? 0 : 5, message_retention_period = 3600 }
}

resource "cloudflare_queue" "dead" {
  account_id = var.account_id
  queue_name = "dead"
}

resource "cloudflare_secrets_store" "keys" {
  account_id = var.account_id
  name       = "keys"
}

resource "cloudflare_workers_for_platforms_dispatch_namespace" "users" {
  account_id = var.account_id
  name       = "users"
}
