/** The few ways in which this page touches the document. Text goes in as text, never as markup. */

export const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The only element that matches. */
export function one(selector, inside = document) {
  return inside.querySelector(selector);
}

/** A new element from the page's template of this name. */
export function stamp(name) {
  return one(`template#${name}`).content.firstElementChild.cloneNode(true);
}

/** Change an element's text, if it is another one: an unchanged page stays untouched. */
export function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** Animate, unless the visitor prefers stillness. */
export function animate(element, frames, duration) {
  if (still.matches || document.hidden) return null;
  return element.animate(frames, { duration, easing: "cubic-bezier(.2,.8,.2,1)" });
}

/** Say something to those who listen to the page instead of looking at it. */
export function announce(text) {
  one("#announcer").textContent = text;
}

let fading = null;

/** Show a sentence for some seconds. */
export function toast(text) {
  const element = one("#toast");
  element.textContent = text;
  element.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => element.classList.remove("shown"), 6000);
}
