// D1. `call` is a statement { sql, params } or an array of them. The answers are those
// of D1's own protocol: an array with { results: { columns, rows }, meta } for each.
function statement(db, { sql, params }) {
  const prepared = db.prepare(sql);
  return params.length > 0 ? prepared.bind(...params) : prepared;
}

// table turns rows that are objects into rows that are arrays.
function table({ results, meta }) {
  const columns = results.length > 0 ? Object.keys(results[0]) : [];
  return { success: true, results: { columns, rows: results.map(Object.values) }, meta };
}

const ways = {
  async all(db, call) {
    return [table(await statement(db, call).all())];
  },
  async raw(db, call) {
    const rows = await statement(db, call).raw({ columnNames: true });
    return [{ success: true, results: { columns: rows.shift(), rows } }];
  },
  async run(db, call) {
    const { meta } = await statement(db, call).run();
    return [{ success: true, meta }];
  },
  async batch(db, call) {
    return (await db.batch(call.map((one) => statement(db, one)))).map(table);
  },
};

// inSession has the session's answers bring the newest bookmark with them.
function inSession(way) {
  return async (db, { call, session }) => {
    if (session === undefined) return way(db, call);
    const of = db.withSession(session);
    return { answer: await way(of, call), bookmark: of.getBookmark() };
  };
}

export default {
  all: inSession(ways.all),
  raw: inSession(ways.raw),
  run: inSession(ways.run),
  batch: inSession(ways.batch),
  exec: (db, sql) => db.exec(sql),
};
