/** Whether the page is in touch with the server, since when not, and what waits for it. */
import { one, toast, write } from "./dom.js";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export class Status {
  _lostAt = null;
  _waiting = 0;
  _everLive = false;

  constructor(client) {
    this._client = client;
    client.onstate(() => this.render());
    this.render();
  }

  /** Count a message until its promise is settled; what becomes of it is said if that is not good. */
  watch(promise) {
    this._waiting += 1;
    this.render();
    promise
      .catch((error) => toast(explain(error)))
      .finally(() => {
        this._waiting -= 1;
        this.render();
      });
  }

  render() {
    const { state, since, why } = this._client;
    const root = document.documentElement;
    if (state === "live") {
      if (this._lostAt !== null) toast("Back again. Everything is up to date.");
      this._lostAt = null;
      this._everLive = true;
    } else if (state !== "connecting" || this._everLive) this._lostAt ??= since;
    root.dataset.state = state === "closed" ? "closed" : this._lostAt === null ? state : "offline";
    one("#banner").hidden = this._lostAt === null;
    const waiting = this._lostAt === null ? 0 : this._waiting;
    write(one("#waiting"), ["", "1 change waits"][waiting] ?? `${waiting} changes wait`);
    if (this._lostAt === null) return;
    const closed = state === "closed";
    write(one("#banner strong"), closed ? "This page is disconnected" : `Offline since ${TIME.format(this._lostAt)}`);
    write(one("#why"), closed ? `${why}. Reload the page to come back.` : "It comes back by itself; go on meanwhile.");
    one("#banner").title = why;
  }
}

function explain({ code, text, message }) {
  if (code === "unknown_outcome") return "The connection broke just then: your last change may be missing.";
  if (code === "busy") return "Too many changes wait already: this one was not kept.";
  if (code === "crashed") return "The server refused that change.";
  return text ?? message;
}
