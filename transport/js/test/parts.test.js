import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import { limitsOf } from "../src/limits.js";
import { parts } from "../src/parts.js";

const some = (count, length = 20) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`topic:${at}`.padEnd(length, "x"), ["5f1c9a2b", at * 1000]]));

test("all cursors are there, once and in their order, and each frame has its size at most", () => {
  for (const count of [0, 1, 2, 30, 300, 1000]) {
    for (const length of [10, 255]) {
      for (const size of [500, 1000, 65_536]) {
        const cursors = some(count, length);
        const made = parts(cursors, size);
        for (const part of made) {
          const bytes = encode([5, part]).length;
          assert.ok(bytes <= size && Object.keys(part).length > 0, `${bytes} of ${size}`);
        }
        assert.deepEqual(made.flatMap(Object.entries), Object.entries(cursors));
      }
    }
  }
});

test("as much as fits goes into one: 1,000 long names take two or three of 64 KiB", () => {
  assert.equal(parts(some(1000, 100), 65_536).length, 2);
  assert.equal(parts(some(1000, 10), 65_536).length, 1);
});

test("a cursor that fits nowhere has a part of its own", () => {
  assert.equal(parts(some(3, 200), 50).length, 3);
});

test("limits are the Welcome's; what it does not name is 64 KiB, a window of 1,024, or none", () => {
  const given = { message: 1000, subscriptions: 10, held: 20, window: 30 };
  assert.deepEqual(limitsOf({ ...given, later: 5 }), given);
  const { message, subscriptions, held, window } = limitsOf({});
  assert.deepEqual([message, subscriptions, held, window], [65_536, Infinity, Infinity, 1024]);
  assert.equal(limitsOf({ message: "much" }).message, 65_536);
});
