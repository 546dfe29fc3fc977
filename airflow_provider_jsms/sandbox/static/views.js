// Renders the parts of the page from the view.

import { byId, fill, reconcile, setAttribute, setHidden, setText } from "./dom.js";

const STATES = {
  scheduled: (time) => `scheduled for ${time}`,
  sent: (time) => `sent ${time}`,
  cancelled: (time) => `cancelled, was for ${time}`,
  replaced: (time) => `replaced, was for ${time}`,
  refused: () => "refused",
};

/** Render everything but the time. */
export function show(view, chosen) {
  const isEmpty = view.everybody === 0;
  setHidden(byId("empty"), !isEmpty);
  setHidden(byId("people"), isEmpty);
  setHidden(byId("phone"), isEmpty);
  byId("to-next").disabled = view.next === null;
  showConnection(view.connection);
  showPeople(view, chosen);
  showPhone(view.phone, chosen);
  showService(view);
}

function showConnection(connection) {
  const complete = { ...connection, host: location.origin };
  setText(byId("host"), complete.host);
  setText(byId("app-key"), complete.login);
  setText(byId("secret"), complete.password);
  setText(byId("connection"), JSON.stringify(complete, null, 2));
}

function showPeople(view, chosen) {
  const hidden = view.found - view.people.length;
  setText(byId("everybody"), view.everybody.toLocaleString("en"));
  reconcile(byId("people-list"), byId("person-template"), keyed(view.people, "mobile"), showPerson);
  for (const item of byId("people-list").children) {
    const isChosen = item.dataset.key === chosen;
    setAttribute(item.firstElementChild, "aria-current", isChosen ? "true" : null);
  }
  setText(byId("people-more"), view.found ? more(hidden) : "No such number.");
}

function showPerson(item, person) {
  setAttribute(item.firstElementChild, "href", `#${encodeURIComponent(person.mobile)}`);
  const state = person.state === "sent" || person.due ? "" : person.state;
  fill(item, { mobile: person.mobile, text: person.text, state });
  showDue(item, person.due);
}

function showPhone(phone, chosen) {
  const hasChanged = byId("screen").dataset.mobile !== chosen;
  setAttribute(byId("screen"), "data-mobile", chosen);
  setText(byId("phone-title"), phone ? phone.mobile : chosen || "No phone selected");
  setText(byId("phone-state"), phone ? phone.state : "");
  setText(byId("phone-earlier"), phone ? more(phone.earlier, "earlier") : noPhone(chosen));
  setText(byId("phone-later"), phone ? more(phone.later, "later") : "");
  const bubbles = phone ? phone.bubbles : [];
  reconcile(byId("bubbles"), byId("bubble-template"), withDays(bubbles), showBubble);
  if (hasChanged) {
    scrollToNow(byId("screen"));
  }
}

/** Scroll to the next text, or to the last one sent. */
function scrollToNow(screen) {
  const next = screen.querySelector(".scheduled");
  screen.scrollTop = next ? next.offsetTop - screen.clientHeight / 2 : screen.scrollHeight;
}

function noPhone(chosen) {
  return chosen ? "No text for this number." : "Select a person to see their phone.";
}

function showBubble(item, bubble) {
  const [signature, text] = parts(bubble.text);
  setAttribute(item, "class", bubble.state);
  setHidden(item.querySelector("article"), bubble.text === "");
  fill(item, {
    day: bubble.day,
    signature,
    text,
    fate: STATES[bubble.state](bubble.wall.slice(11)),
    note: bubble.note,
    details: bubble.details,
  });
  showDue(item, bubble.state === "scheduled" ? bubble.due : null);
}

/** Split a text after its signature in brackets. */
function parts(text) {
  const end = text.startsWith("【") ? text.indexOf("】") + 1 : 0;
  return [text.slice(0, end), text.slice(end)];
}

function withDays(bubbles) {
  let before = "";
  return bubbles.map((bubble) => {
    const date = bubble.wall.slice(0, 10);
    const day = date === before ? "" : date;
    before = date;
    return { ...bubble, day };
  });
}

function showDue(item, due) {
  const part = item.querySelector('[data-of="due"]');
  setAttribute(part, "data-due", due === null ? null : String(due));
  if (due === null) {
    setText(part, "");
  }
}

function showService(view) {
  setText(byId("balance"), `${view.balance.toLocaleString("en")} texts`);
  showLines(byId("faults"), view.faults);
  showLines(byId("holds"), view.holds);
  reconcile(byId("requests"), byId("request-template"), view.requests, showRequest);
  setHidden(byId("no-requests"), view.requests.length > 0);
}

function showLines(section, { lines, more: hidden }) {
  const items = lines.map((line, position) => ({ key: String(position), line }));
  setHidden(section, lines.length === 0);
  reconcile(section.querySelector("ul"), byId("line-template"), items, (item, { line }) =>
    fill(item, { line }),
  );
  setText(section.querySelector(".more"), more(hidden));
}

function showRequest(item, { at, name, status, reason }) {
  const isFine = status === "200" || status === "no answer"; // it may still come
  setAttribute(item, "class", isFine ? null : "failed");
  fill(item, { at: at.slice(11), name, status, reason });
}

function keyed(items, name) {
  return items.map((item) => ({ ...item, key: item[name] }));
}

function more(count, which = "more") {
  return count > 0 ? `… and ${count.toLocaleString("en")} ${which}` : "";
}
