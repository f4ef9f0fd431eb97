/**
 * CBOR (RFC 8949), as strict as docs/wire.md wants it: cborg takes what comes in
 * apart; what goes out is plain values, and writing those takes a page. Pure.
 */
import { Tokenizer } from "cborg";

const DEPTH = 16; // levels of nesting that a server accepts, the frame included
const TOO_DEEP = `a value is nested at most ${DEPTH} levels deep, its frame included`;
const TEXT = new TextEncoder();
const STRICT = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: true,
};

/** Read exactly one item. Raises an Error for everything else. */
export function decode(data) {
  const tokens = new Tokenizer(data, STRICT);
  const value = compose(tokens, 0);
  if (!tokens.done()) throw new TypeError("bytes are left over");
  return value;
}

/** Take a CBOR sequence (RFC 8742) of byte strings apart. Raises an Error for anything else. */
export function* sequence(data) {
  const tokens = new Tokenizer(data, STRICT);
  while (!tokens.done()) {
    const { type, value } = tokens.next();
    if (type.name !== "bytes") throw new TypeError(`expected a byte string for each frame, got a ${type.name}`);
    yield value;
  }
}

function compose(tokens, depth) {
  if (tokens.done()) throw new TypeError("bytes are missing");
  const { type, value } = tokens.next();
  if (type.terminal) return value;
  if (depth >= DEPTH) throw new TypeError(TOO_DEEP);
  if (type.name === "array") {
    const items = [];
    while (items.length < value) items.push(compose(tokens, depth + 1));
    return items;
  }
  if (type.name !== "map") throw new TypeError(`there is no place for a ${type.name}`);
  const pairs = new Map();
  for (let size = 0; size < value; size += 1) {
    const key = compose(tokens, depth + 1);
    if (typeof key !== "string" || pairs.has(key)) throw new TypeError("the keys of a map are text, each of them once");
    pairs.set(key, compose(tokens, depth + 1));
  }
  return Object.fromEntries(pairs);
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
