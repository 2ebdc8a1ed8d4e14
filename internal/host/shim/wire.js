// Numbers and texts in bytes: 4 bytes each, and texts with their length before them.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Parcel is what the program takes apart.
export class Parcel {
  #parts = [];
  #size = 0;

  number(n) {
    const part = new Uint8Array(4);
    new DataView(part.buffer).setInt32(0, n, true);
    return this.#add(part);
  }

  text(text) {
    const part = encoder.encode(text);
    return this.number(part.length).#add(part);
  }

  #add(part) {
    this.#parts.push(part);
    this.#size += part.length;
    return this;
  }

  bytes() {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
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
