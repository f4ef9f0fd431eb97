import assert from "node:assert/strict";
import { test } from "node:test";
import { Core } from "../src/core.js";
import { PROTOCOL } from "../src/frames.js";
import { automatic } from "../src/serialiser.js";
import { WELCOME, add, counting, dispatch, give, liveCore, ofType, sent, taken } from "./support.js";

const append = (model, message) => [...model, message];
const RESUMED = WELCOME.with(4, true);
const NEW = WELCOME.with(2, "s2");
const coded = (effects) => effects.filter(ofType("reject")).map(([, entry, error]) => [entry, error.code]);
const resolved = (effects) => effects.filter(ofType("resolve")).map(([, entry, seq]) => [entry, seq]);

/** Lose the connection and say Hello on the next one; the Hello. */
function lose(core) {
  core.closed(1006, "", 0);
  core.tick(core.deadline);
  core.opened(PROTOCOL, 500);
  return sent(core).at(-1);
}

function resume(core, welcome = RESUMED) {
  const hello = lose(core);
  give(core, welcome, 500);
  return hello;
}

test("a Hello names the session, its token and every place", () => {
  const { core } = counting();
  assert.deepEqual(lose(core), [1, 1, "s1", "t1", { "topic:n": ["e1", 3] }, {}]);
});

test("a target that has no order any more is what it was before the first snapshot", () => {
  const { core, replica } = counting({ optimistic: true });
  const own = dispatch(core, replica, 5);
  give(core, [17, "topic:n", 9, [own.ref], false]); // answered, beyond a gap
  lose(core);
  give(core, NEW, 500);
  const [, ref] = sent(core).findLast(([type]) => type === 2);
  assert.equal(replica.model, 15);
  taken(core);
  give(core, [17, "topic:n", 0, [ref], false]);
  assert.equal(taken(core).filter(ofType("change")).length, 1);
  assert.deepEqual([replica.seq, replica.pending, replica.standing], [0, [], "in"]);
});

test("an answer to a Subscribe that is late says nothing of what came before it", () => {
  const core = liveCore();
  const replica = core.subscribe("topic:n", { update: add });
  for (const frame of [[21, "topic:n", "e1", 0, 10, "subscribed"], [19, "topic:n", 1, 5], [17, "topic:n", 0, [1], false]]) give(core, frame);
  assert.deepEqual([replica.seq, replica.model], [1, 15]);
});

test("the next Hello has the token of the last Welcome", () => {
  const { core } = counting();
  resume(core, RESUMED.with(3, "t2"));
  assert.equal(lose(core)[3], "t2");
});

test("a resumed session sends what has no answer under the same refs, then what waited, and no Subscribe again", () => {
  const { core, replica } = counting();
  dispatch(core, replica, 5);
  core.subscribe("topic:late");
  core.closed(1006, "", 0);
  dispatch(core, replica, 6);
  core.tick(500);
  core.opened(PROTOCOL, 500);
  taken(core);
  give(core, RESUMED, 500);
  assert.deepEqual(sent(core), [
    [4, 2, "topic:n", 5],
    [2, 3, "topic:late", null, null],
    [4, 4, "topic:n", 6],
  ]);
});

test("a target that is left or followed without a connection is told to the resumed session in its turn", () => {
  const { core, replica } = counting();
  core.closed(1006, "", 0);
  core.unsubscribe(replica);
  core.subscribe("topic:n", { update: add });
  core.tick(500);
  core.opened(PROTOCOL, 500);
  taken(core);
  give(core, RESUMED, 500);
  assert.deepEqual(sent(core), [[3, 2, "topic:n"], [2, 3, "topic:n", null, null]]);
});

