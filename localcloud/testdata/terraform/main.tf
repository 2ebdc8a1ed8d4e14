# What the local cloud has that Cloudflare's Terraform provider, version 5, can make.
# TestTerraform applies it, changes it (edition), imports it and destroys it.
terraform {
  required_providers {
    cloudflare = {
      source = "cloudflare/cloudflare"
    }
  }
}

# The address and the token come from CLOUDFLARE_BASE_URL and CLOUDFLARE_API_TOKEN.
provider "cloudflare" {}

variable "account_id" {
  type = string
}

variable "edition" {
  type    = string
  default = "one"
}

locals {
  first = var.edition == "one"
}

data "cloudflare_accounts" "all" {}

data "cloudflare_zones" "shop" {
  name       = "shop.example"
  depends_on = [cloudflare_zone.shop]
}

data "cloudflare_account_api_token_permission_groups_list" "d1" {
  account_id = var.account_id
  name       = "D1%20Read"
}

output "accounts" {
  value = data.cloudflare_accounts.all.result[*].id
}

output "zones" {
  value = data.cloudflare_zones.shop.result[*].name
}
