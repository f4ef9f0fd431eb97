import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import { Core } from "../src/core.js";
import { PROTOCOL } from "../src/frames.js";
import { automatic } from "../src/serialiser.js";
import { WELCOME, add, counting, dispatch, give, liveCore, ofType, sent, taken } from "./support.js";

const kinds = (core) => taken(core).map(([kind]) => kind);
const coded = (effects) => effects.filter(ofType("reject")).map(([, entry, error]) => [entry, error.code]);

function reconnect(core, welcome = WELCOME, now = 10_000) {
  core.closed(1006, "", now);
  core.tick(now + 500);
  core.opened(PROTOCOL, now + 500);
  const before = taken(core);
  give(core, welcome, now + 500);
  return before;
}

test("what was subscribed before the Welcome is subscribed after it, in order", () => {
  const core = new Core({ serialiser: automatic(), random: () => 0.5 });
  core.link.start(0);
  core.subscribe("topic:a", { params: { room: 1 } });
  core.subscribe("session");
  core.opened(PROTOCOL, 0);
  assert.deepEqual(sent(core), [[1, 1, null, null, {}, {}]]);
  give(core, WELCOME);
  assert.deepEqual(sent(core), [[2, 1, "topic:a", null, { room: 1 }], [2, 2, "session", null, null]]);
});

test("a snapshot is the model", () => {
  const { replica } = counting();
  assert.deepEqual([replica.model, replica.seq, replica.epoch, replica.standing], [10, 3, "e1", "in"]);
});

test("somebody else's message changes the model", () => {
  const { core, replica } = counting();
  give(core, [19, "topic:n", 4, 5]);
  assert.deepEqual(taken(core), [["change", replica, 15, 5]]);
});

test("an own message is applied when it is acknowledged", () => {
  const { core, replica } = counting();
  const entry = dispatch(core, replica, 5);
  assert.deepEqual([sent(core), replica.model], [[[4, 2, "topic:n", 5]], 10]);
  give(core, [17, "topic:n", 4, [2], false]);
  assert.deepEqual(taken(core), [["resolve", entry, 4], ["change", replica, 15, 5]]);
});

test("k refs stand for the k seqs that end at the acknowledged one, in their order", () => {
  const { core, replica } = counting();
  const [a, b] = [dispatch(core, replica, 1), dispatch(core, replica, 2)];
  give(core, [19, "topic:n", 4, 100]);
  taken(core);
  give(core, [17, "topic:n", 6, [2, 3], false]);
  assert.deepEqual(taken(core), [["resolve", a, 5], ["change", replica, 111, 1], ["resolve", b, 6], ["change", replica, 113, 2]]);
});

test("optimistic: shown at once, confirmed without another change", () => {
  const { core, replica } = counting({ optimistic: true });
  const entry = dispatch(core, replica, 5);
  assert.deepEqual(kinds(core), ["change", "send"]);
  give(core, [17, "topic:n", 4, [2], false]);
  assert.deepEqual(taken(core), [["resolve", entry, 4]]);
  assert.deepEqual([replica.model, replica.seq], [15, 4]);
});

test("optimistic: a rejected message is rolled back and its promise is rejected", () => {
  const { core, replica } = counting({ optimistic: true });
  const entry = dispatch(core, replica, 5);
  taken(core);
  give(core, [18, 2, "topic:n", "denied", "read only", { until: 9 }]);
  const [[, rejected, error], change] = taken(core);
  assert.equal(rejected, entry);
  assert.deepEqual([error.code, error.text, error.details, error.message], ["denied", "read only", { until: 9 }, "denied: read only"]);
  assert.deepEqual([change, replica.model], [["change", replica, 10, null], 10]);
});

test("a message that update cannot apply is never sent", () => {
  const error = new RangeError("no");
  const { core, replica } = counting({ optimistic: true, update: () => { throw error; } });
  const entry = dispatch(core, replica, 5);
  assert.deepEqual(taken(core), [["reject", entry, error]]);
});

