import assert from "node:assert/strict";
import { test } from "node:test";
import { Core } from "../src/core.js";
import { PROTOCOL } from "../src/frames.js";
import { automatic } from "../src/serialiser.js";
import { Server } from "./server.js";

/** Appends. A message of "theirs" leaves no room for one of "shy" directly after it, so that one may cease to fit. */
function update(model, message) {
  if (message.startsWith("shy") && model.at(-1)?.startsWith("theirs")) throw new RangeError("not after them");
  return [...model, message];
}

const KINDS = ["own", "own", "shy", "shy"];

/** A page and its server, and everything that may happen between them. */
class World {
  constructor(seed, optimistic, reloads, limits) {
    let state = seed;
    this.random = (below) => (state = (state * 48271) % 2147483647) % below;
    Object.assign(this, { optimistic, reloads, server: new Server(update), up: [], now: 0, number: 0, outcomes: new Map() });
    this.server.isTooMuch = () => limits && this.random(3) === 0;
    this.load();
  }

  load() {
    this.core = new Core({ serialiser: automatic(), random: () => 0 });
    this.core.link.start(this.now);
    this.replica = this.core.subscribe("topic:n", { update, optimistic: this.optimistic });
    this.perform();
  }

  perform() {
    for (const [kind, subject, what] of this.core.effects.splice(0)) {
      if (kind === "send") this.up.push(subject);
      else if (kind === "resolve") this.settle(subject, "applied");
      else if (kind === "reject") this.settle(subject, what.code ?? "unsent");
      else if (kind === "close") this.end();
      else if (kind === "fault") assert.fail(what);
    }
    this.check();
  }

  settle({ message }, outcome) {
    assert.ok(!this.outcomes.has(message), `${message} was answered twice`);
    this.outcomes.set(message, outcome);
  }

  check() {
    const { replica } = this;
    const fold = (model, { message }) => {
      try {
        return update(model, message);
      } catch {
        return model;
      }
    };
    const based = replica.optimistic && replica.confirmed !== undefined;
    assert.deepEqual(replica.model, based ? replica.pending.reduce(fold, replica.confirmed) : replica.confirmed);
    if (replica.epoch === `e${this.server.epoch}`) assert.deepEqual(replica.confirmed, this.server.model.slice(0, replica.seq));
  }

  end() {
    this.server.cut();
    this.up = [];
  }

  /** One thing that may happen now. */
  step() {
    const { core, server, replica } = this;
    const live = core.link.state !== "offline";
    const action = this.random(20);
    if (action < 4) core.dispatch(replica, { message: `${KINDS[action]} ${(this.number += 1)}` });
    else if (action < 7) server.publish(`theirs ${(this.number += 1)}`);
    else if (action < 11 && this.up.length > 0) server.take(this.up.shift());
    else if (action < 16 && server.down.length > 0) core.receive(server.down.shift(), this.now);
    else if (action === 16 && live) this.lose();
    else if (action === 17 && live && this.random(4) === 0) this.lose(() => (server.session = null));
    else if (action === 18 && this.random(8) === 0) this.lose(() => server.restart());
    else if (action === 19 && this.reloads && this.random(4) === 0) this.reload();
    else this.rest();
    this.perform();
    if (this.core.link.state === "offline" && this.random(3) === 0) this.open();
  }

  /** Let the time pass that the server wants to be left alone with something; true if there was any. */
  rest() {
    const { link, targets } = this.core;
    const waits = link.ready && targets.deadline < Infinity;
    if (waits) this.core.tick((this.now = targets.deadline));
    return waits;
  }

  lose(then = () => {}) {
    this.end();
    if (this.core.link.state !== "offline") this.core.closed(1006, "", this.now);
    then();
  }

  /** The page is loaded again, and finds what was kept of the one before, as it was written at its last Welcome or now. */
  reload() {
    const { link, targets } = this.core;
    const head = { session: link.session, token: link.token, ref: targets.ref, reached: targets.reached, targets: [...targets.replicas.keys()] };
    const rows = targets.messages.map(({ ref, target, payload, sent }) => ({ session: link.session, ref, target, payload, sent: sent !== null }));
    this.end();
    this.load();
    this.core.restore(head, rows, false);
    this.open();
  }

  open() {
    if (this.core.link.state === "offline") this.core.tick((this.now = this.core.deadline));
    this.core.opened(PROTOCOL, this.now);
    this.perform();
  }

  /** Let everything arrive. */
  quiet() {
    this.server.isTooMuch = () => false;
    if (this.core.link.state === "offline" || !this.server.greeted) {
      this.lose();
      this.open();
    }
    for (let turn = 0; this.up.length + this.server.down.length > 0 || this.rest(); turn += 1) {
      assert.ok(turn < 10_000, "it never becomes quiet");
      if (this.up.length > 0) this.server.take(this.up.shift());
      else if (this.server.down.length > 0) this.core.receive(this.server.down.shift(), this.now);
      this.perform();
    }
  }
}

const WORLDS = [
  ["optimistic", true, false, false],
  ["plain", false, false, false],
  ["loaded again", true, true, false],
  ["too much at once", true, false, true],
  ["too much at once, and loaded again", false, true, true],
];

for (const [name, optimistic, reloads, limits] of WORLDS) {
  test(`${name}: whatever comes, is cut and resumed, model = confirmed + pending, and what was applied was applied once`, () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const world = new World(seed, optimistic, reloads, limits);
      world.open();
      for (let step = 0; step < 200; step += 1) world.step();
      world.quiet();
      const { core, replica, server, outcomes } = world;
      assert.deepEqual([core.link.state, core.link.why, replica.pending, core.targets.waiting.size], ["live", "", [], 0]);
      assert.deepEqual(replica.model, server.model);
      const own = server.model.filter((message) => !message.startsWith("theirs")).map((message) => Number(message.split(" ")[1]));
      assert.deepEqual(own, own.toSorted((a, b) => a - b), "own messages keep their order");
      assert.equal(new Set(server.model).size, server.model.length, "nothing is applied twice");
      for (const [message, outcome] of outcomes) {
        if (outcome !== "unknown_outcome") assert.equal(server.model.includes(message), outcome === "applied", `${message} ${outcome}`);
      }
    }
  });
}
