import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/backoff.js";
import { Link } from "../src/link.js";
import { WELCOME } from "./support.js";

function opening() {
  const effects = [];
  const emit = (...effect) => effects.push(effect);
  const link = new Link({ backoff: new Backoff({ random: () => 0.5 }), emit });
  link.start(0);
  return { link, take: () => effects.splice(0) };
}

function live() {
  const { link, take } = opening();
  link.opened();
  link.welcome(WELCOME, 0);
  take();
  return { link, take };
}

test("a connection begins with a Hello and is live with the Welcome", () => {
  const { link, take } = opening();
  assert.deepEqual(take(), [["open"], ["state"]]);
  link.opened();
  assert.deepEqual(take(), [["send", [1, 1, null, null, {}, {}]]]);
  link.welcome(WELCOME, 5);
  assert.deepEqual([take(), link.state, link.clientId], [[["state"]], "live", "c0ffee"]);
});

test("a silent server is asked after one heartbeat and given up after two", () => {
  const { link, take } = live();
  link.tick(19_999);
  assert.deepEqual(take(), []);
  link.tick(20_000);
  assert.deepEqual(take(), [["send", [7, 1]]]);
  link.tick(39_999);
  assert.deepEqual(take(), []);
  link.tick(40_000);
  assert.deepEqual(take(), [["close", 4508], ["state"]]);
  assert.deepEqual([link.state, link.why, link.deadline], ["offline", "the server was silent", 40_500]);
});

test("anything that arrives counts as a heartbeat", () => {
  const { link, take } = live();
  link.tick(20_000);
  link.heard(39_000);
  assert.equal(link.deadline, 59_000);
  link.tick(59_000);
  assert.deepEqual(take().at(-1), ["send", [7, 2]]);
});

test("a page that slept asks before it gives up", () => {
  const { link, take } = live();
  link.tick(9_000_000);
  assert.deepEqual([take(), link.state], [[["send", [7, 1]]], "live"]);
});

test("a heartbeat of nothing asks nothing", () => {
  const { link } = live();
  link.welcome(WELCOME.with(6, 0), 0);
  assert.equal(link.deadline, null);
});

test("a server that never says welcome is given up after ten seconds", () => {
  const { link, take } = opening();
  take();
  link.tick(10_000);
  assert.deepEqual([take(), link.why], [[["close", 4508], ["state"]], "no Welcome within 10 s"]);
});

for (const code of [1000, 1001, 1006, 1009, 1011, 4500, 4508, 4513, 4529]) {
  test(`after ${code} the client comes back with its session`, () => {
    const { link, take } = live();
    link.closed(code, "", 100);
    assert.deepEqual([link.state, link.deadline, link.why], ["offline", 600, `the connection ended with code ${code}`]);
    link.tick(600);
    link.opened();
    assert.deepEqual(take().slice(1), [["open"], ["state"], ["send", [1, 1, "s1", "t1", {}, {}]]]);
  });
}

for (const code of [4400, 4401, 4403, 4406, 4409, 4499]) {
  test(`after ${code} the client does not come back`, () => {
    const { link } = live();
    link.closed(code, "replaced", 100);
    assert.deepEqual([link.state, link.deadline, link.why], ["closed", null, "replaced"]);
    link.wake(1e9);
    link.tick(1e9);
    assert.equal(link.state, "closed");
  });
}

test("after 4404 the client comes back with a new session", () => {
  const { link, take } = live();
  link.closed(4404, "", 0);
  link.tick(link.deadline);
  link.opened();
  assert.deepEqual(take().at(-1), ["send", [1, 1, null, null, {}, {}]]);
});

test("failures in a row wait longer, and a Welcome starts over", () => {
  const { link } = live();
  const waits = [1, 2, 3].map(() => {
    link.closed(1006, "", 0);
    const wait = link.deadline;
    link.start(0);
    return wait;
  });
  assert.deepEqual(waits, [500, 1000, 2000]);
  link.welcome(WELCOME, 0);
  link.closed(1006, "", 0);
  assert.equal(link.deadline, 500);
});

