/** What a promise of this client is rejected with. */
export class NupharError extends Error {
  name = "NupharError";

  /** `code` is a word of docs/wire.md, `text` a sentence, `details` what the server added. */
  constructor(code, text, details = null) {
    super(`${code}: ${text}`);
    Object.assign(this, { code, text, details });
  }
}
