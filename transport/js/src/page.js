/** What becomes of the page that a client is in: it is shown or hidden, put away and taken out again, or back on the network. */
export class Page {
  /** `show()` and `hide()` follow its visibility, `leave(persisted)` and `back()` the page itself. */
  constructor({ window, document }, { show, hide, leave, back }) {
    const see = () => (document?.visibilityState === "hidden" ? hide() : show());
    this._heard = [
      [window, "online", see],
      [document, "visibilitychange", see],
      [window, "pagehide", ({ persisted }) => leave(Boolean(persisted))],
      [window, "pageshow", back],
    ];
    for (const [source, event, listener] of this._heard) source?.addEventListener(event, listener);
  }

  end() {
    for (const [source, event, listener] of this._heard) source?.removeEventListener(event, listener);
  }
}
