/** What a client takes from its surroundings, and which options it knows. */
import { openTab } from "./tab.js";

const HERE = import.meta.url; // of the script, and its worker lies beside it
let workerUrl;

/** Start the timer of hidden pages. Where a page trusts no URL of a script by itself, a policy vouches for this one. */
function worker() {
  const url = new URL("nuphar-worker.js", HERE).href;
  workerUrl ??= globalThis.trustedTypes?.createPolicy("nuphar", { createScriptURL: () => url }).createScriptURL(url) ?? url;
  return new Worker(workerUrl);
}

/** A monotonic clock and a date in milliseconds, randomness, timers, where errors go, what a page has and a browser keeps. */
export const platform = () => ({
  now: () => performance.now(),
  date: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  report: (error) => (globalThis.reportError ?? console.error)(error),
  worker,
  storage: globalThis.indexedDB && openTab,
  WebSocket: globalThis.WebSocket,
  fetch: globalThis.fetch?.bind(globalThis),
  window: globalThis.addEventListener && globalThis,
  document: globalThis.document,
  location: globalThis.location,
});

/** Raise TypeError for an option that does not exist. */
export function onlyKnown(options, known, where) {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`${where} has no option ${unknown}; it has ${known.join(", ")}`);
}
