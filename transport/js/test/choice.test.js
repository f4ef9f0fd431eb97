import assert from "node:assert/strict";
import { test } from "node:test";
import { Choice } from "../src/choice.js";

const HOUR = 3_600_000;
const times = (count, fn) => Array.from({ length: count }, fn);

function fallen() {
  const choice = new Choice(3);
  times(3, () => choice.failed());
  choice.worked(0);
  return choice;
}

test("the first transport is used until it has failed three times without ever getting through", () => {
  const choice = new Choice(3);
  times(2, () => choice.failed());
  assert.equal(choice.index, 0);
  choice.failed();
  assert.equal(choice.index, 1);
});

test("one that has got through may fail nine times in a row", () => {
  const choice = new Choice(3);
  choice.worked(0);
  times(9, () => choice.failed());
  assert.equal(choice.index, 0);
  choice.failed();
  assert.equal(choice.index, 1);
});

test("after the last one the first has its turn again", () => {
  const choice = new Choice(3);
  times(9, () => choice.failed());
  assert.equal(choice.index, 0);
});

test("with one transport there is no other", () => {
  const choice = new Choice(1);
  times(30, () => choice.failed());
  choice.worked(0);
  assert.deepEqual([choice.index, choice.probeAt], [0, Infinity]);
});

test("while a later one works the first is tried again, less and less often, at least once an hour", () => {
  const choice = fallen();
  assert.equal(choice.probeAt, 60_000);
  const waits = times(8, () => {
    const at = choice.probeAt;
    choice.probed(false, at);
    return choice.probeAt - at;
  });
  assert.deepEqual(waits, [120_000, 240_000, 480_000, 960_000, 1_920_000, HOUR, HOUR, HOUR]);
});

test("when the first opens it is used again", () => {
  const choice = fallen();
  choice.probed(true, 60_000);
  assert.deepEqual([choice.index, choice.probeAt], [0, Infinity]);
});

test("one that opens and brings nothing is left again, and tried later than before", () => {
  const choice = fallen();
  choice.probed(true, 60_000);
  times(3, () => choice.failed());
  choice.worked(70_000);
  assert.deepEqual([choice.index, choice.probeAt], [1, 190_000]);
});

test("once it has worked it is tried soon after it fails the next time", () => {
  const choice = fallen();
  choice.probed(true, 60_000);
  choice.worked(60_000);
  times(10, () => choice.failed());
  choice.worked(100_000);
  assert.equal(choice.probeAt, 160_000);
});