test("a message that cannot be sent is rejected and uses no ref", () => {
  const { core, replica } = counting();
  const entry = dispatch(core, replica, undefined);
  assert.deepEqual(taken(core).map(([kind, who, error]) => [kind, who, error.name]), [["reject", entry, "TypeError"]]);
  dispatch(core, replica, 1);
  assert.deepEqual(sent(core), [[4, 2, "topic:n", 1]]);
});

test("a gap asks once for what is missing, and what comes then is applied once", () => {
  const { core, replica } = counting();
  give(core, [19, "topic:n", 6, 1]);
  give(core, [19, "topic:n", 7, 1]);
  assert.deepEqual(sent(core), [[5, { "topic:n": ["e1", 3] }]]);
  for (const seq of [4, 5, 6, 7, 8]) give(core, [19, "topic:n", seq, 1]);
  assert.deepEqual([replica.model, replica.seq, taken(core).length], [15, 8, 5]);
  give(core, [19, "topic:n", 10, 1]);
  assert.deepEqual(sent(core), [[5, { "topic:n": ["e1", 8] }]]);
});

test("an own message after a gap is acknowledged at once and applied in its place", () => {
  const { core, replica } = counting();
  const entry = dispatch(core, replica, 50);
  taken(core);
  give(core, [17, "topic:n", 5, [2], false]);
  assert.deepEqual(taken(core).map(([kind, what]) => [kind, what === entry]), [["resolve", true], ["send", false]]);
  give(core, [19, "topic:n", 4, 1]);
  give(core, [19, "topic:n", 5, 50]);
  assert.deepEqual([replica.model, replica.seq], [61, 5]);
});

test("an update that raises is reported and answered by a snapshot", () => {
  const update = (model, message) => (message === 13 ? assert.fail("unlucky") : model + message);
  const { core, replica } = counting({ update, optimistic: true });
  give(core, [19, "topic:n", 4, 13]);
  const [[kind, error], [, resync]] = taken(core);
  assert.deepEqual([kind, error.message, resync], ["fault", "unlucky", [5, { "topic:n": null }]]);
  give(core, [19, "topic:n", 5, 1]);
  assert.deepEqual([replica.model, taken(core)], [10, []]);
  give(core, [21, "topic:n", "e1", 5, 24, "behind"]);
  give(core, [19, "topic:n", 6, 1]);
  assert.deepEqual([replica.model, replica.seq], [25, 6]);
});

test("an own message that update fails to confirm is in the snapshot that follows, once", () => {
  let broken = false;
  const update = (model, message) => (broken ? assert.fail("broken") : model + message);
  const { core, replica } = counting({ update, optimistic: true });
  dispatch(core, replica, 5);
  broken = true;
  give(core, [17, "topic:n", 4, [2], false]);
  broken = false;
  give(core, [21, "topic:n", "e1", 4, 15, "behind"]);
  assert.deepEqual([replica.model, replica.pending], [15, []]);
});

test("a store without update hears messages and keeps the model of the snapshot", () => {
  const { core, replica } = counting({ update: null });
  give(core, [19, "topic:n", 4, 5]);
  assert.deepEqual(taken(core), [["change", replica, 10, 5]]);
});

test("the answer to a repeated ref moves nothing", () => {
  const { core, replica } = counting();
  give(core, [17, "topic:n", 2, [1], false]);
  assert.deepEqual([taken(core), replica.seq], [[], 3]);
});

test("an acknowledge for a ref that nobody knows asks for what is missing", () => {
  const { core } = counting();
  give(core, [17, "topic:n", 4, [77], false]);
  assert.deepEqual(sent(core), [[5, { "topic:n": ["e1", 3] }]]);
});

