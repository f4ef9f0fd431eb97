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
