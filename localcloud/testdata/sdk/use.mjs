// What a program does with Cloudflare's SDK for TypeScript, against the cloud that
// CLOUDFLARE_BASE_URL names: each product's life from its creation to its end. It is
// version 6, as version 7 cannot upload a Worker to Cloudflare either
// (cloudflare/cloudflare-typescript#2799).
import assert from "node:assert/strict"
import { createRequire } from "node:module"

const [modules, account] = process.argv.slice(2)
const { default: Cloudflare, toFile } = createRequire(`${modules}/`)("cloudflare")
const client = new Cloudflare({ maxRetries: 0 })
const mine = { account_id: account }

async function all(pages) {
  const list = []
  for await (const one of pages) list.push(one)
  return list
}

async function refused(promise, status, code) {
  const error = await promise.then(() => assert.fail("it should have been refused"), (e) => e)
  assert.equal(error.status, status, error.message)
  assert.equal(error.errors[0].code, code)
}

const source = (text) => `export default {
  async fetch(request, env) { await env.KV.put("seen", "${text}"); return new Response("${text}") },
  async scheduled() {}, async queue(batch, env) { await env.KV.put("queue", batch.queue) },
}`
const code = (text) => toFile(Buffer.from(source(text)), "index.js", { type: "application/javascript+module" })

async function zonesAndRecords() {
  assert.equal((await all(client.accounts.list()))[0].id, account)
  const zone = await client.zones.create({ account: { id: account }, name: "second.example", type: "full" })
  assert.equal((await all(client.zones.list({ name: "second.example" })))[0].id, zone.id)
  const record = { zone_id: zone.id, type: "TXT", name: "_note.second.example", ttl: 300, content: "\"one\"" }
  const made = await client.dns.records.create(record)
  await client.dns.records.update(made.id, { ...record, content: "\"two\"" })
  assert.equal((await client.dns.records.edit(made.id, { ...record, comment: "noted" })).comment, "noted")
  assert.equal((await all(client.dns.records.list({ zone_id: zone.id, type: "TXT" })))[0].content, "\"one\"")
  await client.dns.records.delete(made.id, { zone_id: zone.id })
  return zone
}

async function data() {
  const kv = await client.kv.namespaces.create({ ...mine, title: "sdk" })
  await client.kv.namespaces.values.update(kv.id, "a%2Fb", { ...mine, value: "1", metadata: JSON.stringify({ from: "sdk" }) })
  assert.equal(await (await client.kv.namespaces.values.get(kv.id, "a%2Fb", mine)).text(), "1")
  assert.deepEqual(await client.kv.namespaces.metadata.get(kv.id, "a%2Fb", mine), { from: "sdk" })
  assert.equal((await all(client.kv.namespaces.keys.list(kv.id, mine)))[0].name, "a/b")
  assert.deepEqual((await client.kv.namespaces.bulkGet(kv.id, { ...mine, keys: ["a/b"] })).values, { "a/b": "1" })

  const db = await client.d1.database.create({ ...mine, name: "sdk" })
  const rows = await all(client.d1.database.query(db.uuid, { ...mine, sql: "SELECT ?1 AS x", params: ["y"] }))
  assert.equal(rows[0].results[0].x, "y")
  await refused(all(client.d1.database.query(db.uuid, { ...mine, sql: "SELEC" })), 400, 7500)

  const bucket = await client.r2.buckets.create({ ...mine, name: "sdk" })
  await client.r2.buckets.cors.update("sdk", { ...mine, rules: [{ allowed: { methods: ["GET"], origins: ["https://shop.example"] } }] })
  assert.equal((await client.r2.buckets.cors.get("sdk", mine)).rules.length, 1)
  await client.r2.buckets.lifecycle.update("sdk", { ...mine, rules: [{ id: "old", enabled: true, conditions: { prefix: "tmp/" }, deleteObjectsTransition: { condition: { type: "Age", maxAge: 86400 } } }] })
  assert.equal((await client.r2.buckets.lifecycle.get("sdk", mine)).rules[0].id, "old")
  assert.ok((await client.r2.buckets.list(mine)).buckets.some((b) => b.name === bucket.name))

  const queue = await client.queues.create({ ...mine, queue_name: "sdk" })
  await client.queues.edit(queue.queue_id, { ...mine, settings: { delivery_delay: 1 } })
  assert.equal((await client.queues.get(queue.queue_id, mine)).settings.delivery_delay, 1)
  return { kv, db, queue }
}

