// All changes of the document. Values are inserted as text, never as markup.

import { translate } from "./texts.js";

/** Return the element with an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Set the text of an element; hide it if the text is empty. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
  setHidden(element, text === "");
}

/** Hide or show an element. */
export function setHidden(element, isHidden) {
  if (element.hidden !== isHidden) {
    element.hidden = isHidden;
  }
}

/** Set the texts of the parts of an element by their data-of. */
export function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) {
    setText(element.querySelector(`[data-of="${name}"]`), text);
  }
}

/** Set an attribute, or remove it if the value is null. */
export function setAttribute(element, name, value) {
  if (value === null) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

/** Reconcile the children of a list with keyed items, moving as few as possible. */
export function reconcile(list, template, items, update) {
  const focused = document.activeElement;
  const keys = new Set(items.map((item) => item.key));
  const known = new Map();
  for (const child of [...list.children]) {
    if (keys.has(child.dataset.key)) {
      known.set(child.dataset.key, child);
    } else {
      child.remove();
    }
  }
  items.forEach((item, position) => {
    const child = known.get(item.key) ?? create(template, item.key);
    update(child, item);
    if (list.children[position] !== child) {
      list.insertBefore(child, list.children[position] ?? null);
    }
  });
  if (focused !== document.activeElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
}

function create(template, key) {
  const child = template.content.firstElementChild.cloneNode(true);
  child.dataset.key = key;
  translate(child);
  return child;
}