test("a new session is subscribed anew from each place, and what waits follows", () => {
  const { core, replica } = counting();
  core.subscribe("topic:pushes");
  core.subscribe("topic:view");
  give(core, [21, "topic:view", "e7", 2, "seen", "subscribed"]);
  core.closed(1006, "", 0);
  dispatch(core, replica, 5);
  core.tick(500);
  core.opened(PROTOCOL, 500);
  taken(core);
  give(core, WELCOME, 500);
  assert.deepEqual(sent(core), [
    [2, 1, "topic:n", ["e1", 3], null],
    [2, 2, "topic:pushes", null, null],
    [2, 3, "topic:view", null, null],
    [4, 4, "topic:n", 5],
  ]);
});

test("a snapshot of another epoch after a reconnect replaces the model", () => {
  const { core, replica } = counting();
  reconnect(core);
  give(core, [21, "topic:n", "e2", 1, 99, "restarted"]);
  give(core, [19, "topic:n", 2, 1]);
  assert.deepEqual([replica.model, replica.seq, replica.epoch], [100, 2, "e2"]);
});

test("1000 messages may be without an answer, one more is refused, connected or not", () => {
  for (const connected of [true, false]) {
    const { core, replica } = counting();
    if (!connected) core.closed(1006, "", 0);
    for (let n = 0; n < 1000; n += 1) dispatch(core, replica, n);
    assert.deepEqual(coded(taken(core)), []);
    const entry = dispatch(core, replica, 1);
    assert.deepEqual(coded(taken(core)), [[entry, "busy"]]);
  }
});

test("1 MiB of payloads may be without an answer", () => {
  const { core, replica } = counting();
  core.closed(1006, "", 0);
  for (let n = 0; n < 16; n += 1) dispatch(core, replica, "x".repeat(65_000));
  assert.deepEqual(coded(taken(core)), []);
  const entry = dispatch(core, replica, "x".repeat(10_000));
  assert.deepEqual(coded(taken(core)), [[entry, "busy"]]);
  dispatch(core, replica, "short");
  assert.deepEqual(coded(taken(core)), []);
});

test("after a Bye messages are held for the next connection", () => {
  const { core, replica } = counting();
  give(core, [26, "deploy", 1]);
  dispatch(core, replica, 5);
  assert.deepEqual(sent(core), []);
});

test("closing rejects what is held with gone and what is unanswered with unknown_outcome", () => {
  const { core, replica } = counting();
  const unanswered = dispatch(core, replica, 1);
  give(core, [26, "deploy", 1]);
  const held = dispatch(core, replica, 2);
  core.close();
  const later = dispatch(core, replica, 3);
  assert.deepEqual(coded(taken(core)), [[unanswered, "unknown_outcome"], [held, "gone"], [later, "gone"]]);
});

test("a final acknowledge resets the replica, and a second subscribe asks again", () => {
  const { core, replica } = counting({ initial: 0 });
  const entry = dispatch(core, replica, 5);
  taken(core);
  give(core, [17, "topic:n", 3, [], true]);
  const effects = taken(core);
  assert.deepEqual(coded(effects), [[entry, "unknown_outcome"]]);
  assert.deepEqual([effects.at(-1), replica.seq], [["change", replica, 0, null], 0]);
  assert.equal(core.subscribe("topic:n"), replica);
  assert.deepEqual(sent(core), [[2, 3, "topic:n", null, null]]);
});

test("a final acknowledge may acknowledge, too", () => {
  const { core, replica } = counting();
  const entry = dispatch(core, replica, 5);
  taken(core);
  give(core, [17, "topic:n", 4, [2], true]);
  assert.deepEqual(taken(core)[0], ["resolve", entry, 4]);
  assert.equal(replica.model, undefined);
});

test("a stopped target is subscribed anew after a reconnect", () => {
  const { core } = counting();
  give(core, [17, "topic:n", 3, [], true]);
  reconnect(core);
  assert.deepEqual(sent(core), [[2, 1, "topic:n", null, null]]);
});

