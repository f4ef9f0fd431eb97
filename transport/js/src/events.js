/** Server-sent events (HTML, section 9.2) from the text of an answer, as far as docs/wire.md uses them. Pure. */
export class Events {
  _rest = "";

  /** Take more text, and give the events that are whole now, as `{event, id, data}`. Comments are none. */
  *feed(text) {
    let from = Math.max(0, this._rest.length - 3); // the blank line that ends an event may be cut in two
    this._rest += text;
    const blank = /\r?\n\r?\n/g;
    for (blank.lastIndex = from; ; blank.lastIndex = 0) {
      const end = blank.exec(this._rest);
      if (end === null) return;
      const lines = this._rest.slice(0, end.index).split(/\r?\n/);
      this._rest = this._rest.slice(end.index + end[0].length);
      const fields = { event: "message" };
      for (const line of lines) {
        const [, name, value] = /^(\w+): ?(.*)/.exec(line) ?? [];
        if (name) fields[name] = value;
      }
      if ("data" in fields) yield fields;
    }
  }
}
