// What a case saw, as JSON that keeps what JSON loses: types, and which kind of error.

export async function observe(run) {
  try {
    return { value: plain(await run()) };
  } catch (error) {
    return { error: told(error) };
  }
}

// told is an error in words; the stack differs everywhere.
export const told = (error) => (error instanceof Error ? `${error.name}: ${error.message}` : `thrown ${String(error)}`);

// refused is the error of a call that has to fail.
export async function refused(run) {
  try {
    return { accepted: plain(await run()) };
  } catch (error) {
    return { refused: told(error) };
  }
}

function plain(v) {
  if (v === undefined) return "‹undefined›";
  if (v === null || typeof v === "string" || typeof v === "boolean") return v;
  if (typeof v === "number") return Number.isFinite(v) && !Object.is(v, -0) ? v : `‹${Object.is(v, -0) ? "-0" : v}›`;
  if (typeof v === "bigint" || typeof v === "symbol" || typeof v === "function") return `‹${typeof v}›`;
  if (v instanceof Error) return told(v);
  if (v instanceof Date) return "‹Date›";
  if (v instanceof ArrayBuffer) return { "‹ArrayBuffer›": [...new Uint8Array(v)] };
  if (ArrayBuffer.isView(v)) return { [`‹${v.constructor.name}›`]: [...new Uint8Array(v.buffer, v.byteOffset, v.byteLength)] };
  if (v instanceof Map) return { "‹Map›": [...v].map(plain) };
  if (v instanceof Headers) return { "‹Headers›": [...v].map(plain) };
  if (v instanceof ReadableStream) return "‹ReadableStream›";
  if (Array.isArray(v)) return v.map(plain);
  return Object.fromEntries(Object.keys(v).map((key) => [key, plain(v[key])]));
}

// shape is an object with the types of its values.
export function shape(v) {
  if (v === null) return "null";
  if (Array.isArray(v)) return "array";
  if (typeof v !== "object") return typeof v;
  if (v instanceof Date) return "Date";
  if (v instanceof ArrayBuffer) return "ArrayBuffer";
  return Object.fromEntries(Object.keys(v).sort().map((key) => [key, shape(v[key])]));
}

export const bytes = (...numbers) => new Uint8Array(numbers);

// stream is text as a stream without a known length.
export const stream = (text) =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });

// fixed is text as a stream whose length is known.
export function fixed(text) {
  const data = new TextEncoder().encode(text);
  const { readable, writable } = new FixedLengthStream(data.length);
  const writer = writable.getWriter();
  writer.write(data).then(() => writer.close(), () => {});
  return readable;
}

export const hash = async (name, text) => await crypto.subtle.digest(name, new TextEncoder().encode(text));

export const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
