/** What was too much at once is kept, waits, and goes again under its ref, with nothing passing by it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PROTOCOL } from "../src/frames.js";
import { counting, dispatch, give, liveCore, ofType, sent, taken, WELCOME } from "./support.js";

const limited = (core, ref, seconds, now = 0) => give(core, [18, ref, "topic:n", "rate_limited", "slowly", { retry_after: seconds }], now);
const RESUMED = [...WELCOME.slice(0, 3), "t2", true, ...WELCOME.slice(5)];

test("a message that was too much is kept, shown, and sent again when its time is over", () => {
  const { core, replica } = counting({ optimistic: true });
  const entry = dispatch(core, replica, 5);
  taken(core);
  limited(core, 2, 3, 1_000);
  assert.deepEqual([taken(core), core.deadline, replica.model], [[], 4_000, 15]);
  core.tick(3_999);
  assert.deepEqual(sent(core), []);
  core.tick(4_000);
  assert.deepEqual(sent(core), [[4, 2, "topic:n", 5]]);
  give(core, [17, "topic:n", 4, [2], false], 4_000);
  assert.deepEqual(taken(core).filter(ofType("resolve")), [["resolve", entry, 4]]);
});

test("what is dispatched meanwhile waits behind it, to other targets too", () => {
  const { core, replica } = counting();
  const other = core.subscribe("topic:m", {});
  give(core, [17, "topic:m", 0, [2], false]);
  dispatch(core, replica, 1);
  taken(core);
  limited(core, 3, 1);
  dispatch(core, replica, 2);
  dispatch(core, other, 3);
  core.unsubscribe(replica);
  assert.deepEqual(sent(core), []);
  core.tick(1_000);
  assert.deepEqual(sent(core), [[4, 3, "topic:n", 1]]);
  limited(core, 3, 1, 1_000); // once more
  core.tick(2_000);
  assert.deepEqual(sent(core), [[4, 3, "topic:n", 1]]);
  give(core, [17, "topic:n", 4, [3], false], 2_000);
  assert.deepEqual(sent(core), [[4, 4, "topic:n", 2], [4, 5, "topic:m", 3], [3, 6, "topic:n"]]);
});

test("those behind it, sent before it was heard, are awaited before it goes again", () => {
  const { core, replica } = counting();
  for (const message of [1, 2, 3]) dispatch(core, replica, message);
  taken(core);
  limited(core, 2, 0.5);
  core.tick(500);
  assert.deepEqual([sent(core), core.deadline], [[], 550]);
  limited(core, 3, 0.1, 520);
  limited(core, 4, 0.1, 520);
  core.tick(550);
  assert.deepEqual(sent(core), [[4, 2, "topic:n", 1]]);
  core.tick(620);
  assert.deepEqual(sent(core), []);
  give(core, [17, "topic:n", 4, [2], false], 620);
  assert.deepEqual(sent(core), [[4, 3, "topic:n", 2], [4, 4, "topic:n", 3]]);
});

test("one that may not go yet holds those behind it, however soon they might", () => {
  const { core, replica } = counting();
  for (const message of [1, 2]) dispatch(core, replica, message);
  taken(core);
  limited(core, 2, 2);
  limited(core, 3, 1);
  core.tick(1_500);
  assert.deepEqual(sent(core), []);
  core.tick(2_000);
  assert.deepEqual(sent(core), [[4, 2, "topic:n", 1], [4, 3, "topic:n", 2]]);
});

test("a Subscribe that was too much is asked again under its ref, in front of what was sent to its target", () => {
  const core = liveCore();
  const replica = core.subscribe("topic:n", {});
  dispatch(core, replica, 1);
  taken(core);
  limited(core, 1, 1);
  limited(core, 2, 1);
  assert.deepEqual([replica.standing, replica.error], ["asked", null]);
  core.tick(1_000);
  assert.deepEqual(sent(core), [[2, 1, "topic:n", null, null], [4, 2, "topic:n", 1]]);
});

test("what was too much before a line was lost goes with everything else on the next one", () => {
  const { core, replica } = counting();
  for (const message of [1, 2]) dispatch(core, replica, message);
  limited(core, 2, 30);
  core.closed(4529, "too many frames", 0);
  taken(core);
  assert.deepEqual([core.link.state, core.link.why, core.deadline], ["offline", "too many frames", 500]);
  core.tick(500);
  core.opened(PROTOCOL, 500);
  give(core, RESUMED, 500);
  assert.deepEqual(sent(core).slice(1), [[4, 2, "topic:n", 1], [4, 3, "topic:n", 2]]);
});

test("a connection that was too much is left alone for as long as the server says", () => {
  const { core } = counting();
  give(core, [18, 0, null, "rate_limited", "too many frames", { retry_after: 7 }]);
  core.closed(4529, "too many frames", 1_000);
  assert.deepEqual([core.link.state, core.link.why, core.deadline], ["offline", "rate_limited: too many frames", 8_500]);
});

test("details that say no time are a second, and no pause is longer than a minute", () => {
  for (const [details, deadline] of [[null, 1_000], [3, 1_000], [{}, 1_000], [{ retry_after: -1 }, 1_000], [{ retry_after: 1e9 }, 60_000]]) {
    const { core, replica } = counting();
    core.link.life.deadline = null;
    dispatch(core, replica, 1);
    give(core, [18, 2, "topic:n", "rate_limited", "slowly", details], 0);
    assert.equal(core.targets.deadline, deadline);
  }
});

test("an answer that comes all the same counts", () => {
  const { core, replica } = counting();
  const entry = dispatch(core, replica, 1);
  limited(core, 2, 1);
  give(core, [17, "topic:n", 4, [2], false]);
  assert.deepEqual(taken(core).filter(ofType("resolve")), [["resolve", entry, 4]]);
  core.tick(1_000);
  dispatch(core, replica, 2);
  assert.deepEqual(sent(core), [[4, 3, "topic:n", 2]]);
});

test("a ref that nobody waits for holds nothing", () => {
  const { core, replica } = counting();
  limited(core, 9, 1);
  dispatch(core, replica, 1);
  assert.deepEqual(sent(core), [[4, 2, "topic:n", 1]]);
});