test("a refused Subscribe is the store's error, and an answered one clears it", () => {
  const core = liveCore();
  const replica = core.subscribe("topic:x", {});
  give(core, [18, 1, "topic:x", "not_found", "no such topic", null]);
  assert.deepEqual([replica.error.code, replica.standing], ["not_found", "out"]);
  assert.deepEqual(taken(core).at(-1), ["change", replica, undefined, null]);
  core.subscribe("topic:x", {});
  give(core, [21, "topic:x", "e", 0, 1, "subscribed"]);
  assert.equal(replica.error, null);
});

test("a target that a resumed session may not follow any more is the store's error; the model stays on show and is not trusted", () => {
  const { core, replica } = counting();
  reconnect(core, WELCOME.with(4, true));
  give(core, [27, "topic:n", "denied", "not any more", 0]);
  give(core, [19, "topic:n", 4, 1]);
  assert.deepEqual([replica.error.code, replica.error.text, replica.standing, replica.model, replica.cursor], ["denied", "not any more", "out", 10, null]);
});

test("a client that is put out of a target knows why, and may ask again", () => {
  for (const ref of [0, 1]) {
    const { core, replica } = counting();
    give(core, [27, "topic:n", "denied", "put out", ref]);
    assert.deepEqual([taken(core).map(([kind]) => kind), replica.standing, replica.error.code], [["change"], "out", "denied"]);
    core.subscribe("topic:n", { update: add });
    assert.deepEqual(sent(core), [[2, 2, "topic:n", null, null]]);
    give(core, [17, "topic:n", 3, [2], false]);
    assert.deepEqual([replica.standing, replica.error], ["in", null]);
  }
});

test("an Out answers the Subscribe that it names, and one of an earlier join leaves a later one alone", () => {
  const core = liveCore();
  const replica = core.subscribe("topic:n", { update: add });
  core.unsubscribe(replica);
  const again = core.subscribe("topic:n", { update: add });
  taken(core);
  give(core, [27, "topic:n", "crashed", "it crashed", 1]);
  assert.deepEqual([taken(core), again.standing, again.error], [[], "asked", null]);
  give(core, [27, "topic:n", "denied", "no", 3]);
  assert.deepEqual([again.standing, again.error.code, core.targets.waiting.size], ["out", "denied", 2]);
});

test("a Rejected of a Subscribe that was sent again changes nothing for who came back to the target", () => {
  const { core, replica } = counting();
  const again = { kind: 2, target: "topic:n", replica };
  core.targets.ask(again);
  taken(core);
  give(core, [18, again.ref, "topic:n", "busy", "later", null]);
  assert.deepEqual([replica.standing, replica.error, replica.againAt], ["in", null, null]);
  give(core, [19, "topic:n", 4, 5]);
  assert.equal(replica.model, 15);
});

test("a Rejected behind an Out that a later Subscribe had made void leaves it out", () => {
  const { core, replica } = counting();
  const again = { kind: 2, target: "topic:n", replica };
  core.targets.ask(again);
  give(core, [27, "topic:n", "denied", "no", 0]);
  assert.deepEqual([replica.standing, replica.error], ["asked", null]);
  give(core, [18, again.ref, "topic:n", "denied", "no", null]);
  assert.deepEqual([replica.standing, replica.error.code], ["out", "denied"]);
});

test("an Out because of load is asked again later, and one of a target that nobody follows is nothing", () => {
  const { core, replica } = counting();
  give(core, [27, "topic:n", "busy", "later", 1], 1000);
  assert.deepEqual([replica.standing, core.deadline], ["out", 2500]);
  give(core, [27, "topic:other", "denied", "no", 0]);
  assert.equal(core.link.state, "live");
});

