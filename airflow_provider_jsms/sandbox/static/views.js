// Renders the parts of the page from the view.

import { byId, fill, reconcile, setAttribute, setHidden, setText } from "./dom.js";
import { t } from "./texts.js";

const STATES = {
  scheduled: (time) => `${t("scheduled for")} ${time}`,
  sent: (time) => `${t("sent")} ${time}`,
  undelivered: (time) => `${t("undelivered")} ${time}`,
  cancelled: (time) => `${t("cancelled, was for")} ${time}`,
  replaced: (time) => `${t("replaced, was for")} ${time}`,
  refused: () => t("refused"),
  reply: (time) => `${t("replied")} ${time}`,
};
const TYPES = { 1: "verification", 2: "notification", 3: "marketing" };
const REVIEWS = { 0: "under review", 1: "", 2: "rejected" };

/** Render everything but the time. */
export function show(view, chosen) {
  const isEmpty = view.everybody === 0;
  setHidden(byId("empty"), !isEmpty);
  setHidden(byId("people"), isEmpty);
  setHidden(byId("phone"), isEmpty);
  byId("to-next").disabled = view.next === null;
  showConnection(view.connection);
  if (view.schedules) {
    showSchedules(view.schedules);
  } else {
    showPeople(view, chosen);
  }
  setHidden(byId("people-list"), view.schedules !== null);
  setHidden(byId("schedules-list"), view.schedules === null);
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
  setText(byId("grouping"), t("People"));
  setText(byId("everybody"), view.everybody.toLocaleString("en"));
  reconcile(byId("people-list"), byId("person-template"), keyed(view.people, "mobile"), showPerson);
  for (const item of byId("people-list").children) {
    const isChosen = item.dataset.key === chosen;
    setAttribute(item.firstElementChild, "aria-current", isChosen ? "true" : null);
  }
  setText(byId("people-more"), view.found ? more(hidden) : t("No such number."));
}

function showSchedules({ found, rows }) {
  setText(byId("grouping"), t("Schedules"));
  setText(byId("everybody"), found.toLocaleString("en"));
  reconcile(byId("schedules-list"), byId("schedule-template"), rows, showSchedule);
  setText(byId("people-more"), found ? more(found - rows.length) : t("No such schedule."));
}

function showSchedule(item, schedule) {
  setAttribute(item, "class", schedule.state);
  fill(item, {
    when: `${schedule.wall} ${t(schedule.state)}`,
    counts: counts(schedule),
    details: [
      `schedule_id ${schedule.key}`,
      `temp_id ${schedule.temp_id}`,
      ...(schedule.tag ? [`tag ${schedule.tag}`] : []),
    ].join("\n"),
    more: more(schedule.more),
  });
  const members = schedule.people.map((mobile, place) => ({ key: `${place} ${mobile}`, mobile }));
  reconcile(item.querySelector(".members"), byId("member-template"), members, showMember);
  showDelete(item, schedule.state === "scheduled" ? schedule.key : "");
  showDue(item, schedule.due);
}

function counts({ accepted, refused, undelivered }) {
  const parts = [
    [accepted, accepted === 1 ? "person" : "people"],
    [refused, "refused"],
    [undelivered, "undelivered"],
  ];
  return parts
    .filter(([count], place) => count > 0 || place === 0)
    .map(([count, words]) => `${count.toLocaleString("en")} ${t(words)}`)
    .join(", ");
}

function showMember(item, { mobile }) {
  setAttribute(item.firstElementChild, "href", `#${encodeURIComponent(mobile)}`);
  fill(item, { mobile });
}

function showDelete(item, scheduleId) {
  const button = item.querySelector(".delete");
  setAttribute(button, "data-schedule", scheduleId);
  setHidden(button, scheduleId === "");
}

function showPerson(item, person) {
  setAttribute(item.firstElementChild, "href", `#${encodeURIComponent(person.mobile)}`);
  const state = ["sent", "scheduled"].includes(person.state) ? "" : person.state;
  fill(item, { mobile: person.mobile, text: person.text, state: t(state) });
  showDue(item, person.due);
}

function showPhone(phone, chosen) {
  const hasChanged = byId("screen").dataset.mobile !== chosen;
  setAttribute(byId("screen"), "data-mobile", chosen);
  setText(byId("phone-title"), phone ? phone.mobile : chosen || t("No phone selected"));
  showSettings(phone);
  setText(byId("phone-earlier"), phone ? more(phone.earlier, "earlier") : noPhone(chosen));
  setText(byId("phone-later"), phone ? more(phone.later, "later") : "");
  const bubbles = phone ? phone.bubbles : [];
  reconcile(byId("bubbles"), byId("bubble-template"), withDays(bubbles), showBubble);
  if (hasChanged) {
    scrollToNow(byId("screen"));
  }
}

function showSettings(phone) {
  setHidden(byId("settings"), phone === null);
  setHidden(byId("reply"), phone === null);
  if (phone) {
    byId("number-state").value = phone.state;
    byId("delivery").value = String(phone.delivery);
  }
}

/** Scroll to the next text, or to the last one sent. */
function scrollToNow(screen) {
  const next = screen.querySelector(".scheduled");
  screen.scrollTop = next ? next.offsetTop - screen.clientHeight / 2 : screen.scrollHeight;
}

function noPhone(chosen) {
  return t(chosen ? "No text for this number." : "Select a person to see their phone.");
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
    note: noteOf(bubble.note),
    details: bubble.details,
  });
  showDelete(item, bubble.state === "scheduled" ? bubble.schedule_id : "");
  showDue(item, bubble.state === "scheduled" ? bubble.due : null);
}

function noteOf(note) {
  return note.startsWith("moved from ") ? note.replace("moved from", t("moved from")) : t(note);
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
  setText(byId("balance"), `${view.balance.toLocaleString("en")} ${t("texts")}`);
  showLines(byId("faults"), view.faults);
  showLines(byId("holds"), view.holds);
  reconcile(byId("requests"), byId("request-template"), view.requests, showRequest);
  setHidden(byId("no-requests"), view.requests.length > 0);
  reconcile(byId("templates"), byId("temp-template"), view.templates, showTemplate);
}

function showTemplate(item, { key, type, status, text, variables }) {
  const kind = [TYPES[type], REVIEWS[status]].filter(Boolean).map(t).join(", ");
  fill(item, { id: key, kind, text, variables: variables.join(" ") });
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
  fill(item, { at: at.slice(11), name, status: t(status), reason });
}

function keyed(items, name) {
  return items.map((item) => ({ ...item, key: item[name] }));
}

function more(count, which = "more") {
  return count > 0 ? `… ${t("and")} ${count.toLocaleString("en")} ${t(which)}` : "";
}
