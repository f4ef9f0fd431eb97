import assert from "node:assert/strict";
import { test } from "node:test";
import { Life } from "../src/life.js";

const HEARTBEAT = 20_000;

function living({ resumed = false, life = new Life(), now = 0 } = {}) {
  life.begin(HEARTBEAT, now, resumed);
  return life;
}

/** How many heartbeats of silence it bears, and how often it asks meanwhile; nothing arrives. */
function silence(life, owed = false) {
  const start = life.deadline - HEARTBEAT;
  for (let asked = 0; ; asked += 1) {
    const now = life.deadline;
    if (!life.lasts(now, owed)) return [(now - start) / HEARTBEAT, asked];
  }
}

test("a line that owes nothing is asked once and given up after two heartbeats", () => {
  assert.deepEqual(silence(living()), [2, 1]);
});

test("while a Snapshot is owed it has twice as long, and is asked each heartbeat, as that is a sign of life", () => {
  assert.deepEqual(silence(living(), true), [4, 3]);
});

test("what a resumed session missed may be large, until something arrives a heartbeat later", () => {
  assert.deepEqual(silence(living({ resumed: true })), [4, 3]);
  const life = living({ resumed: true });
  life.heard(HEARTBEAT + 1);
  assert.deepEqual(silence(life), [2, 1]);
});

test("each line that was given up gives the next one twice as long, up to 32 heartbeats", () => {
  const life = living();
  const borne = [0, 1, 2, 3, 4, 5].map(() => silence(living({ life }))[0]);
  assert.deepEqual(borne, [2, 4, 8, 16, 32, 32]);
});

test("a message of any size up to that comes through in the end", () => {
  for (const heartbeats of [1, 3, 7, 15, 31]) {
    const life = new Life();
    let lines = 1;
    for (; lines < 10; lines += 1) {
      life.begin(HEARTBEAT, 0, true);
      life.heard(10); // the Welcome, and a Ping
      let alive = true;
      while (alive && life.deadline < heartbeats * HEARTBEAT) alive = life.lasts(life.deadline, false);
      if (alive) break;
    }
    assert.ok(lines <= 4, `${heartbeats} heartbeats took ${lines} lines`);
  }
});

test("a line that has lived that long without silence is judged as at first", () => {
  const life = living();
  silence(life);
  living({ life });
  for (let now = 0; now <= 5 * HEARTBEAT; now += HEARTBEAT / 2) life.heard(now);
  assert.deepEqual(silence(life), [2, 1]);
});

test("bytes that arrive keep a line for as long as they do, and nothing is asked", () => {
  const life = living();
  for (let now = 0; now < 100 * HEARTBEAT; now += HEARTBEAT / 2) {
    assert.ok(life.deadline > now);
    life.grows(now);
  }
  assert.deepEqual(silence(life), [2, 1]);
});

test("a page that is back asks, once, and waits 5 s; a line on which something large may be under way has its time", () => {
  const life = living();
  assert.deepEqual([life.check(100, false), life.check(101, false), life.deadline], [true, false, 5100]);
  assert.equal(life.lasts(5100, false), false);
  assert.deepEqual(silence(living({ life })), [2, 1]); // that was no silence of two heartbeats, so nothing is learned
  const large = living();
  assert.deepEqual([large.check(100, true), large.deadline], [true, 100 + HEARTBEAT]);
  assert.equal(silence(large, true)[0] > 2, true);
});

test("without a heartbeat nothing is asked, but by a page that is back", () => {
  const life = new Life();
  life.begin(0, 0, true);
  assert.equal(life.deadline, null);
  life.check(10, false);
  assert.equal(life.deadline, 5010);
  life.heard(20);
  assert.equal(life.deadline, null);
});