test("a Rejected without a ref puts nobody out, whatever it names", () => {
  for (const target of ["topic:n", null]) {
    const { core, replica } = counting();
    give(core, [18, 0, target, "malformed", "a Resync has cursors", null]);
    assert.deepEqual([taken(core), replica.standing, replica.error], [[], "in", null]);
    core.closed(4400, "", 0);
    assert.equal(core.link.why, "malformed: a Resync has cursors");
  }
});

test("a server of another version is left for good, with what it said", () => {
  const core = new Core({ serialiser: automatic({}), random: () => 0.5 });
  core.link.start(0);
  core.opened(PROTOCOL, 0);
  give(core, [18, 0, null, "version", "expected version 2, got 1", null]);
  core.closed(4406, "", 0);
  assert.deepEqual([core.link.state, core.link.code, core.link.why], ["closed", 4406, "version: expected version 2, got 1"]);
});

test("more places than a Hello holds are named in Resyncs, in front of what is sent again, and then that this was all", () => {
  const limits = { message: 1000 };
  const core = liveCore({ welcome: WELCOME.with(5, limits) });
  const names = Array.from({ length: 30 }, (_, at) => `topic:${String(at).padStart(2, "0")}${"x".repeat(80)}`);
  for (const name of names) {
    core.subscribe(name, { update: add });
    give(core, [21, name, "e1", 3, 10, "subscribed"]);
  }
  dispatch(core, core.subscribe(names[0], { update: add }), 5);
  taken(core);
  core.closed(1006, "", 0);
  core.tick(core.deadline);
  core.opened(PROTOCOL, 0);
  const hello = taken(core).filter(ofType("send"));
  const left = core.subscribe(names[29], { update: add });
  core.unsubscribe(left); // so it is not named: a Resync would subscribe to it
  give(core, WELCOME.with(4, true).with(5, limits));
  const frames = [...hello, ...taken(core).filter(ofType("send"))].map(([, frame]) => frame);
  for (const frame of frames) assert.ok(encode(frame).length <= 1000, `${encode(frame).length} bytes`);
  const [[, , , , first, options], ...more] = frames;
  const resyncs = more.filter(([type]) => type === 5).map(([, cursors]) => cursors);
  assert.deepEqual([options, resyncs.at(-1), more[resyncs.length].slice(0, 3)], [{ more: true }, {}, [2, 1, names[0]]]);
  assert.ok(resyncs.length > 2 && more.slice(0, resyncs.length).every(([type]) => type === 5));
  assert.deepEqual([first, ...resyncs].flatMap(Object.keys), names.slice(0, 29));
  assert.deepEqual(Object.values(first)[0], ["e1", 3]);
});

test("places that fit are all in the Hello, and a session that was not resumed is not told of more", () => {
  const { core } = counting();
  core.closed(1006, "", 0);
  core.tick(core.deadline);
  core.opened(PROTOCOL, 0);
  assert.deepEqual(sent(core).at(-1), [1, 1, "s1", "t1", { "topic:n": ["e1", 3] }, {}]);
  give(core, WELCOME.with(4, true));
  assert.deepEqual(sent(core).filter(([type]) => type === 5), []);
});

test("a Hello that was too large for a server that takes less now names no places", () => {
  const { core } = counting();
  const comeBack = () => {
    core.tick(core.deadline);
    core.opened(PROTOCOL, 0);
    return sent(core).at(-1);
  };
  core.closed(1006, "", 0);
  comeBack();
  core.closed(1009, "too large", 0);
  assert.deepEqual(comeBack(), [1, 1, "s1", "t1", {}, { more: true }]);
  give(core, WELCOME.with(4, true));
  assert.deepEqual(sent(core), [[5, { "topic:n": ["e1", 3] }], [5, {}]]);
  core.closed(1006, "", 0);
  assert.deepEqual(comeBack().at(-1), {});
});

