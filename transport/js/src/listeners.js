/** Those who want to hear of one thing. */
export class Listeners {
  constructor() {
    this._all = new Set();
  }

  /** Add `fn`; the result takes it away again. One function may be added twice. */
  add(fn) {
    const listener = (...what) => fn(...what);
    this._all.add(listener);
    return () => this._all.delete(listener);
  }

  /** Call all of them. What one raises goes to `report`, and the others are called nevertheless. */
  tell(report, ...what) {
    for (const listener of [...this._all]) {
      try {
        listener(...what);
      } catch (error) {
        report(error);
      }
    }
  }
}