test("a new session refuses what was sent, and sends what was not under new refs", () => {
  const { core, replica } = counting({ optimistic: true });
  const lost = dispatch(core, replica, 5);
  core.closed(1006, "", 0);
  const waits = dispatch(core, replica, 7);
  assert.equal(replica.model, 22);
  core.tick(500);
  core.opened(PROTOCOL, 500);
  taken(core);
  give(core, NEW, 500);
  const effects = taken(core);
  assert.deepEqual(coded(effects), [[lost, "unknown_outcome"]]);
  assert.deepEqual(effects.filter(ofType("send")).map(([, frame]) => frame), [[2, 1, "topic:n", ["e1", 3], null], [4, 2, "topic:n", 7]]);
  assert.deepEqual([replica.model, replica.pending], [17, [waits]]);
});

test("a refusal of a new session's cursor does not disturb the Subscribe that is under way", () => {
  const { core, replica } = counting();
  resume(core, NEW);
  give(core, [18, 0, "topic:n", "denied", "params are missing", null]);
  give(core, [19, "topic:n", 4, 1]);
  give(core, [17, "topic:n", 4, [1], false]);
  assert.deepEqual([replica.model, replica.seq, replica.error], [11, 4, null]);
});

test("own messages that arrive among the missed ones are applied in their places, and their second answer moves nothing", () => {
  const { core, replica } = counting({ optimistic: true });
  const entry = dispatch(core, replica, 100);
  resume(core);
  give(core, [19, "topic:n", 4, 1]);
  give(core, [17, "topic:n", 5, [2], false]);
  give(core, [19, "topic:n", 6, 2]);
  give(core, [17, "topic:n", 5, [2], false]);
  const effects = taken(core);
  assert.deepEqual(resolved(effects), [[entry, 5]]);
  assert.deepEqual([replica.model, replica.seq, replica.pending.length], [113, 6, 0]);
  assert.deepEqual(effects.filter(ofType("send")).length, 1);
});

test("an answer in front of a snapshot stays on show until the snapshot, and asks for nothing", () => {
  const { core, replica } = counting({ optimistic: true });
  const entry = dispatch(core, replica, 100);
  resume(core);
  taken(core);
  give(core, [17, "topic:n", 900, [2], false]);
  assert.deepEqual(taken(core), [["resolve", entry, 900]]);
  assert.deepEqual([replica.model, replica.pending], [110, [entry]]);
  give(core, [21, "topic:n", "e1", 1000, 555, "behind"]);
  assert.deepEqual([replica.model, replica.pending], [555, []]);
});

test("an answer too early on the same connection asks for what is missing", () => {
  const { core, replica } = counting({ optimistic: true });
  dispatch(core, replica, 100);
  taken(core);
  give(core, [17, "topic:n", 9, [2], false]);
  assert.deepEqual(sent(core), [[5, { "topic:n": ["e1", 3] }]]);
  assert.equal(replica.model, 110);
});

test("a gap that is filled with the answer again is filled with the message, optimistic or not", () => {
  for (const optimistic of [true, false]) {
    const { core, replica } = counting({ optimistic });
    const entry = dispatch(core, replica, 100);
    give(core, [17, "topic:n", 5, [2], false]);
    give(core, [19, "topic:n", 4, 1]);
    give(core, [17, "topic:n", 5, [2], false]);
    assert.deepEqual(resolved(taken(core)), [[entry, 5]]);
    assert.deepEqual([replica.model, replica.seq, replica.pending.length], [111, 5, 0]);
  }
});

test("an answer with seq 0 is an answer and moves nothing", () => {
  const { core, replica } = counting({ optimistic: true });
  const entry = dispatch(core, replica, 100);
  resume(core);
  give(core, [21, "topic:n", "e2", 1, 50, "restarted"]);
  assert.equal(replica.model, 150);
  give(core, [17, "topic:n", 0, [2], false]);
  assert.deepEqual(resolved(taken(core)), [[entry, 0]]);
  assert.deepEqual([replica.model, replica.seq], [50, 1]);
});