test("no more targets are asked for than a session may have; one that is left makes room", () => {
  const core = liveCore({ welcome: WELCOME.with(5, { subscriptions: 2 }) });
  const [one, , three] = ["topic:1", "topic:2", "topic:3"].map((target) => core.subscribe(target, { update: add }));
  const text = "a session may have 2 subscriptions";
  assert.deepEqual([sent(core).length, three.standing, three.error.code, three.error.text], [2, "out", "busy", text]);
  core.unsubscribe(one);
  assert.deepEqual(sent(core), [[3, 3, "topic:1"], [2, 4, "topic:3", null, null]]);
  give(core, [17, "topic:3", 0, [4], false]);
  assert.equal(three.error, null);
});

test("a target that was refused, that has stopped or that this client is out of makes room, too", () => {
  for (const frame of [[18, 1, "topic:1", "denied", "no", null], [17, "topic:1", 0, [], true], [27, "topic:1", "denied", "no", 1]]) {
    const core = liveCore({ welcome: WELCOME.with(5, { subscriptions: 1 }) });
    core.subscribe("topic:1", { update: add });
    core.subscribe("topic:2", { update: add });
    taken(core);
    give(core, frame);
    assert.deepEqual(sent(core), [[2, 2, "topic:2", null, null]]);
  }
});

test("no more messages are sent than a server holds for a target that has not answered yet, and all keep their order", () => {
  const core = liveCore({ welcome: WELCOME.with(5, { held: 2 }) });
  const [replica, other] = ["topic:n", "topic:m"].map((target) => core.subscribe(target, { update: add }));
  for (const message of [1, 2, 3]) dispatch(core, replica, message);
  dispatch(core, other, 4);
  core.unsubscribe(replica);
  assert.deepEqual(sent(core).map(([type, ref]) => [type, ref]), [[2, 1], [2, 2], [4, 3], [4, 4]]);
  give(core, [17, "topic:n", 0, [1], false]);
  assert.deepEqual(sent(core).map(([type, ref]) => [type, ref]), [[4, 5], [4, 6], [3, 7]]);
});

test("the window of refs is the server's", () => {
  const core = liveCore({ welcome: WELCOME.with(5, { window: 3 }) });
  const replica = core.subscribe("topic:n", { update: add });
  give(core, [17, "topic:n", 0, [1], false]);
  for (const message of [1, 2, 3, 4]) dispatch(core, replica, message);
  assert.deepEqual(sent(core).map(([, ref]) => ref), [1, 2, 3, 4]);
  give(core, [17, "topic:n", 1, [2], false]);
  assert.deepEqual(sent(core).map(([, ref]) => ref), [5]);
});

test("what the server takes no more is refused with the next connection, instead of being sent for ever", async () => {
  const core = liveCore();
  const replica = core.subscribe("topic:n", { update: add });
  const known = dispatch(core, replica, "x".repeat(900));
  core.closed(1009, "", 0);
  const fresh = dispatch(core, replica, "y".repeat(900));
  const asking = core.subscribe("topic:m", { update: add, params: "z".repeat(900) });
  core.tick(core.deadline);
  core.opened(PROTOCOL, 0);
  taken(core);
  give(core, WELCOME.with(4, true).with(5, { message: 1000 }));
  const effects = taken(core);
  const refused = effects.filter(ofType("reject")).map(([, entry, error]) => [entry, error.code]);
  assert.deepEqual(refused, [[known, "unknown_outcome"], [fresh, "too_large"]]);
  assert.deepEqual([asking.standing, asking.error.code], ["out", "too_large"]);
  for (const [, frame] of effects.filter(ofType("send"))) assert.ok(encode(frame).length <= 1000);
});

test("a target that was refused for being busy is asked again later", () => {
  const core = liveCore();
  core.subscribe("topic:x", {});
  give(core, [18, 1, "topic:x", "busy", "slowly", null], 1000);
  taken(core);
  assert.equal(core.deadline, 2500);
  core.tick(2499);
  assert.deepEqual(sent(core), []);
  core.tick(2500);
  assert.deepEqual(sent(core), [[2, 2, "topic:x", null, null]]);
});