test("a Bye says how long to stay away, jitter comes on top, and waking up does not shorten it", () => {
  const { link } = live();
  link.bye("deploy", 5);
  assert.equal(link.ready, false);
  link.closed(1001, "", 1000);
  assert.deepEqual([link.why, link.deadline], ["deploy", 6500]);
  link.wake(5999);
  assert.equal(link.state, "offline");
  link.wake(6000);
  assert.equal(link.state, "connecting");
  assert.equal(link.ready, false);
});

test("waking up while live asks at once whether the server is there, once, and does not wait long for it", () => {
  const { link, take } = live();
  link.wake(100);
  link.wake(101);
  assert.deepEqual([take(), link.deadline], [[["send", [7, 1]]], 5100]);
  link.heard(200);
  assert.equal(link.deadline, 20_200);
  link.wake(300);
  link.tick(5300);
  assert.deepEqual([link.state, link.code], ["offline", 4508]);
});

test("waking up while offline opens at once", () => {
  const { link, take } = live();
  link.closed(1006, "", 10);
  take();
  link.wake(11);
  assert.deepEqual(take(), [["open"], ["state"]]);
});

test("a refusal of the connection is why it ended", () => {
  const { link } = opening();
  link.refused("version", "this server speaks version 2");
  link.closed(4400, "", 0);
  assert.deepEqual([link.state, link.why], ["closed", "version: this server speaks version 2"]);
});

test("why an earlier connection ended is not why this one did", () => {
  const { link } = live();
  link.closed(1006, "", 0);
  link.start(500);
  link.closed(4401, "sign in first", 600);
  assert.equal(link.why, "sign in first");
});

test("a returning client names its places, a new one has none", () => {
  const { link, take } = opening();
  link.opened({ "topic:n": ["e1", 3] });
  assert.deepEqual(take().at(-1), ["send", [1, 1, null, null, {}, {}]]);
  link.welcome(WELCOME, 0);
  link.closed(1006, "", 0);
  link.start(500);
  link.opened({ "topic:n": ["e1", 3] });
  assert.deepEqual(take().at(-1), ["send", [1, 1, "s1", "t1", { "topic:n": ["e1", 3] }, {}]]);
});

test("the code of the connection that ended is known until there is another", () => {
  const { link } = live();
  assert.equal(link.code, null);
  link.closed(4513, "", 0);
  assert.equal(link.code, 4513);
  link.start(500);
  link.welcome(WELCOME, 600);
  assert.equal(link.code, null);
});

test("moving to a better line opens it at once, without ending the session", () => {
  const { link, take } = live();
  link.move(100);
  assert.deepEqual([take(), link.state, link.session], [[["close", 4508], ["open"], ["state"]], "connecting", "s1"]);
});

test("a page that is put away leaves its line, keeps its session and tries nothing before it is back", () => {
  const { link, take } = live();
  link.putAway(100);
  assert.deepEqual([take(), link.state, link.deadline, link.session], [[["close", 4508], ["state"]], "offline", null, "s1"]);
  assert.equal(link.why, "the page is in the back/forward cache");
  link.tick(1e9);
  assert.deepEqual(take(), []);
  link.wake(2e9);
  assert.deepEqual(take(), [["open"], ["state"]]);
  link.putAway(2e9);
  assert.deepEqual([take(), link.state], [[["close", 4508], ["state"]], "offline"]);
});

test("a page that is put away while it waits waits on when it is back, as the server asked it to", () => {
  const { link, take } = live();
  link.bye("deploy", 5);
  link.closed(1001, "", 0);
  take();
  link.putAway(100);
  assert.deepEqual([take(), link.deadline, link.why], [[], null, "deploy"]);
  link.wake(200);
  assert.deepEqual([take(), link.state, link.deadline > 5000], [[], "offline", true]);
  link.tick(link.deadline);
  assert.deepEqual(take(), [["open"], ["state"]]);
});

test("a Welcome that arrives in pieces has its time for each of them", () => {
  const { link } = opening();
  link.grows(9_000);
  link.tick(18_000);
  assert.equal(link.state, "connecting");
  link.tick(19_000);
  assert.equal(link.state, "offline");
});

test("closing is for good", () => {
  const { link, take } = live();
  link.close();
  assert.deepEqual([take(), link.state, link.why], [[["close", 1000], ["state"]], "closed", "closed by this client"]);
  link.close();
  assert.deepEqual(take(), []);
});
