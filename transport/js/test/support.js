/** What the tests share: a server's frames, a core that is live, and a page with a clock and sockets moved by hand. */
import { decode, encode } from "cborg";
import { Core } from "../src/core.js";
import { PROTOCOL } from "../src/frames.js";
import { automatic } from "../src/serialiser.js";

export const hex = (bytes) => Buffer.from(bytes).toString("hex");
export const bytes = (text) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

export const WELCOME = [16, "c0ffee", "s1", "t1", false, {}, 20, "hash"];
export const add = (model, message) => model + message;
export const ofType = (kind) => (effect) => effect[0] === kind;

/** Takes the core's effects, with sent bytes read as frames. */
export function taken(core) {
  return core.effects.splice(0).map(([kind, ...rest]) => (kind === "send" ? [kind, decode(rest[0])] : [kind, ...rest]));
}

export const sent = (core) => taken(core).filter(ofType("send")).map(([, frame]) => frame);
export const give = (core, frame, now = 0) => core.receive(encode(frame), now);

export function liveCore({ welcome = WELCOME, types = {}, now = 0 } = {}) {
  const core = new Core({ serialiser: automatic(types), random: () => 0.5 });
  core.link.start(now);
  core.opened(PROTOCOL, now);
  give(core, welcome, now);
  taken(core);
  return core;
}

/** A live core with a number for a model: 10 at seq 3. */
export function counting(options = {}) {
  const core = liveCore();
  const replica = core.subscribe("topic:n", { update: add, ...options });
  give(core, [21, "topic:n", "e1", 3, 10, "subscribed"]);
  give(core, [17, "topic:n", 3, [1], false]);
  taken(core);
  return { core, replica };
}

export const dispatch = (core, replica, message) => {
  const entry = { message };
  core.dispatch(replica, entry);
  return entry;
};

/** Surroundings in which nothing happens by itself. */
export class Page {
  constructor() {
    Object.assign(this, { time: 0, timers: new Map(), sockets: [], reported: [], window: new EventTarget() });
    this.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    const page = this;
    this.WebSocket = class {
      constructor(url, protocols) {
        Object.assign(this, { url, protocols, protocol: "", sent: [], closedWith: null });
        page.sockets.push(this);
      }
      send(data) {
        this.sent.push(decode(data));
      }
      close(code) {
        this.closedWith = code;
      }
      /** What the server does. */
      open(protocol = PROTOCOL) {
        this.protocol = protocol;
        this.onopen({});
      }
      give(frame) {
        this.onmessage({ data: Uint8Array.from(encode(frame)).buffer });
      }
      end(code, reason = "") {
        this.onclose({ code, reason });
      }
    };
  }

  get options() {
    const { window, document, WebSocket } = this;
    const platform = {
      now: () => this.time,
      date: () => 1_700_000_000_000 + this.time,
      random: () => 0.5,
      setTimeout: (fn, ms) => {
        const timer = Symbol("timer");
        this.timers.set(timer, { fn, at: this.time + ms });
        return timer;
      },
      clearTimeout: (timer) => this.timers.delete(timer),
      report: (error) => this.reported.push(error),
      location: { href: "https://nuphar.example/app#top" },
      window,
      document,
      fetch: undefined,
    };
    return { WebSocket, platform };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  /** Move the clock and fire what is due on the way. */
  pass(ms) {
    const end = this.time + ms;
    for (;;) {
      const [timer, next] = [...this.timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (next === undefined || next.at > end) break;
      this.timers.delete(timer);
      this.time = next.at;
      next.fn();
    }
    this.time = end;
  }

  welcome(frame = WELCOME) {
    this.socket.open();
    this.socket.give(frame);
  }
}

/** Whatever was promised has happened. */
export const settled = async (promise) => promise.then((value) => ({ value }), (error) => ({ error }));
