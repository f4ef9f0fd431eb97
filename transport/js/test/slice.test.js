import assert from "node:assert/strict";
import { test } from "node:test";
import { APPLIED, GAP, OLD, SEEN, Slice } from "../src/slice.js";
import { add } from "./support.js";

const own = (message) => ({ message, seq: null });
const append = (model, message) => [...model, message];

function at3(options = {}) {
  const slice = new Slice("topic:n", { update: add, ...options });
  slice.replace("e1", 3, 10);
  return slice;
}

test("the next message is applied, an old one and an early one are not", () => {
  const slice = at3();
  assert.equal(slice.place(4, 5), APPLIED);
  assert.equal(slice.place(4, 5), OLD);
  assert.equal(slice.place(6, 5), GAP);
  assert.deepEqual([slice.model, slice.seq], [15, 4]);
});

test("before a snapshot nothing is applied", () => {
  const slice = new Slice("topic:n", { update: add, initial: 0 });
  assert.equal(slice.place(1, 5), OLD);
  assert.deepEqual([slice.model, slice.seq, slice.cursor], [0, 0, null]);
});

test("an own message is on show at once and confirmed without a change", () => {
  const slice = at3({ optimistic: true });
  const entry = own(5);
  assert.equal(slice.show(entry), true);
  assert.deepEqual([slice.model, slice.confirmed, slice.seq], [15, 10, 3]);
  assert.equal(slice.place(4, 5, entry), SEEN);
  assert.deepEqual([slice.model, slice.confirmed, slice.pending.length], [15, 15, 0]);
});

test("somebody else's message goes under the own ones", () => {
  const slice = new Slice("topic:n", { update: append, optimistic: true });
  slice.replace("e1", 0, []);
  slice.show(own("mine"));
  slice.place(1, "theirs");
  assert.deepEqual(slice.model, ["theirs", "mine"]);
});

test("a rejected message is taken back from the middle", () => {
  const slice = new Slice("topic:n", { update: append, optimistic: true });
  slice.replace("e1", 0, []);
  const entries = ["a", "b", "c"].map(own);
  entries.forEach((entry) => slice.show(entry));
  assert.equal(slice.forget(entries[1]), true);
  assert.deepEqual(slice.model, ["a", "c"]);
});

test("an own message that was acknowledged after a gap stays on show until the order has caught up", () => {
  const slice = new Slice("topic:n", { update: append, optimistic: true });
  slice.replace("e1", 0, []);
  const entry = own("mine");
  slice.show(entry);
  assert.equal(slice.place(2, "mine", entry), GAP);
  slice.place(1, "missed");
  assert.deepEqual(slice.model, ["missed", "mine"]);
  slice.place(2, "mine");
  assert.deepEqual([slice.model, slice.pending], [["missed", "mine"], []]);
});

test("a snapshot has what was acknowledged, and what was not stays on show", () => {
  const slice = at3({ optimistic: true });
  const [answered, open] = [own(100), own(1)];
  slice.show(answered);
  slice.show(open);
  slice.place(5, 100, answered);
  slice.replace("e1", 5, 200);
  assert.deepEqual([slice.model, slice.pending], [201, [open]]);
});

test("an own message that no longer fits is not shown but not forgotten", () => {
  const strict = (model, message) => {
    if (model + message > 20) throw new RangeError("too much");
    return model + message;
  };
  const slice = at3({ update: strict, optimistic: true });
  slice.show(own(8));
  slice.place(4, 5);
  assert.deepEqual([slice.model, slice.pending.length], [15, 1]);
});

test("an update that raises has changed nothing", () => {
  const slice = at3({ update: () => assert.fail("no") });
  assert.throws(() => slice.place(4, 1));
  assert.deepEqual([slice.model, slice.seq], [10, 3]);
});

test("a store without update moves on in the order and always asks for a snapshot", () => {
  const slice = at3({ update: null });
  assert.equal(slice.place(4, "x"), APPLIED);
  assert.deepEqual([slice.model, slice.seq, slice.cursor], [10, 4, null]);
});

test("a reset goes back to the initial model", () => {
  const slice = at3({ initial: 0 });
  slice.reset();
  assert.deepEqual([slice.model, slice.seq, slice.epoch], [0, 0, null]);
});

test("whatever the order of events, what is shown is the confirmed model and the pending messages on it", () => {
  let state = 1;
  const random = (below) => (state = (state * 48271) % 2147483647) % below;
  for (let run = 0; run < 200; run += 1) {
    const slice = new Slice("topic:n", { update: append, optimistic: true });
    const order = [];
    slice.replace("e1", 0, []);
    for (let step = 0; step < 30; step += 1) {
      const waiting = slice.pending[0];
      const action = random(4);
      if (action === 0) slice.show(own(`own ${step}`));
      else if (action === 1 && waiting) slice.place(order.push(waiting.message), waiting.message, waiting);
      else if (action === 2 && waiting) slice.forget(slice.pending[random(slice.pending.length)]);
      else slice.place(order.push(`theirs ${step}`), `theirs ${step}`);
      assert.deepEqual(slice.model, [...order, ...slice.pending.map((entry) => entry.message)]);
      assert.deepEqual([slice.confirmed, slice.seq], [order, order.length]);
    }
  }
});

test("an own message that a snapshot contains is taken off the top by its answer", () => {
  const slice = at3({ optimistic: true });
  const entry = own(5);
  slice.show(entry);
  slice.replace("e1", 7, 100);
  assert.equal(slice.model, 105);
  assert.equal(slice.place(6, 5, entry), APPLIED);
  assert.deepEqual([slice.model, slice.seq, slice.pending.length], [100, 7, 0]);
});
