// Measures @tamyla/clodo-framework beside clodo. Reads one command per line and answers
// each with one line: {"make":NAME,"kind":KIND,"with":…} prepares something to measure,
// {"measure":NAME,"ms":N} measures it. An answer is {"ns":N}, per call, or {"broken":WHY}
// when a call of the package throws or has a wrong result; all else that fails ends this.
//
//	node harness.mjs FOLDER    the one that its node_modules are in
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

console.log = console.warn = () => {}; // the package says what it does, on stdout

const tree = process.argv[2];
const resolve = createRequire(join(tree, 'package.json')).resolve;
const load = (part) => import(pathToFileURL(resolve('@tamyla/clodo-framework/' + part)));
const { EnhancedRouter } = await load('routing');
const { schemaManager } = await load('schema');
const { GenericDataService } = await load('services');

const must = (right, why) => {
  if (!right) throw new Error(why);
  return true;
};

// Each kind is prepared with what is asked for and gives calls, i from 0 to n, which are
// true, or a promise of it, when their answers are right.
const kinds = {
  // routes: patterns with :names, and asks {method, path, route, values}: which of the
  // routes has to answer, and with which values from the path. Without a route, none.
  routes({ routes, asks, middleware }) {
    const router = new EnhancedRouter({});
    router.getRoutes().clear(); // those that it has from the start
    const answers = routes.map(() => new Response('found'));
    let values = [];
    let through = 0;
    if (middleware) router.use((request, next) => { through++; return next ? next(request) : undefined; });
    routes.forEach(([method, path], i) => {
      router.registerRoute(method, path, (_, ...args) => {
        values = args;
        return answers[i];
      });
    });
    const requests = asks.map((a) => new Request('http://bench.example' + a.path, { method: a.method }));
    return {
      n: asks.length,
      async call(i) {
        const { method, path, route, values: want } = asks[i];
        through = 0;
        const answer = await router.handleRequest(method, path, requests[i]);
        if (route === undefined) return must(answer.status === 404, `status ${answer.status} instead of 404`);
        must(answer === answers[route], `${method} ${path} got the answer of another route`);
        must(!middleware || through === 1, 'the middleware was not called');
        return must(values.length === want.length && want.every((v, n) => v === values[n]), `${method} ${path} got other values`);
      },
    };
  },

  // validate: a body, and the row that it is, or else the fields that are wrong in it.
  validate({ body, row, wrong }) {
    schemaManager.registerModel('signups', signups);
    const names = Object.keys(row ?? {});
    return {
      n: 1,
      call() {
        const result = schemaManager.validateData('signups', JSON.parse(body));
        if (!row) {
          const fields = result.errors.map((e) => e.field);
          return must(fields.length === wrong.length && wrong.every((f) => fields.includes(f)), `its errors are of ${fields}`);
        }
        return must(result.valid && names.every((name) => result.data[name] === row[name]), 'another row than the body has');
      },
    };
  },

  // list: options of findAll, the keys that it has to find, and in how many rows.
  list({ file, options, keys, total }) {
    const orders = service(file, { cacheEnabled: false });
    return {
      n: 1,
      async call() {
        const { data, pagination } = await orders.findAll(options);
        must(data.length === keys.length && keys.every((k, i) => data[i].id === k), 'other rows');
        return must(pagination.total === total, `a total of ${pagination.total} rows`);
      },
    };
  },

  // binding: list with a client that has the methods of D1, as the package documents.
  binding({ file, options, keys }) {
    model();
    const orders = new GenericDataService(binding(file), 'orders');
    return {
      n: 1,
      async call() {
        const { data } = await orders.findAll(options);
        return must(keys.every((k, i) => data[i].id === k), 'other rows');
      },
    };
  },

  // create: a row without key, in a service whose cache holds the answers to reads.
  async create({ file, row, reads }) {
    const orders = service(file, { defaultCacheTTL: 3600 });
    for (const id of reads) await orders.findById(id);
    if (orders.queryCache.size !== reads.length) throw new Error(`the cache has ${orders.queryCache.size} answers`);
    const made = [];
    const there = clients.get(file).prepare('SELECT status FROM orders WHERE id = ?');
    return {
      n: 1,
      async call() {
        made.push((await orders.create({ ...row })).id);
        return true;
      },
      check() { // outside of the time that is measured
        for (const id of made) must(there.get(id)?.status === row.status, 'a row is not there');
        made.length = 0;
      },
    };
  },

  // include: a row together with the one that it belongs to.
  include({ file, id, user }) {
    const orders = service(file, { cacheEnabled: false });
    return {
      n: 1,
      async call() {
        const order = await orders.findById(id, ['user']);
        return must(order.user.id === user, 'another user');
      },
    };
  },

  // patch: a column of a row alone is changed.
  patch({ file, id }) {
    const orders = service(file, { cacheEnabled: false });
    let price = 0;
    return {
      n: 1,
      async call() {
        await orders.update(id, { price: ++price });
        return must((await orders.findById(id)).price === price, 'the row is as it was');
      },
    };
  },

  // reread: a row is read after it was changed, with a cache.
  reread({ file, id }) {
    const orders = service(file, {});
    let price = 0;
    return {
      n: 1,
      async call() {
        const order = await orders.findById(id);
        await orders.update(id, { ...order, price: ++price });
        return must((await orders.findById(id)).price === price, 'it answers with the row from before');
      },
    };
  },
};

