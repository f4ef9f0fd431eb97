import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import { automatic, custom, tuple } from "../src/serialiser.js";

const types = automatic({ Move: ["id", "x", "y"], Board: ["cards"], Color: ["name"], Reset: [] });
const { Move, Board, Color, Reset } = types.constructors;
const wire = (value) => decode(encode(types.encodeMessage(value)));
const back = (value) => types.decodeMessage(wire(value));

test("a registered type travels by position", () => {
  assert.deepEqual(wire(Move("c1", 1, 2)), { _: "Move", 0: "c1", 1: 1, 2: 2 });
  assert.deepEqual(wire({ y: 2, x: 1, id: "c1", _: "Move" }), { _: "Move", 0: "c1", 1: 1, 2: 2 });
});

test("an enum travels by name, a type without fields by itself", () => {
  assert.deepEqual(wire(Color("RED")), { _: "Color", 0: "RED" });
  assert.deepEqual(wire(Reset()), { _: "Reset" });
});

const SAME = {
  "types within types": Board([Move("c1", 1, 2), Move("c2", 3, 4)]),
  "null": null,
  "text": "Grüße, 世界",
  "numbers": [0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, NaN, Infinity, -Infinity],
  "big integers": [2n ** 53n, -(2n ** 53n) - 1n, 2n ** 64n - 1n],
  "bytes": Uint8Array.of(1, 2, 255),
  "a set": new Set(["a", 1, Move("c", 0, 0)]),
  "a map with keys of any kind": new Map([[1, "a"], [null, Color("RED")], [true, []]]),
  "a date": new Date(1_700_000_000_123),
  "a plain object": { a: { b: [true, false] }, "": 0, 0: "zero" },
  "a date, a uuid and a decimal in text": [{ _: "$date", text: "2024-02-29" }, { _: "$uuid", text: "6f" }, { _: "$decimal", text: "1.10" }],
  "a type that nobody knows": { _: "Stranger", fields: [1, Move("c", 0, 0)] },
};

for (const [name, value] of Object.entries(SAME)) {
  test(`${name} comes back as it was sent`, () => assert.deepEqual(back(value), value));
}

const BUILT_IN = [
  [tuple(1, "a"), { _: "$tuple", 0: [1, "a"] }],
  [new Set([1]), { _: "$set", 0: [1] }],
  [new Map([[1, 2]]), { _: "$dict", 0: [[1, 2]] }],
  [new Date(0), { _: "$datetime", 0: "1970-01-01T00:00:00.000Z" }],
  [NaN, { _: "$float", 0: "nan" }],
  [-Infinity, { _: "$float", 0: "-inf" }],
];

for (const [value, plain] of BUILT_IN) {
  test(`${plain._} has the form of the Python side`, () => assert.deepEqual(wire(value), plain));
}

test("a tuple is an array that is sent as a tuple again, and its copy is a list", () => {
  const pair = back(tuple(1, 2));
  assert.deepEqual(pair, [1, 2]);
  assert.deepEqual(wire(pair), { _: "$tuple", 0: [1, 2] });
  assert.deepEqual(wire([...pair]), [1, 2]);
});

test("a frozenset is a Set that is sent as a frozenset again", () => {
  const value = types.decodeMessage({ _: "$frozenset", 0: [1, 2] });
  assert.deepEqual(value, new Set([1, 2]));
  assert.deepEqual(wire(value), { _: "$frozenset", 0: [1, 2] });
});

test("a datetime goes back as the text it came in, unless it was changed", () => {
  const plain = { _: "$datetime", 0: "2024-01-01T12:00:00.123456+02:00" };
  const date = types.decodeMessage(plain);
  assert.deepEqual(wire(date), plain);
  date.setTime(0);
  assert.deepEqual(wire(date), { _: "$datetime", 0: "1970-01-01T00:00:00.000Z" });
});

test("pairs with text for keys are a plain object, unless it would look like a type", () => {
  assert.deepEqual(types.decodeMessage({ _: "$dict", 0: [["_id", 1], ["b", 2]] }), { _id: 1, b: 2 });
  assert.deepEqual(back({ _id: 1, b: 2 }), { _id: 1, b: 2 });
  assert.deepEqual(back(new Map([["_", "Move"]])), new Map([["_", "Move"]]));
});

test("a datetime with microseconds and an offset is read", () => {
  assert.equal(types.decodeMessage({ _: "$datetime", 0: "2024-01-01T02:00:00.123456+02:00" }).getTime(), 1_704_067_200_123);
});

test("a key called __proto__ is data", () => {
  const value = types.decodeMessage(decode(encode(JSON.parse('{"__proto__": {"evil": true}}'))));
  assert.equal(value.evil, undefined);
  assert.deepEqual(Object.keys(value), ["__proto__"]);
});

class Point {}

const REFUSED = [
  [{ _: "Move", id: "c1", x: 1 }, "Move.y is undefined"],
  [{ _: "Move", id: "c1", x: 1, y: 2, z: 3 }, "Move has no field z; it has id, x, y"],
  [{ _: "Nobody", a: 1 }, "Nobody is not a known type: $date, $uuid, $decimal, Move, Board, Color, Reset"],
  [new Point(), "an instance of Point cannot be sent; use a plain object or a named type"],
  [[undefined], "a value of type undefined cannot be sent"],
  [() => 1, "a value of type function cannot be sent"],
];

for (const [value, message] of REFUSED) {
  test(`not sent: ${message}`, () => assert.throws(() => types.encodeMessage(value), { name: "TypeError", message }));
}

test("a constructor and a decoder count the fields", () => {
  const message = "Move has 3 fields (id, x, y), got 1";
  assert.throws(() => Move("c1"), { message });
  assert.throws(() => types.decodeMessage({ _: "Move", 0: "c1" }), { message });
  assert.throws(() => types.decodeMessage({ _: "Move", id: "c1" }), { message: 'Move: expected only "_" and positions, got 2 keys' });
});

test("a table with a field twice is refused", () => {
  assert.throws(() => automatic({ Move: ["x", "x"] }), TypeError);
  assert.throws(() => automatic({ Move: "x" }), TypeError);
});

test("a custom serialiser is three functions", () => {
  const given = { encodeMessage: (m) => m.id, decodeMessage: (id) => ({ id }), decodeModel: (state) => state };
  assert.deepEqual(custom(given).decodeMessage(custom(given).encodeMessage({ id: 4 })), { id: 4 });
  assert.throws(() => custom({ ...given, decodeModel: 1 }), { message: "custom: decodeModel must be a function, got number" });
});
