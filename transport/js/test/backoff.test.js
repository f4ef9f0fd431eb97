import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/backoff.js";

const waits = (backoff, count) => Array.from({ length: count }, () => backoff.next());

test("the ceiling doubles from one second and stops at thirty", () => {
  const backoff = new Backoff({ random: () => 1 });
  assert.deepEqual(waits(backoff, 7), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
});

test("the jitter is full: any wait from nothing to the ceiling", () => {
  const numbers = [0, 0.25, 0.5];
  const backoff = new Backoff({ random: () => numbers.shift() });
  assert.deepEqual(waits(backoff, 3), [0, 500, 2000]);
});

test("a reset starts over", () => {
  const backoff = new Backoff({ random: () => 1 });
  waits(backoff, 5);
  backoff.reset();
  assert.equal(backoff.next(), 1000);
});

test("a million failures do not leave the ceiling", () => {
  const backoff = new Backoff({ random: () => 1 });
  assert.equal(waits(backoff, 1_000_000).at(-1), 30000);
});
