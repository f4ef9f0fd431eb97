import { Listeners } from "./listeners.js";

/** What a page holds of one target: its model, its place in the order, and who wants to hear of it. */
export class Store {
  constructor(replica, actions) {
    this._replica = replica;
    this._actions = actions;
    this._listeners = { change: new Listeners(), push: new Listeners(), presence: new Listeners() };
  }

  get target() {
    return this._replica.target;
  }

  /** What to show: the confirmed model, with the pending messages on it if the store is optimistic. */
  get model() {
    return this._replica.model;
  }

  get confirmed() {
    return this._replica.confirmed;
  }

  /** Own messages that are not part of the confirmed model, in their order. */
  get pending() {
    return this._replica.pending.map(({ message }) => message);
  }

  get seq() {
    return this._replica.seq;
  }

  /** Why the server refused this target, or null. */
  get error() {
    return this._replica.error;
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
    return new Promise((resolve, reject) => this._actions.dispatch(this._replica, { message, resolve, reject }));
  }

  /** Change fields of the model that are `local`: the server does not know them, and no snapshot takes them away. */
  assign(fields) {
    this._actions.assign(this._replica, fields);
  }

  /** Leave the target; the store keeps its last model. */
  unsubscribe() {
    this._actions.unsubscribe(this._replica);
  }

  /** Something happened: "change", "push" or "presence". For the client, not for pages. */
  _tell(kind, report, ...what) {
    this._listeners[kind].tell(report, ...what);
  }
}
