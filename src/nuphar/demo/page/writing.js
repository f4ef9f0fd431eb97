/** Writing on cards: a text becomes a field in its own place, and what was written becomes a message. */
import { TEXT } from "./board.js";
import { one, stamp } from "./dom.js";

/** A new field with a text in it. `done(text)` when it is left or Enter is pressed, `done(null)` on Escape. */
function field(text, view, done) {
  const area = stamp("field");
  area.value = text;
  area.maxLength = TEXT;
  const fit = () => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  };
  let over = false;
  const end = (value, again = false) => {
    if (over) return;
    over = true;
    done(value === null ? null : value.trim(), again);
  };
  area.addEventListener("input", fit);
  area.addEventListener("blur", () => view.rearranging || end(area.value));
  area.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Escape") end(null, true);
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    end(area.value, true);
  });
  return { area, fit };
}

/** Let the text of a card be changed in place. `onwrite(card or null)` tells which one is under the pen. */
export function edit(view, id, { save, onwrite }) {
  const card = view.card(id);
  if (!card || card.classList.contains("editing")) return;
  const text = one(".text", card);
  const original = text.textContent;
  const { area, fit } = field(original, view, (written, byKey) => {
    area.remove();
    card.classList.remove("editing");
    onwrite(null);
    if (written && written !== original) save(written);
    if (byKey) view.card(id)?.focus();
  });
  area.setAttribute("aria-label", "The card's text");
  card.classList.add("editing");
  text.after(area);
  fit();
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
  onwrite(id);
}

/** Let a new card be written at the end of a column. After Enter the next one can be written at once. */
export function compose(view, column, add) {
  const button = one(".add", column);
  const open = () => {
    const { area } = field("", view, (written, byKey) => {
      area.remove();
      button.hidden = false;
      if (written) add(written);
      if (written && byKey) open();
      else if (byKey) button.focus();
    });
    area.classList.add("new");
    area.placeholder = "What else?";
    area.setAttribute("aria-label", "The new card's text");
    button.hidden = true;
    button.before(area);
    area.focus();
    area.scrollIntoView({ block: "nearest" });
  };
  button.addEventListener("click", open);
}
