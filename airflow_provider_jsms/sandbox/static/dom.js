// The only place that changes the document. Whatever is shown is put in as text, never as markup.

/** The element with an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Set the text of an element, and hide the element if there is none. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
  setHidden(element, text === "");
}

/** Hide an element, or show it. */
export function setHidden(element, isHidden) {
  if (element.hidden !== isHidden) {
    element.hidden = isHidden;
  }
}

/** Set the texts of the parts of an element, each by its name in data-of. */
export function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) {
    setText(element.querySelector(`[data-of="${name}"]`), text);
  }
}

/** Set an attribute, or take it away if there is no value. */
export function setAttribute(element, name, value) {
  if (value === null) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

/**
 * Let a list have one child for each item, in their order. A child stays as long as an item has its
 * key, and is only moved if it has to be.
 */
export function keep(list, template, items, update) {
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
  items.forEach((item, place) => {
    const child = known.get(item.key) ?? made(template, item.key);
    update(child, item);
    if (list.children[place] !== child) {
      list.insertBefore(child, list.children[place] ?? null);
    }
  });
  if (focused !== document.activeElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
}

function made(template, key) {
  const child = template.content.firstElementChild.cloneNode(true);
  child.dataset.key = key;
  return child;
}
