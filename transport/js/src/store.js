import { Listeners } from "./listeners.js";

/** What a page holds of one target: its model, its place in the order, and who wants to hear of it. */
export class Store {
  constructor(slice, actions) {
    this._slice = slice;
    this._actions = actions;
    this._listeners = { change: new Listeners(), push: new Listeners(), presence: new Listeners() };
  }

  get target() {
    return this._slice.target;
  }

  get model() {
    return this._slice.model;
  }

  get seq() {
    return this._slice.seq;
  }

  /** Why the server refused this target, or null. */
  get error() {
    return this._slice.error;
  }

  /** `fn(model, message)` after each change; `message` is null if it was not one message that changed the model. */
  onchange(fn) {
    return this._listeners.change.add(fn);
  }

  /** `fn(message)` for each message outside the order. */
  onpush(fn) {
    return this._listeners.push.add(fn);
  }

  /** `fn({joins, leaves, full})` when members come and go. */
  onpresence(fn) {
    return this._listeners.presence.add(([joins, leaves, full]) => fn({ joins, leaves, full }));
  }

  /** Send a message; the promise gives its seq, or is rejected with a NupharError (code, text, details). */
  dispatch(message) {
    return new Promise((resolve, reject) => this._actions.dispatch(this._slice, { message, resolve, reject }));
  }

  /** Leave the target; the store keeps its last model. */
  unsubscribe() {
    this._actions.unsubscribe(this._slice);
  }

  /** Something happened: "change", "push" or "presence". For the client, not for pages. */
  _tell(kind, report, ...what) {
    this._listeners[kind].tell(report, ...what);
  }
}
