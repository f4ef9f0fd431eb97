/** What a client shows at each try to connect: a token, given or asked for. It is told to the server and to nobody else. */
const MASK = "(token)"; // stands in its place in what is for people

export class Credentials {
  /** The token of the last try. */
  shown = "";
  _attempt = 0;

  /** `token` is text, or a function that gives text or a promise of it; null, undefined and "" are none. Raises TypeError. */
  renew(token) {
    this._token = typeof token === "function" ? token : checked(token);
  }

  /** Can it be another one at the next try? */
  get fresh() {
    return typeof this._token === "function";
  }

  /** Call `use(token)`, now or once a function has given it, or `fail(error)`; neither if there is another `ask`, or a `cancel`. */
  ask(use, fail) {
    const attempt = (this._attempt += 1);
    const asks = (then) => (what) => attempt === this._attempt && then(what);
    const show = (token) => use((this.shown = token));
    if (!this.fresh) return show(this._token);
    new Promise((resolve) => resolve(this._token())).then(checked).then(asks(show), asks(fail));
  }

  /** Nobody waits for a token any more. */
  cancel() {
    this._attempt += 1;
  }

  masked(text) {
    return this.shown ? text.replaceAll(this.shown, MASK) : text;
  }
}

function checked(token) {
  const text = token ?? "";
  if (typeof text !== "string") throw new TypeError(`token: expected text or a function that gives it, got ${typeof text}`);
  if (!/^[!-~]*$/.test(text)) throw new TypeError("token: expected visible ASCII characters, got others");
  return text;
}
