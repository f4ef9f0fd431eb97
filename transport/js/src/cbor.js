/**
 * CBOR (RFC 8949), as strict as docs/wire.md wants it: one item and nothing behind it, each length in its shortest form,
 * text keys, each once, and neither tags nor what has no end. Pure. The tests compare it with cborg.
 */
const DEPTH = 16; // levels of nesting that a server accepts, the frame included
const TOO_DEEP = `a value is nested at most ${DEPTH} levels deep, its frame included`;
const TEXT = new TextEncoder();
const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const SHORT = 24; // bytes of text up to which it is quicker to look at each than to call a decoder

/** Read exactly one item. Raises an Error for everything else. */
export function decode(data) {
  const reader = new Reader(data);
  const value = reader._value(0);
  if (!reader._done) throw new TypeError("bytes are left over");
  return value;
}

/** Take a CBOR sequence (RFC 8742) of byte strings apart. Raises an Error for anything else. */
export function* sequence(data) {
  const reader = new Reader(data);
  while (!reader._done) {
    const value = reader._value(0);
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected a byte string for each frame, got ${typeof value}`);
    yield value;
  }
}

class Reader {
  _at = 0;

  constructor(data) {
    this._data = data;
    this._view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get _done() {
    return this._at >= this._data.length;
  }

  /** Where the next `size` bytes begin. */
  _take(size) {
    const at = this._at;
    this._at += size;
    if (this._at > this._data.length) throw new TypeError("bytes are missing");
    return at;
  }

  _value(depth) {
    const head = this._data[this._take(1)];
    const [major, info] = [head >> 5, head & 31];
    if (major === 7) return this._simple(info);
    const argument = this._argument(info);
    const count = Number(argument);
    if (major === 0) return argument;
    if (major === 1) return Number.isSafeInteger(-1 - count) ? -1 - count : -1n - BigInt(argument);
    if (major === 2) return this._data.slice(this._take(count), this._at);
    if (major === 3) return this._text(count);
    if (major === 6) throw new TypeError("there is no place for a tag");
    if (depth >= DEPTH) throw new TypeError(TOO_DEEP);
    return major === 4 ? this._array(count, depth + 1) : this._map(count, depth + 1);
  }

  /** The number in a head, or behind it in the fewest bytes that hold it. */
  _argument(info) {
    if (info < 24) return info;
    if (info > 27) throw new TypeError("expected a definite length");
    const size = 1 << (info - 24);
    const at = this._take(size);
    const value = info === 27 ? this._view.getBigUint64(at) : this._view[`getUint${8 * size}`](at);
    if (value < (info === 24 ? 24 : 2 ** (4 * size))) throw new TypeError("a number is longer than it has to be");
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  _simple(info) {
    if (info >= 20 && info <= 22) return [false, true, null][info - 20];
    if (info < 25 || info > 27) throw new TypeError("there is no place for a simple value");
    const at = this._take(1 << (info - 24));
    const value = info === 25 ? half(this._view.getUint16(at)) : this._view[info === 26 ? "getFloat32" : "getFloat64"](at);
    if (!Number.isFinite(value)) throw new TypeError("a number is finite");
    return value;
  }

  _text(size) {
    const start = this._take(size);
    let text = "";
    if (size <= SHORT) {
      while (text.length < size && this._data[start + text.length] < 128) text += String.fromCharCode(this._data[start + text.length]);
    }
    return text.length === size ? text : FROM_UTF8.decode(this._data.subarray(start, this._at));
  }

  _array(count, depth) {
    const items = [];
    while (items.length < count) items.push(this._value(depth));
    return items;
  }

  _map(count, depth) {
    const pairs = new Map();
    while (pairs.size < count) {
      const key = this._value(depth);
      if (typeof key !== "string" || pairs.has(key)) throw new TypeError("the keys of a map are text, each of them once");
      pairs.set(key, this._value(depth));
    }
    return Object.fromEntries(pairs);
  }
}

/** A number of 16 bits: a sign, 5 bits of exponent, 10 of fraction. */
function half(bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const value = exponent === 31 ? NaN : exponent > 0 ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
  return bits >> 15 ? -value : value;
}

/**
 * The bytes of a plain value that stands `depth` levels deep: null, booleans, finite numbers, bigint of 64 bits, text,
 * Uint8Array, arrays, objects with their keys in the order they were written in. Raises TypeError for anything else.
 */
export function encode(value, depth = 0) {
  const writer = new Writer();
  writer._write(value, depth);
  return writer._bytes.slice(0, writer._at);
}

class Writer {
  _at = 0;
  _bytes = new Uint8Array(256);
  _view = new DataView(this._bytes.buffer);

  _write(value, depth) {
    if (depth >= DEPTH && typeof value === "object" && value !== null) throw new TypeError(TOO_DEEP);
    if (value === null) this._byte(0xf6);
    else if (typeof value === "boolean") this._byte(value ? 0xf5 : 0xf4);
    else if (Number.isSafeInteger(value) || typeof value === "bigint") {
      if (value < 0) this._head(1, typeof value === "bigint" ? -1n - value : -1 - value);
      else this._head(0, value);
    } else if (Number.isFinite(value)) this._number("setFloat64", 0xfb, value, 8);
    else if (typeof value === "string") this._put(3, TEXT.encode(value));
    else if (value instanceof Uint8Array) this._put(2, value);
    else if (Array.isArray(value)) {
      this._head(4, value.length);
      for (const item of value) this._write(item, depth + 1);
    } else if (typeof value === "object") {
      const pairs = Object.entries(value);
      this._head(5, pairs.length);
      for (const [key, item] of pairs) {
        this._put(3, TEXT.encode(key));
        this._write(item, depth + 1);
      }
    } else throw new TypeError(`${value === undefined ? value : typeof value} cannot be sent; use null`);
  }

  /** A major type and its argument, in as few bytes as hold it. */
  _head(major, argument) {
    const start = major << 5;
    if (argument < 24) this._byte(start | Number(argument));
    else if (argument < 0x100) this._number("setUint8", start | 24, Number(argument), 1);
    else if (argument < 0x10000) this._number("setUint16", start | 25, Number(argument), 2);
    else if (argument < 0x100000000) this._number("setUint32", start | 26, Number(argument), 4);
    else if (argument < 2n ** 64n) this._number("setBigUint64", start | 27, BigInt(argument), 8);
    else throw new TypeError("an integer has at most 64 bits");
  }

  _number(kind, head, value, size) {
    this._byte(head);
    const at = this._room(size); // which may replace the view
    this._view[kind](at, value);
  }

  _put(major, bytes) {
    this._head(major, bytes.length);
    const at = this._room(bytes.length);
    this._bytes.set(bytes, at);
  }

  _byte(value) {
    const at = this._room(1);
    this._bytes[at] = value;
  }

  /** Where the next `size` bytes go. */
  _room(size) {
    const at = this._at;
    this._at += size;
    if (this._at > this._bytes.length) {
      const grown = new Uint8Array(2 * this._at);
      grown.set(this._bytes);
      this._bytes = grown;
      this._view = new DataView(grown.buffer);
    }
    return at;
  }
}
