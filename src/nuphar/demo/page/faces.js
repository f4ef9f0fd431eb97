/** Who is here: a row of faces, and one's own name, which can be changed. */
import { one, stamp, write } from "./dom.js";
import { initials, me, rename } from "./me.js";
import { NAME } from "./people.js";

const SHOWN = 7;

export class Faces {
  /** `onrename()` after this window's person has taken another name. */
  constructor({ onrename }) {
    this._list = one("#faces");
    this._faces = new Map();
    const name = one("#name");
    name.maxLength = NAME;
    name.value = me.name;
    name.addEventListener("change", () => {
      if (rename(name.value)) onrename();
      name.value = me.name;
    });
    name.addEventListener("keydown", (event) => {
      if (event.key === "Escape") name.value = me.name;
      if (["Enter", "Escape"].includes(event.key)) name.blur();
    });
  }

  /** Show everybody who has a name, oneself first. */
  render(people, clientId) {
    one("#name").dataset.tint = me.tint ?? "";
    const named = people.filter(({ name }) => name !== "");
    const mine = named.filter(({ client_id }) => client_id === clientId);
    const everybody = [...mine, ...named.filter((person) => !mine.includes(person))];
    const shown = everybody.slice(0, SHOWN);
    for (const [id, face] of this._faces) {
      if (shown.some(({ client_id }) => client_id === id)) continue;
      face.remove();
      this._faces.delete(id);
    }
    shown.forEach(({ client_id: id, name, tint }, index) => {
      const face = this._faces.get(id) ?? stamp("face");
      face.dataset.tint = tint;
      face.title = id === clientId ? `${name} (you)` : name;
      face.classList.toggle("me", id === clientId);
      write(one(".initials", face), initials(name));
      write(one(".name", face), face.title);
      this._faces.set(id, face);
      if (this._list.children[index] !== face) this._list.insertBefore(face, this._list.children[index] ?? null);
    });
    write(one("#more"), everybody.length > SHOWN ? `+${everybody.length - SHOWN}` : "");
    const count = everybody.length;
    write(one("#present"), ["Not connected", "Only you are here"][count] ?? `${count} people are here`);
  }
}
