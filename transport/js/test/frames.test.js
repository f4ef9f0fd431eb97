import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../src/frames.js";
import { bytes, hex } from "./support.js";

const BOARD = "6b 746f7069633a626f617264"; // "topic:board"
const plain = (text) => text.replaceAll(" ", "");

const CLIENT = {
  "a first Hello": [[1, 1, null, null, {}, {}], "86 01 01 f6 f6 a0 a0"],
  "a resuming Hello": [[1, 1, "s1", "t1", {}, {}], "86 01 01 62 7331 62 7431 a0 a0"],
  "a Subscribe": [[2, 1, "topic:board", null, null], `85 02 01 ${BOARD} f6 f6`],
  "an Unsubscribe": [[3, 300, "topic:board"], `83 03 19012c ${BOARD}`],
  "a ClientMessage": [[4, 2, "topic:board", { 0: "c1", 1: 5, _: "Move" }], `84 04 02 ${BOARD} a3 6130 62 6331 6131 05 615f 64 4d6f7665`],
  "a Resync": [[5, { "topic:board": ["e1", 7], session: null }], `82 05 a2 ${BOARD} 82 62 6531 07 67 73657373696f6e f6`],
  "a Ping": [[7, 1], "82 07 01"],
  "a Pong": [[25, 24], "82 1819 1818"],
};

for (const [name, [frame, golden]] of Object.entries(CLIENT)) {
  test(`${name} has its golden bytes`, () => assert.equal(hex(encode(frame)), plain(golden)));
}

const SERVER = {
  "a Welcome": [[16, "c1", "s1", "t1", true, {}, 25, "ab"], "88 10 62 6331 62 7331 62 7431 f5 a0 1819 62 6162"],
  "a Welcome with a float heartbeat": [[16, "c1", "s1", "t1", false, {}, 25, ""], "88 10 62 6331 62 7331 62 7431 f4 a0 fb4039000000000000 60"],
  "an Acknowledge": [[17, "topic:board", 9, [3, 4], false], `85 11 ${BOARD} 09 82 03 04 f4`],
  "a Rejected": [[18, 3, "topic:board", "denied", "no", null], `86 12 03 ${BOARD} 66 64656e696564 62 6e6f f6`],
  "a ServerMessage": [[19, "topic:board", 10, 1], `84 13 ${BOARD} 0a 01`],
  "an Acknowledge with an extra": [
    [17, "topic:board", 9, [3, 4], false, { author: ["ada", null], at: [1, 1.5] }],
    `86 11 ${BOARD} 09 82 03 04 f4 a2 66 617574686f72 82 63 616461 f6 62 6174 82 01 f93e00`,
  ],
  "a ServerMessage with an extra": [
    [19, "topic:board", 10, 1, { author: "ada", at: null, later: [] }],
    `85 13 ${BOARD} 0a 01 a3 66 617574686f72 63 616461 62 6174 f6 65 6c61746572 80`,
  ],
  "an empty extra": [[19, "topic:board", 10, 1, {}], `85 13 ${BOARD} 0a 01 a0`],
  "fields behind an extra": [[19, "topic:board", 10, 1, {}, 5], `86 13 ${BOARD} 0a 01 a0 05`],
  "a Push": [[20, "topic:board", [true]], `83 14 ${BOARD} 81 f5`],
  "a Snapshot": [[21, "topic:board", "e1", 10, { a: 1.5 }, "behind"], `86 15 ${BOARD} 62 6531 0a a1 6161 f93e00 66 626568696e64`],
  "a Presence": [[24, "topic:board", ["a"], [], true], `85 1818 ${BOARD} 81 6161 80 f5`],
  "a Bye": [[26, "restart", 0.5], "83 181a 67 72657374617274 f93800"],
};

for (const [name, [frame, golden]] of Object.entries(SERVER)) {
  test(`${name} is read from its golden bytes`, () => assert.deepEqual(decode(bytes(golden)), frame));
}

test("the answers to calls, which this client does not make, are left alone", () => {
  assert.deepEqual(decode(bytes("83 16 01 f6")), [22, 1, null]);
  assert.deepEqual(decode(bytes("86 17 01 67 63726173686564 61 78 f6 80")), [23, 1, "crashed", "x", null, []]);
});

test("trailing fields of a known frame and a type of a later version are left alone", () => {
  assert.deepEqual(decode(bytes("83 1819 01 02")), [25, 1, 2]);
  assert.deepEqual(decode(bytes("82 1863 01")), [99, 1]);
});

const MALFORMED = {
  "no bytes": "",
  "a number": "01",
  "an empty array": "80",
  "a type that is text": "81 6161",
  "a frame of a client": "82 05 a0",
  "a missing field": "82 13 01",
  "a seq below zero": `84 13 ${BOARD} 20 01`,
  "a seq above 2^53-1": `84 13 ${BOARD} 1b0020000000000000 01`,
  "an extra that is no map": `85 13 ${BOARD} 0a 01 f6`,
  "an author that is no text": `85 13 ${BOARD} 0a 01 a1 66 617574686f72 05`,
  "a time below zero": `85 13 ${BOARD} 0a 01 a1 62 6174 20`,
  "an extra of an Acknowledge that is no list": `86 11 ${BOARD} 09 81 03 f4 a1 62 6174 05`,
  "an extra of an Acknowledge that is not parallel": `86 11 ${BOARD} 09 81 03 f4 a1 62 6174 82 05 06`,
  "an extra of an Acknowledge with another value": `86 11 ${BOARD} 09 81 03 f4 a1 62 6174 81 60`,
  "an indefinite array": "9f 1819 01 ff",
  "undefined": `83 14 ${BOARD} f7`,
  "NaN": `83 14 ${BOARD} f97e00`,
  "a tag": `83 14 ${BOARD} c0 60`,
  "a repeated key": `83 14 ${BOARD} a2 6161 01 6161 02`,
  "a key that is a number": `83 14 ${BOARD} a1 01 02`,
  "trailing bytes": "82 1819 01 00",
  "half a frame": "82 1819",
  "an integer longer than it has to be": "82 1819 1801",
};

for (const [name, data] of Object.entries(MALFORMED)) {
  test(`${name} is not a frame`, () => assert.throws(() => decode(bytes(data))));
}

test("nesting without end is an error, not a crash", () => {
  assert.throws(() => decode(new Uint8Array(100_000).fill(0x81)));
});

test("a wrong field is named", () => {
  assert.throws(() => decode(bytes("83 13 01 01")), { message: "field 1 of frame type 19 is missing or of the wrong type" });
});

test("undefined is never sent", () => {
  assert.throws(() => encode([4, 1, "topic:board", { a: undefined }]), { message: "undefined cannot be sent; use null" });
});

test("a map keeps the order it was written in", () => {
  assert.equal(hex(encode({ bb: 1, a: 2 })), "a262626201616102");
});