test("a target that stays busy is asked less and less often", () => {
  const core = liveCore();
  core.subscribe("topic:x", {});
  const waits = [1, 2, 3, 4, 5, 6, 7].map((ref) => {
    give(core, [18, ref, "topic:x", "busy", "full", null], 0);
    const wait = core.deadline;
    core.tick(wait);
    give(core, [25, 1], 0);
    return wait;
  });
  assert.deepEqual(waits, [1500, 2000, 3000, 5000, 9000, 16000, 16000]);
});

test("after a Bye nothing is asked again, and no tick is wanted for it", () => {
  const core = liveCore();
  core.subscribe("topic:x", {});
  give(core, [18, 1, "topic:x", "busy", "full", null], 0);
  give(core, [26, "deploy", 1], 0);
  taken(core);
  assert.equal(core.deadline, 20_000);
  core.tick(10_000);
  assert.deepEqual(sent(core), []);
});

test("a message above the server's limit is refused here", () => {
  const core = liveCore({ welcome: WELCOME.with(5, { message: 1000 }) });
  const replica = core.subscribe("topic:x", {});
  const entry = dispatch(core, replica, "x".repeat(1000));
  assert.deepEqual(coded(taken(core)), [[entry, "too_large"]]);
  dispatch(core, replica, "x".repeat(700));
  assert.equal(sent(core).length, 1);
});

test("a target that was left is silent, and its messages are refused", () => {
  const { core, replica } = counting();
  core.unsubscribe(replica);
  core.unsubscribe(replica);
  assert.deepEqual(sent(core), [[3, 2, "topic:n"]]);
  give(core, [19, "topic:n", 4, 1]);
  give(core, [17, "topic:n", 4, [2], false]);
  give(core, [17, "topic:n", 4, [], true]);
  assert.deepEqual(taken(core), []);
  const entry = dispatch(core, replica, 1);
  assert.deepEqual(coded(taken(core)), [[entry, "not_subscribed"]]);
});

test("a target that was left and subscribed again waits for its snapshot", () => {
  const { core, replica } = counting();
  core.unsubscribe(replica);
  const again = core.subscribe("topic:n", { update: add });
  taken(core);
  give(core, [19, "topic:n", 4, 1]);
  assert.deepEqual(taken(core), []);
  give(core, [21, "topic:n", "e1", 4, 11, "subscribed"]);
  assert.deepEqual([again.model, replica.model], [11, 10]);
});

test("two update functions for one target are an error", () => {
  const { core } = counting();
  const message = "topic:n is subscribed already, with another update function";
  assert.throws(() => core.subscribe("topic:n", { update: () => 0 }), { message });
});

test("params that cannot be sent are an error of subscribe", () => {
  assert.throws(() => liveCore().subscribe("topic:n", { params: { a: undefined } }), TypeError);
});

test("pushes and presence reach their replica and move nothing", () => {
  const core = liveCore({ types: { Ding: ["n"] } });
  const replica = core.subscribe("topic:d", {});
  taken(core);
  give(core, [17, "topic:d", 0, [1], false]);
  give(core, [20, "topic:d", { _: "Ding", 0: 1 }]);
  give(core, [24, "topic:d", ["ann"], [], true]);
  give(core, [20, "topic:elsewhere", 1]);
  const presence = [["ann"], [], true];
  assert.deepEqual(taken(core), [["push", replica, { _: "Ding", n: 1 }], ["presence", replica, presence]]);
});

test("a message to an ephemeral topic is answered without an order", () => {
  const core = liveCore();
  const replica = core.subscribe("topic:d", {});
  const entry = dispatch(core, replica, "hi");
  taken(core);
  give(core, [17, "topic:d", 0, [2], false]);
  assert.deepEqual([taken(core), replica.seq], [[["resolve", entry, 0]], 0]);
});

test("a Ping is answered with its number", () => {
  const core = liveCore();
  give(core, [7, 41]);
  assert.deepEqual(sent(core), [[25, 41]]);
});

