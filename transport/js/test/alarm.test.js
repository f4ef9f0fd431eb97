import assert from "node:assert/strict";
import { test } from "node:test";
import { Alarm } from "../src/alarm.js";
import { Page } from "./support.js";

function rigged() {
  const page = new Page();
  const workers = [];
  const rings = [];
  const worker = () => {
    const made = { posted: [], ended: false, postMessage: (what) => made.posted.push(what), terminate: () => (made.ended = true) };
    workers.push(made);
    return made;
  };
  const platform = { ...page.options.platform, worker };
  return { page, workers, rings, platform, alarm: new Alarm(platform, () => rings.push(page.time)) };
}

test("it rings once, when it is time", () => {
  const { page, alarm, rings } = rigged();
  alarm.set(500);
  page.pass(1000);
  assert.deepEqual([rings, page.timers.size], [[500], 0]);
});

test("an earlier time counts, never means never", () => {
  const { page, alarm, rings } = rigged();
  alarm.set(500);
  alarm.set(200);
  page.pass(300);
  alarm.set(400);
  alarm.set(Infinity);
  page.pass(1000);
  assert.deepEqual(rings, [200]);
});

test("while the page is hidden a worker keeps the time, too", () => {
  const { page, alarm, rings, workers } = rigged();
  alarm.set(500);
  assert.equal(workers.length, 0);
  alarm.hide(true);
  alarm.hide(true);
  page.time = 100;
  alarm.set(300);
  assert.deepEqual(workers.map(({ posted }) => posted), [[500, 200]]);
  page.time = 301;
  workers[0].onmessage({});
  assert.deepEqual([rings, page.timers.size], [[301], 0]);
  alarm.hide(false);
  assert.equal(workers[0].ended, true);
});

test("a worker that cannot be had is done without", () => {
  for (const worker of [undefined, () => assert.fail("forbidden")]) {
    const { page, platform, rings } = rigged();
    const alarm = new Alarm({ ...platform, worker }, () => rings.push(page.time));
    alarm.hide(true);
    alarm.set(500);
    page.pass(500);
    assert.deepEqual(rings, [500]);
  }
});

test("a worker that fails later is ended", () => {
  const { alarm, workers } = rigged();
  alarm.hide(true);
  workers[0].onerror({});
  assert.equal(workers[0].ended, true);
});