// signups are the rules of the benchmark's ten fields. What columns cannot say is said by
// rules of their own.
const rule = (field, validator) => ({ field, validator, message: `'${field}' is wrong` });
const signups = {
  columns: {
    email: { type: 'text', maxLength: 200, pattern: /^[^@\s]+@[^@\s]+\.[^@\s]+$/ },
    name: { type: 'text', minLength: 2, maxLength: 80 },
    age: { type: 'integer' },
    score: { type: 'real' },
    role: { type: 'text' },
    active: {}, // it has no type for true and false
    website: { type: 'text', pattern: /^https?:\/\/\S+$/ },
    city: { type: 'text', maxLength: 80 },
    postcode: { type: 'text', pattern: /^\d+$/ },
    team: { type: 'text', pattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ },
  },
  validation: {
    required: ['email', 'name', 'age', 'role', 'website', 'city', 'postcode', 'team'],
    custom: {
      age: rule('age', (d) => d.age >= 18 && d.age <= 150),
      score: rule('score', (d) => d.score === undefined || (d.score >= 0 && d.score <= 100)),
      role: rule('role', (d) => d.role === 'admin' || d.role === 'editor' || d.role === 'viewer'),
    },
  },
};

// model registers the tables that the rows of lists and writes are in.
function model() {
  schemaManager.registerModel('users', { columns: { id: { type: 'integer' }, name: { type: 'text' } } });
  schemaManager.registerModel('orders', {
    columns: {
      id: { type: 'text' }, user_id: { type: 'integer' }, status: { type: 'text' },
      country: { type: 'text' }, price: { type: 'real' }, notes: { type: 'text' }, created_at: { type: 'text' },
    },
    validation: { required: ['user_id', 'status', 'country'] },
    relationships: { user: { model: 'users', type: 'belongsTo', foreignKey: 'user_id' } },
  });
}

// clients are SQLite files, with their prepared statements kept and room for all of their
// pages in memory, so that nobody waits for the disk.
const clients = new Map();

async function open(file) {
  if (clients.has(file)) return;
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-262144');
  const kept = new Map();
  clients.set(file, {
    prepare(sql) {
      if (!kept.has(sql)) kept.set(sql, db.prepare(sql));
      return kept.get(sql);
    },
  });
}

// service is the package's, on a client with the methods that it calls.
function service(file, options) {
  model();
  const { prepare } = clients.get(file);
  const client = {
    generateId: () => randomUUID(),
    getCurrentTimestamp: () => new Date().toISOString(),
    run: async (sql, params = []) => { prepare(sql).run(...params); return { success: true }; },
    all: async (sql, params = []) => prepare(sql).all(...params),
    first: async (sql, params = []) => prepare(sql).get(...params) ?? null,
  };
  return new GenericDataService(client, 'orders', options);
}

// binding is a database with the methods of Cloudflare's D1Database.
function binding(file) {
  const { prepare } = clients.get(file);
  const statement = (sql, params = []) => ({
    bind: (...values) => statement(sql, values),
    all: async () => ({ success: true, results: prepare(sql).all(...params), meta: {} }),
    first: async () => prepare(sql).get(...params) ?? null,
    run: async () => { prepare(sql).run(...params); return { success: true, meta: {} }; },
  });
  return { prepare: (sql) => statement(sql) };
}

const things = new Map(); // made, by name

async function make({ make: name, kind, with: given }) {
  if (given.file) await open(given.file);
  things.set(name, await kinds[kind](given));
  await measure({ measure: name, ms: 300 }).catch(() => {}); // to warm up; what is broken is broken later too
}

async function measure({ measure: name, ms }) {
  const { n, call, check } = things.get(name);
  const began = performance.now();
  let calls = 0;
  let took = 0;
  do {
    for (let i = 0; i < n; i++) {
      const right = call(i);
      if (right !== true) await right;
    }
    calls += n;
    took = performance.now() - began;
  } while (took < ms);
  check?.();
  return (took * 1e6) / calls;
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer = {};
  if (command.make) await make(command);
  else answer = await measure(command).then((ns) => ({ ns }), (e) => ({ broken: e.message }));
  process.stdout.write(JSON.stringify(answer) + '\n');
}