const BROKEN = {
  "bytes that are no frame": (core) => core.receive(Uint8Array.of(0xff), 7),
  "a text message": (core) => core.receive("[25,1]", 7),
  "a second Welcome": (core) => give(core, WELCOME, 7),
  "a payload with too few fields": (core) => give(core, [19, "topic:m", 1, { _: "Move", 0: 1 }], 7),
};

for (const [name, act] of Object.entries(BROKEN)) {
  test(`${name}: the connection is closed with 4400 and comes back`, () => {
    const core = liveCore({ types: { Move: ["x", "y"] } });
    core.subscribe("topic:m");
    taken(core);
    act(core);
    assert.deepEqual(taken(core).slice(0, 2), [["close", 4400], ["state"]]);
    assert.deepEqual([core.link.state, core.deadline], ["offline", 507]);
    assert.match(core.link.why, /^malformed frame: /);
  });
}

test("before the Welcome only what belongs there is taken", () => {
  const core = new Core({ serialiser: automatic(), random: () => 0.5 });
  core.link.start(0);
  core.opened(PROTOCOL, 0);
  taken(core);
  give(core, [7, 1]);
  assert.deepEqual(sent(core), [[25, 1]]);
  give(core, [19, "topic:n", 1, 1]);
  assert.equal(core.link.why, "malformed frame: expected one Welcome, first");
});

test("a server without the subprotocol is left with 4400 and asked again later", () => {
  const core = new Core({ serialiser: automatic(), random: () => 0.5 });
  core.link.start(0);
  core.opened("", 0);
  assert.deepEqual([core.link.state, core.link.why], ["offline", 'expected subprotocol nuphar.v1.cbor, got ""']);
  assert.ok(taken(core).some(([kind, code]) => kind === "close" && code === 4400));
});

test("frames after the end of a connection are dropped", () => {
  const { core, replica } = counting();
  core.closed(1006, "", 0);
  taken(core);
  give(core, [19, "topic:n", 4, 1]);
  assert.deepEqual([taken(core), replica.seq], [[], 3]);
});

test("any bytes at all never raise", () => {
  let state = 7;
  const random = (below) => (state = (state * 48271) % 2147483647) % below;
  for (let run = 0; run < 2000; run += 1) {
    const { core } = counting();
    core.receive(Uint8Array.from({ length: random(24) }, () => random(256)), 0);
  }
});

test("after a reconnect whoever has params subscribes again, from his place: a Resync carries none", () => {
  const { core } = counting({ params: { delivery: "latest" } });
  reconnect(core);
  assert.deepEqual(sent(core), [[2, 1, "topic:n", ["e1", 3], { delivery: "latest" }]]);
});

test("a Welcome says who we are, and an Acknowledge tells of each of its refs", () => {
  const core = liveCore({ welcome: [...WELCOME, { user: "ada" }] });
  const replica = core.subscribe("topic:chat", { update: (lines, text, meta) => [...lines, [meta.author, text, meta.at]], optimistic: true });
  give(core, [21, "topic:chat", "e1", 0, [], "subscribed"]);
  give(core, [17, "topic:chat", 0, [1], false]);
  for (const [message, at] of [["a", 1], ["b", 2]]) core.dispatch(replica, { message, at, resolve() {}, reject() {} });
  assert.deepEqual(replica.model, [["ada", "a", 1], ["ada", "b", 2]]);
  give(core, [17, "topic:chat", 2, [2, 3], false, { author: ["ada", "ada"], at: [5, 6], later: null }]);
  assert.deepEqual([replica.confirmed, replica.pending], [[["ada", "a", 5], ["ada", "b", 6]], []]);
  give(core, [19, "topic:chat", 3, "c", { author: "bob", at: 7 }]);
  assert.deepEqual(replica.model.at(-1), ["bob", "c", 7]);
});
