/** What we write is what cborg reads, and what we read is what cborg writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as cborg from "cborg";
import { decode, encode, sequence } from "../src/cbor.js";
import { bytes, hex } from "./support.js";

const EDGES = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 2].flatMap((n) => [n, -n - 1]);
const NUMBERS = [...EDGES, 2 ** 53 - 1, 1.5, -0.1, 1e300, 5e-324, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 64n)];
const BYTES = [new Uint8Array(0), new Uint8Array(70_000).fill(7)];
const LISTS = [[], [[1], {}], Array.from({ length: 300 }, (_, n) => n)];
const VALUES = [...NUMBERS, null, true, false, "", "é", "🪷", "x".repeat(300), ...BYTES, ...LISTS, { b: 1, a: [null] }];

test("every kind of value goes through both", () => {
  for (const value of VALUES) {
    assert.deepEqual(cborg.decode(encode(value)), value);
    assert.deepEqual(decode(cborg.encode(value)), cborg.decode(cborg.encode(value)));
  }
});

test("what has one short form has the bytes that cborg writes", () => {
  for (const value of VALUES.filter((value) => typeof value !== "number" || Number.isInteger(value))) {
    const sorted = { mapSorter: undefined };
    assert.equal(hex(encode(value)), hex(cborg.encode(value, sorted)));
  }
});

test("random values survive", () => {
  let state = 5;
  const random = (below) => (state = (state * 48271) % 2147483647) % below;
  const value = (depth) => {
    const kind = random(depth > 5 ? 5 : 7);
    const number = random(2 ** 31);
    if (kind < 5) return [number - 2 ** 30, number / 7, "ab".repeat(number % 200), number % 2 === 1, BigInt(number) * 2n ** 32n][kind];
    const items = Array.from({ length: random(5) }, () => value(depth + 1));
    return kind === 5 ? items : Object.fromEntries(items.map((item, index) => [`key ${index}`, item]));
  };
  for (let run = 0; run < 500; run += 1) {
    const one = value(0);
    assert.deepEqual(decode(encode(one)), cborg.decode(cborg.encode(one)));
  }
});

test("a key that is the name of the prototype is a key", () => {
  assert.deepEqual(Object.keys(decode(bytes("a1 69 5f5f70726f746f5f5f 01"))), ["__proto__"]);
});

const UNSENDABLE = { undefined, "a function": () => 1, "no number": NaN, infinity: -Infinity, "a symbol": Symbol("x"), "65 bits": 2n ** 64n };
for (const [name, value] of Object.entries(UNSENDABLE)) {
  test(`${name} cannot be written`, () => assert.throws(() => encode([value]), TypeError));
}

test("16 levels are written and read, 17 are not, and a circle is not", () => {
  const nested = (levels) => (levels === 0 ? 1 : [nested(levels - 1)]);
  assert.deepEqual(decode(encode(nested(16))), nested(16));
  assert.throws(() => encode(nested(17)), /at most 16 levels/);
  assert.throws(() => encode(nested(16), 1), /at most 16 levels/);
  assert.throws(() => decode(cborg.encode(nested(17))), /at most 16 levels/);
  const circle = [];
  circle.push(circle);
  assert.throws(() => encode(circle), TypeError);
});

test("a sequence is byte strings and nothing else", () => {
  assert.deepEqual([...sequence(bytes("40 4101 420203"))].map(hex), ["", "01", "0203"]);
  assert.deepEqual([...sequence(new Uint8Array(0))], []);
  for (const wrong of ["6161", "42 01", "5f 41 01 ff", "01"]) assert.throws(() => [...sequence(bytes(wrong))]);
});

test("what is read strictly is refused otherwise", () => {
  const refused = {
    "bytes that are left over": "01 02",
    "bytes that are missing": "62 61",
    "an array without its end": "82 01",
    "a map without its last value": "a1 61 61",
    "more items than there can be": "9b ff ff ff ff ff ff ff ff",
    "more text than there can be": "7b ff ff ff ff ff ff ff ff 61",
    "nothing at all": "",
    "a number in more bytes than it takes": "18 17",
    "16 bits for 8": "19 00 ff",
    "32 bits for 16": "1a 00 00 ff ff",
    "64 bits for 32": "1b 00 00 00 00 ff ff ff ff",
    "a length in more bytes than it takes": "78 01 61",
    "no end": "9f 01 ff",
    "a break": "ff",
    "a reserved length": "1c",
    "a tag": "c1 01",
    "undefined": "f7",
    "a simple value": "f8 20",
    "a key that is no text": "a1 01 02",
    "a key twice": "a2 61 61 01 61 61 02",
    "no number in 16 bits": "f9 7e 00",
    "infinity in 32 bits": "fa 7f 80 00 00",
    "infinity in 64 bits": "fb ff f0 00 00 00 00 00 00",
    "text that is not UTF-8": "62 c3 28",
    "half a character": "61 c3",
  };
  for (const [what, given] of Object.entries(refused)) assert.throws(() => decode(bytes(given)), Error, what);
  assert.throws(() => decode("text"));
});

test("a byte order mark is a character like others", () => assert.equal(decode(bytes("63 ef bb bf")), "\ufeff"));

test("numbers of 16 and 32 bits are read", () => {
  const values = { "f9 3c00": 1, "f9 c400": -4, "f9 0001": 2 ** -24, "f9 7bff": 65_504, "fa 47c35000": 100_000, "f9 8000": -0 };
  for (const [given, value] of Object.entries(values)) assert.ok(Object.is(decode(bytes(given)), value), given);
});

test("whatever the bytes are, they are read or refused as cborg does it", () => {
  const strict = { strict: true, allowIndefinite: false, allowUndefined: false, allowInfinity: false, allowNaN: false };
  const options = { ...strict, allowBigInt: true, rejectDuplicateMapKeys: true };
  const seeds = VALUES.filter((value) => typeof value !== "object" || JSON.stringify(value).length < 2_000).map((value) => encode(value));
  let state = 7;
  const random = (below) => (state = (state * 48271) % 2147483647) % below;
  const outcome = (read, data) => {
    try {
      return { value: read(data) };
    } catch {
      return "refused";
    }
  };
  let read = 0;
  for (let run = 0; run < 20_000; run += 1) {
    const made = run % 3 === 0 ? Array.from({ length: random(12) }, () => random(256)) : [...seeds[random(seeds.length)]];
    for (let change = random(3); change > 0 && made.length > 0; change -= 1) made[random(made.length)] = random(256);
    const data = Uint8Array.from(made);
    const [ours, theirs] = [outcome(decode, data), outcome((given) => cborg.decode(given, options), data)];
    const isText = theirs !== "refused" && JSON.stringify(theirs.value, (_, each) => (typeof each === "bigint" ? `${each}` : each)).includes("\ufffd");
    if (isText) continue; // cborg replaces what is not UTF-8; we refuse it
    assert.deepEqual(ours, theirs, hex(data));
    read += ours !== "refused";
  }
  assert.ok(read > 3_000, `${read} were read`);
});
