import assert from "node:assert/strict";
import { test } from "node:test";
import { APPLIED, GAP, OLD, SEEN, Replica } from "../src/replica.js";
import { add } from "./support.js";

const own = (message) => ({ message, seq: null });
const append = (model, message) => [...model, message];

function at3(options = {}) {
  const replica = new Replica("topic:n", { update: add, ...options });
  replica.replace("e1", 3, 10);
  return replica;
}

test("the next message is applied, an old one and an early one are not", () => {
  const replica = at3();
  assert.equal(replica.place(4, 5), APPLIED);
  assert.equal(replica.place(4, 5), OLD);
  assert.equal(replica.place(6, 5), GAP);
  assert.deepEqual([replica.model, replica.seq], [15, 4]);
});

test("before a snapshot nothing is applied", () => {
  const replica = new Replica("topic:n", { update: add, initial: 0 });
  assert.equal(replica.place(1, 5), OLD);
  assert.deepEqual([replica.model, replica.seq, replica.cursor], [0, 0, null]);
});

test("an own message is on show at once and confirmed without a change", () => {
  const replica = at3({ optimistic: true });
  const entry = own(5);
  assert.equal(replica.show(entry), true);
  assert.deepEqual([replica.model, replica.confirmed, replica.seq], [15, 10, 3]);
  assert.equal(replica.place(4, 5, entry), SEEN);
  assert.deepEqual([replica.model, replica.confirmed, replica.pending.length], [15, 15, 0]);
});

test("somebody else's message goes under the own ones", () => {
  const replica = new Replica("topic:n", { update: append, optimistic: true });
  replica.replace("e1", 0, []);
  replica.show(own("mine"));
  replica.place(1, "theirs");
  assert.deepEqual(replica.model, ["theirs", "mine"]);
});

test("a rejected message is taken back from the middle", () => {
  const replica = new Replica("topic:n", { update: append, optimistic: true });
  replica.replace("e1", 0, []);
  const entries = ["a", "b", "c"].map(own);
  entries.forEach((entry) => replica.show(entry));
  assert.equal(replica.forget(entries[1]), true);
  assert.deepEqual(replica.model, ["a", "c"]);
});

test("an own message that was acknowledged after a gap stays on show until the order has caught up", () => {
  const replica = new Replica("topic:n", { update: append, optimistic: true });
  replica.replace("e1", 0, []);
  const entry = own("mine");
  replica.show(entry);
  assert.equal(replica.place(2, "mine", entry), GAP);
  replica.place(1, "missed");
  assert.deepEqual(replica.model, ["missed", "mine"]);
  replica.place(2, "mine");
  assert.deepEqual([replica.model, replica.pending], [["missed", "mine"], []]);
});

test("a snapshot has what was acknowledged, and what was not stays on show", () => {
  const replica = at3({ optimistic: true });
  const [answered, open] = [own(100), own(1)];
  replica.show(answered);
  replica.show(open);
  replica.place(5, 100, answered);
  replica.replace("e1", 5, 200);
  assert.deepEqual([replica.model, replica.pending], [201, [open]]);
});

test("an own message that no longer fits is not shown but not forgotten", () => {
  const strict = (model, message) => {
    if (model + message > 20) throw new RangeError("too much");
    return model + message;
  };
  const replica = at3({ update: strict, optimistic: true });
  replica.show(own(8));
  replica.place(4, 5);
  assert.deepEqual([replica.model, replica.pending.length], [15, 1]);
});

test("an update that raises has changed nothing", () => {
  const replica = at3({ update: () => assert.fail("no") });
  assert.throws(() => replica.place(4, 1));
  assert.deepEqual([replica.model, replica.seq], [10, 3]);
});

test("a store without update moves on in the order and always asks for a snapshot", () => {
  const replica = at3({ update: null });
  assert.equal(replica.place(4, "x"), APPLIED);
  assert.deepEqual([replica.model, replica.seq, replica.cursor], [10, 4, null]);
});

test("a reset goes back to the initial model", () => {
  const replica = at3({ initial: 0 });
  replica.reset();
  assert.deepEqual([replica.model, replica.seq, replica.epoch], [0, 0, null]);
});

test("whatever the order of events, what is shown is the confirmed model and the pending messages on it", () => {
  let state = 1;
  const random = (below) => (state = (state * 48271) % 2147483647) % below;
  for (let run = 0; run < 200; run += 1) {
    const replica = new Replica("topic:n", { update: append, optimistic: true });
    const order = [];
    replica.replace("e1", 0, []);
    for (let step = 0; step < 30; step += 1) {
      const waiting = replica.pending[0];
      const action = random(4);
      if (action === 0) replica.show(own(`own ${step}`));
      else if (action === 1 && waiting) replica.place(order.push(waiting.message), waiting.message, waiting);
      else if (action === 2 && waiting) replica.forget(replica.pending[random(replica.pending.length)]);
      else replica.place(order.push(`theirs ${step}`), `theirs ${step}`);
      assert.deepEqual(replica.model, [...order, ...replica.pending.map((entry) => entry.message)]);
      assert.deepEqual([replica.confirmed, replica.seq], [order, order.length]);
    }
  }
});

test("an own message that a snapshot contains is taken off the top by its answer", () => {
  const replica = at3({ optimistic: true });
  const entry = own(5);
  replica.show(entry);
  replica.replace("e1", 7, 100);
  assert.equal(replica.model, 105);
  assert.equal(replica.place(6, 5, entry), APPLIED);
  assert.deepEqual([replica.model, replica.seq, replica.pending.length], [100, 7, 0]);
});

// Who wrote it, and when.

const say = (lines, text, meta) => [...lines, `${meta.author}: ${text} (${meta.seq})`];

function spoken() {
  const replica = new Replica("topic:chat", { update: say, optimistic: true });
  replica.replace("e1", 0, []);
  return replica;
}

test("an update is told who wrote a message, as far as the server tells", () => {
  const replica = spoken();
  replica.place(1, "hi", null, { author: "ada", at: 5 });
  replica.place(2, "who?");
  assert.deepEqual(replica.model, ["ada: hi (1)", "null: who? (2)"]);
});

test("an own message is shown with a guess, and then as the server says", () => {
  const replica = spoken();
  const entry = { ...own("hi"), author: "me?", at: 5 };
  replica.show(entry);
  assert.deepEqual(replica.model, ["me?: hi (1)"]);
  assert.equal(replica.place(1, "hi", entry, { author: "ada" }), APPLIED);
  assert.deepEqual([replica.model, replica.confirmed], [["ada: hi (1)"], ["ada: hi (1)"]]);
});

test("a repeated answer that does not tell who wrote it asks for what is missing", () => {
  const replica = spoken();
  replica.place(1, "hi", null, { author: "bob" });
  const entry = own("me");
  replica.show(entry);
  assert.equal(replica.place(2, "me", entry), GAP);
  assert.equal(entry.seq, 2);
  replica.place(2, "me", null, { author: "ada" });
  assert.deepEqual([replica.model, replica.pending], [["bob: hi (1)", "ada: me (2)"], []]);
});

test("an answer behind a snapshot that has its message already tells nothing, and is enough", () => {
  const replica = spoken();
  replica.place(1, "hi", null, { author: "bob" });
  const entry = own("me");
  replica.show(entry);
  replica.replace("e1", 2, ["bob: hi (1)", "ada: me (2)"]);
  assert.equal(replica.place(2, "me", entry), APPLIED);
  assert.deepEqual([replica.model, replica.pending], [["bob: hi (1)", "ada: me (2)"], []]);
});
