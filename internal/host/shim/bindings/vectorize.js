// Vectorize. The operations have the names of its own protocol.
export default {
  info: (index) => index.describe(),
  query: (index, { vector, vectorId, ...options }) => (vectorId === undefined ? index.query(vector ?? [], options) : index.queryById(vectorId, options)),
  insert: (index, vectors) => index.insert(vectors ?? []),
  upsert: (index, vectors) => index.upsert(vectors ?? []),
  getByIds: (index, { ids }) => index.getByIds(ids ?? []),
  deleteByIds: (index, { ids }) => index.deleteByIds(ids ?? []),
};
