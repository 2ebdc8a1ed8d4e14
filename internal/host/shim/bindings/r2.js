// R2. Calls and objects are those of R2's own protocol, as far as they go.
const time = (ms) => (ms === undefined ? undefined : new Date(ms));
const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

function options({ range, onlyIf, httpFields, customFields, md5, sha1, sha256, sha384, sha512, storageClass }) {
  const out = { range, storageClass };
  if (onlyIf) {
    const { etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter } = onlyIf;
    out.onlyIf = {
      etagMatches: etagMatches?.[0].value,
      etagDoesNotMatch: etagDoesNotMatch?.[0].value,
      uploadedBefore: time(uploadedBefore),
      uploadedAfter: time(uploadedAfter),
    };
  }
  if (httpFields) out.httpMetadata = { ...httpFields, cacheExpiry: time(httpFields.cacheExpiry) };
  if (customFields) out.customMetadata = Object.fromEntries(customFields.map(({ k, v }) => [k, v]));
  if (md5) out.md5 = bytes(md5);
  return Object.assign(out, { sha1, sha256, sha384, sha512 });
}

function head(object) {
  if (object === null) return null;
  const { key, version, size, etag, uploaded, httpMetadata, customMetadata, range, checksums, storageClass } = object;
  const sums = checksums.toJSON();
  const names = ["md5", "sha1", "sha256", "sha384", "sha512"];
  return {
    name: key,
    version,
    size,
    etag,
    uploaded: uploaded.getTime(),
    httpFields: httpMetadata && { ...httpMetadata, cacheExpiry: httpMetadata.cacheExpiry?.getTime() },
    customFields: customMetadata && Object.entries(customMetadata).map(([k, v]) => ({ k, v })),
    range: range && { offset: range.offset ?? 0, length: range.length ?? size },
    checksums: Object.fromEntries(names.map((name, i) => [i, sums[name]])),
    storageClass,
  };
}

// sized is a stream with the length that R2 wants to know.
function sized(body, size, write) {
  if (!(body instanceof ReadableStream)) return write(body);
  const { readable, writable } = new FixedLengthStream(size);
  const sent = body.pipeTo(writable);
  sent.catch(() => {}); // write fails too
  return write(readable);
}

const upload = (bucket, { object, uploadId }) => bucket.resumeMultipartUpload(object, uploadId);

export default {
  head: async (bucket, { object }) => head(await bucket.head(object)),
  async get(bucket, args, _body, call) {
    const object = await bucket.get(args.object, options(args));
    return call.answer(head(object), object?.body);
  },
  put: async (bucket, args, body) => head(await sized(body, args.size, (content) => bucket.put(args.object, content, options(args)))),
  async delete(bucket, { objects }) {
    await bucket.delete(objects);
    return {};
  },
  async list(bucket, { prefix, cursor, delimiter, startAfter, limit, include }) {
    const names = ["httpMetadata", "customMetadata"];
    const page = await bucket.list({ prefix, cursor, delimiter, startAfter, limit, include: include?.map((i) => names[i]) });
    return { ...page, objects: page.objects.map(head) };
  },
  async createMultipartUpload(bucket, args) {
    const { uploadId } = await bucket.createMultipartUpload(args.object, options(args));
    return { uploadId };
  },
  async uploadPart(bucket, args, body) {
    const { etag } = await sized(body, args.size, (content) => upload(bucket, args).uploadPart(args.partNumber, content));
    return { etag };
  },
  completeMultipartUpload: async (bucket, args) =>
    head(await upload(bucket, args).complete((args.parts ?? []).map(({ part, etag }) => ({ partNumber: part, etag })))),
  async abortMultipartUpload(bucket, args) {
    await upload(bucket, args).abort();
    return {};
  },
};
