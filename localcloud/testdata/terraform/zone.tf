resource "cloudflare_zone" "shop" {
  account = { id = var.account_id }
  name    = "shop.example"
  type    = "full"
}

resource "cloudflare_dns_record" "www" {
  zone_id = cloudflare_zone.shop.id
  name    = "www.shop.example"
  type    = "A"
  content = local.first ? "192.0.2.1" : "192.0.2.2"
  ttl     = 1
  proxied = true
}

resource "cloudflare_dns_record" "note" {
  zone_id = cloudflare_zone.shop.id
  name    = "_note.shop.example"
  type    = "TXT"
  content = "\"edition ${var.edition}\""
  ttl     = 300
  comment = "made by a test"
}

resource "cloudflare_dns_record" "mail" {
  zone_id  = cloudflare_zone.shop.id
  name     = "shop.example"
  type     = "MX"
  content  = "mail.shop.example"
  priority = local.first ? 10 : 20
  ttl      = 3600
}

resource "cloudflare_account_token" "reader" {
  account_id = var.account_id
  name       = "reader ${var.edition}"
  policies = [{
    effect            = "allow"
    permission_groups = [{ id = data.cloudflare_account_api_token_permission_groups_list.d1.result[0].id }]
    resources         = jsonencode({ "com.cloudflare.api.account.${var.account_id}" = "*" })
  }]
}