async function worker({ kv, db, queue }, zone) {
  const metadata = {
    main_module: "index.js", compatibility_date: "2026-01-01",
    bindings: [
      { type: "kv_namespace", name: "KV", namespace_id: kv.id }, { type: "d1", name: "DB", id: db.uuid },
      { type: "r2_bucket", name: "BUCKET", bucket_name: "sdk" }, { type: "queue", name: "QUEUE", queue_name: "sdk" },
      { type: "plain_text", name: "TEXT", text: "x" }, { type: "json", name: "JSON", json: { a: [1] } }, { type: "secret_text", name: "KEY", text: "hidden" },
    ],
  }
  const script = client.workers.scripts
  await script.update("sdk", { ...mine, metadata, files: [await code("one")] })
  assert.equal((await all(script.list(mine))).filter((s) => s.id === "sdk").length, 1)
  assert.match(await (await script.content.get("sdk", mine)).text(), /one/)
  await script.secrets.update("sdk", { ...mine, name: "KEY", text: "other", type: "secret_text" })
  assert.equal((await all(script.secrets.list("sdk", mine)))[0].name, "KEY")
  await script.schedules.update("sdk", { ...mine, body: [{ cron: "0 0 1 1 *" }] })
  await script.subdomain.create("sdk", { ...mine, enabled: true, previews_enabled: false })
  const version = await script.versions.create("sdk", { ...mine, metadata: { ...metadata, annotations: { "workers/message": "by the SDK" } }, files: [await code("two")] })
  await script.deployments.create("sdk", { ...mine, strategy: "percentage", versions: [{ version_id: version.id, percentage: 100 }] })
  assert.equal((await script.deployments.list("sdk", mine)).deployments[0].versions[0].version_id, version.id)
  assert.equal((await script.scriptAndVersionSettings.get("sdk", mine)).bindings.length, 7)
  await script.scriptAndVersionSettings.edit("sdk", { ...mine, settings: { compatibility_flags: ["nodejs_compat"] } })

  const consumer = await client.queues.consumers.create(queue.queue_id, { ...mine, type: "worker", script_name: "sdk", settings: { batch_size: 5 } })
  const route = await client.workers.routes.create({ zone_id: zone.id, pattern: "second.example/*", script: "sdk" })
  const domain = await client.workers.domains.update({ ...mine, hostname: "app.second.example", service: "sdk", zone_id: zone.id, environment: "production" })
  await client.workers.domains.delete(domain.id, mine)
  await client.workers.routes.delete(route.id, { zone_id: zone.id })
  await client.queues.consumers.delete(queue.queue_id, consumer.consumer_id, mine)
  await script.delete("sdk", mine)
  await refused(script.scriptAndVersionSettings.get("sdk", mine), 404, 10007)
}

async function newerWorker({ kv }) {
  const { workers } = client.workers.beta
  const made = await workers.create({ ...mine, name: "newer", tags: ["sdk"], subdomain: { enabled: true } })
  const content_base64 = Buffer.from(source("newer")).toString("base64")
  const version = await workers.versions.create(made.id, {
    ...mine, deploy: true, main_module: "index.js", compatibility_date: "2026-01-01",
    modules: [{ name: "index.js", content_type: "application/javascript+module", content_base64 }], bindings: [{ type: "kv_namespace", name: "KV", namespace_id: kv.id }],
  })
  assert.equal((await workers.versions.get(made.id, version.id, { ...mine, include: "modules" })).modules[0].content_base64, content_base64)
  assert.equal((await workers.edit(made.id, { ...mine, logpush: false, tags: ["edited"] })).subdomain.enabled, true)
  assert.deepEqual((await all(workers.list(mine))).map((w) => w.name), ["newer"])
  await workers.delete(made.id, mine)
}

async function end({ kv, db, queue }, zone) {
  await client.queues.delete(queue.queue_id, mine)
  await client.r2.buckets.delete("sdk", mine)
  await client.d1.database.delete(db.uuid, mine)
  await client.kv.namespaces.delete(kv.id, mine)
  await client.zones.delete({ zone_id: zone.id })
  await refused(client.d1.database.get(db.uuid, mine), 404, 7404)
}

const zone = await zonesAndRecords()
const made = await data()
await worker(made, zone)
await newerWorker(made)
await end(made, zone)
console.log("done")
