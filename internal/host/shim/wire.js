// Numbers and texts in bytes: 4 bytes each, and texts with their length before them.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// pack writes texts.
export function pack(texts) {
  const parts = texts.map((text) => encoder.encode(text));
  const bytes = new Uint8Array(parts.reduce((size, part) => size + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

// Parts takes apart what the program wrote.
export class Parts {
  #at = 0;

  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  number() {
    this.#at += 4;
    return this.view.getInt32(this.#at - 4, true);
  }

  text() {
    const length = this.number();
    this.#at += length;
    return decoder.decode(this.bytes.subarray(this.#at - length, this.#at));
  }

  rest() {
    return this.bytes.subarray(this.#at);
  }
}