test("4404 starts a new session and keeps what was never sent", () => {
  const { core, replica } = counting();
  core.closed(4404, "", 0);
  dispatch(core, replica, 5);
  core.tick(500);
  core.opened(PROTOCOL, 500);
  assert.deepEqual(sent(core).at(-1), [1, 1, null, null, {}, {}]);
  give(core, NEW, 500);
  assert.deepEqual(sent(core).at(-1), [4, 2, "topic:n", 5]);
});

/** A page that is loaded again, and has found what an earlier one of its session kept. */
function loaded(rows, { targets = ["topic:n"], stale = false } = {}) {
  const core = new Core({ serialiser: automatic(), random: () => 0.5 });
  core.link.start(0);
  const replica = core.subscribe("topic:n", { update: append, optimistic: true, initial: [] });
  core.restore({ session: "s1", token: "t5", ref: 50, reached: 40, targets }, rows, stale);
  core.opened(PROTOCOL, 0);
  return { core, replica };
}

const kept = (ref, payload, sent, session = "s1") => ({ session, ref, target: "topic:n", payload, sent, row: ref });
const told = (effects) => coded(effects).map(([{ message }, code]) => [message, code]);

test("a page that is loaded again sends what was kept under the same refs, and once that is answered what it asks itself, far above", () => {
  const { core, replica } = loaded([kept(41, "kept", true)], { targets: ["topic:n", "topic:old"] });
  assert.deepEqual(replica.model, ["kept"]);
  assert.deepEqual(sent(core), [[1, 1, "s1", "t5", {}, {}]]);
  give(core, RESUMED);
  assert.deepEqual(sent(core), [[4, 41, "topic:n", "kept"]]);
  give(core, [17, "topic:n", 0, [41], false]);
  const others = sent(core).map(([kind, ref, target]) => [kind, ref > 1_000_050, target]);
  assert.deepEqual(others, [[2, true, "topic:n"], [3, true, "topic:old"]]);
});

test("nothing is sent that would push a message without an answer out of the window of the server", () => {
  const { core, replica } = loaded([kept(41, "a", true), kept(42, "b", true)]);
  give(core, RESUMED);
  dispatch(core, replica, "c");
  assert.deepEqual(sent(core).map(([kind, ref]) => [kind, ref]), [[1, 1], [4, 41], [4, 42]]);
  give(core, [17, "topic:n", 0, [41], false]);
  resume(core);
  assert.deepEqual(sent(core).slice(-1), [[4, 42, "topic:n", "b"]]);
  give(core, [18, 42, "topic:n", "denied", "no", null]);
  assert.deepEqual(sent(core).map(([kind, , , payload]) => [kind, payload]), [[2, null], [4, "c"]]);
});

test("what was kept is sent to a new session only if it was never sent", () => {
  const { core } = loaded([
    kept(39, "below what the head says", false),
    kept(41, "sent", true),
    kept(42, "never sent", false),
    kept(43, "another session", false, "s0"),
  ]);
  assert.deepEqual(told(taken(core)), [["another session", "unknown_outcome"]]);
  give(core, NEW);
  const effects = taken(core);
  assert.deepEqual(told(effects), [["below what the head says", "unknown_outcome"], ["sent", "unknown_outcome"]]);
  assert.deepEqual(effects.at(-1), ["send", [4, 2, "topic:n", "never sent"]]);
});

test("what was kept for too long is told and not sent", () => {
  const { core, replica } = loaded([kept(41, "a", false), kept(42, "b", true)], { stale: true });
  assert.deepEqual([told(taken(core)), replica.model], [[["a", "gone"], ["b", "unknown_outcome"]], []]);
});

test("what was kept in a form that is not understood any more is told", () => {
  const { core } = loaded([kept(41, { _: "$tuple", x: 1 }, false)]);
  assert.deepEqual(taken(core).filter(ofType("reject")).map(([, { payload }, { name }]) => [payload._, name]), [["$tuple", "TypeError"]]);
});
