// Polls the sandbox every second, and runs the clock in between.

import { byId, setAttribute, setText } from "./dom.js";
import {
  advance,
  deleteSchedule,
  fetchView,
  Refused,
  reply,
  setDelivery,
  setNumber,
  travelTo,
} from "./sandbox.js";
import { switchLanguage, t, translatePage } from "./texts.js";
import { countdown, wallAfter } from "./time.js";
import { show } from "./views.js";

const POLL = 1000;
const TICK = 200;
const WIDE = matchMedia("(min-width: 50rem)");

let chosen = "";
let grouping = "people";
let version = "";
let polls = 0;
let view = null;
/** The clock in the last response, and the time of the browser at that moment. */
let clock = null;
let isActing = false;

/** Poll once; ignore the response if a later poll has started. */
async function refresh() {
  polls += 1;
  const poll = polls;
  try {
    const search = byId("search").value;
    const response = await fetchView({ search, mobile: chosen, grouping, version });
    if (poll === polls) {
      update(response);
    }
  } catch (error) {
    if (poll === polls) {
      showLost(error);
    }
  }
}

function update(response) {
  clock = { ...response.clock, at: performance.now() };
  version = response.version;
  document.body.classList.remove("lost");
  setText(byId("lost"), "");
  if (response.view) {
    view = response.view;
    show(view, chosen);
    choosePerson();
  }
  tick();
}

function showLost(error) {
  const message = error instanceof Refused ? error.message : t("The sandbox does not respond.");
  document.body.classList.add("lost");
  setText(byId("lost"), message);
}

/** Show the time, and the time left until each text. */
function tick() {
  if (clock === null) {
    return;
  }
  const passed = performance.now() - clock.at;
  setText(byId("wall"), wallAfter(clock.wall, (clock.now % 1000) + passed));
  setText(byId("zone"), clock.timezone);
  for (const element of document.querySelectorAll("[data-due]")) {
    setText(element, countdown(Number(element.dataset.due) - clock.now - passed));
  }
}

/** Change the sandbox, and show the error if that fails. */
async function act(request) {
  isActing = true;
  try {
    await request();
    setText(byId("problem"), "");
  } catch (error) {
    setText(byId("problem"), `${t("That did not work:")} ${error.message}`);
  }
  await refresh();
  isActing = false;
}

function chooseByHash() {
  chosen = numberIn(location.hash);
  version = "";
  setAttribute(byId("main"), "data-chosen", chosen || null);
  refresh();
}

/** Deselect the phone after a reset; on a wide screen select the first one. */
function choosePerson() {
  if (chosen !== "" && view.everybody === 0) {
    history.replaceState(null, "", location.pathname);
    chooseByHash();
  }
  if (chosen === "" && WIDE.matches && view.people.length > 0) {
    history.replaceState(null, "", `#${encodeURIComponent(view.people[0].mobile)}`);
    chooseByHash();
  }
}

function numberIn(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

function listen() {
  for (const button of document.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", () => act(() => advance(Number(button.dataset.advance))));
  }
  byId("to-next").addEventListener("click", () => {
    // On a double click, the view still has the text of the first click.
    if (!isActing) {
      act(() => travelTo(new Date(view.next).toISOString()));
    }
  });
  byId("when").addEventListener("focus", suggestNow);
  byId("travel").addEventListener("submit", (event) => {
    event.preventDefault();
    act(() => travelTo(wallIn(byId("when").value)));
  });
  byId("search").addEventListener("input", refresh);
  byId("by-schedule").addEventListener("click", group);
  byId("language").addEventListener("click", () => {
    switchLanguage();
    if (view) {
      show(view, chosen);
    }
  });
  byId("number-state").addEventListener("change", (event) => {
    act(() => setNumber(chosen, event.target.value));
  });
  byId("delivery").addEventListener("change", (event) => {
    act(() => setDelivery(chosen, Number(event.target.value)));
  });
  byId("reply").addEventListener("submit", (event) => {
    event.preventDefault();
    act(() => reply(chosen, byId("reply-text").value));
    byId("reply-text").value = "";
  });
  byId("main").addEventListener("click", (event) => {
    const button = event.target.closest(".delete");
    if (button) {
      act(() => deleteSchedule(button.dataset.schedule));
    }
  });
  addEventListener("hashchange", chooseByHash);
  document.addEventListener("visibilitychange", refresh);
}

/** List people or schedules. */
function group() {
  grouping = grouping === "people" ? "schedules" : "people";
  setAttribute(byId("by-schedule"), "aria-pressed", String(grouping === "schedules"));
  refresh();
}

/** Convert a datetime-local value to wall time; browsers omit seconds that are zero. */
function wallIn(value) {
  const wall = value.replace("T", " ");
  return wall.length === "2030-07-01 09:00".length ? `${wall}:00` : wall;
}

function suggestNow() {
  if (byId("when").value === "" && clock) {
    byId("when").value = byId("wall").textContent.replace(" ", "T");
  }
}

async function run() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL));
    if (!document.hidden) {
      await refresh();
    }
  }
}

translatePage();
listen();
setInterval(tick, TICK);
chooseByHash();
run();
