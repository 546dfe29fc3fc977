// The page: it asks for what there is every second, and lets the clock run meanwhile.

import { byId, setAttribute, setText } from "./dom.js";
import { advance, look, Refused, travelTo } from "./sandbox.js";
import { countdown, wallAfter } from "./time.js";
import { show } from "./views.js";

const EVERY = 1000;
const TICK = 200;
const WIDE = matchMedia("(min-width: 50rem)");

let chosen = "";
let version = "";
let questions = 0;
let view = null;
/** The clock as it was told, and when that was on the clock of the browser. */
let told = null;
let isMoving = false;

/** Ask what there is. An answer that comes after a later question is of no use any more. */
async function refresh() {
  questions += 1;
  const question = questions;
  try {
    const answer = await look({ search: byId("search").value, mobile: chosen, version });
    if (question === questions) {
      take(answer);
    }
  } catch (error) {
    if (question === questions) {
      lose(error);
    }
  }
}

function take(answer) {
  told = { ...answer.clock, at: performance.now() };
  version = answer.version;
  document.body.classList.remove("lost");
  setText(byId("lost"), "");
  if (answer.view) {
    view = answer.view;
    show(view, chosen);
    chooseSomebody();
  }
  tick();
}

function lose(error) {
  const words = error instanceof Refused ? error.message : "The sandbox does not answer.";
  document.body.classList.add("lost");
  setText(byId("lost"), words);
}

/** Show the time, and how long it is until each text. */
function tick() {
  if (told === null) {
    return;
  }
  const passed = performance.now() - told.at;
  setText(byId("wall"), wallAfter(told.wall, (told.now % 1000) + passed));
  setText(byId("zone"), told.timezone);
  for (const element of document.querySelectorAll("[data-due]")) {
    setText(element, countdown(Number(element.dataset.due) - told.now - passed));
  }
}

/** Move the clock, and say why if that is not possible. */
async function move(moving) {
  isMoving = true;
  try {
    await moving();
    setText(byId("problem"), "");
  } catch (error) {
    setText(byId("problem"), `The clock was not moved: ${error.message}`);
  }
  await refresh();
  isMoving = false;
}

function chooseByAddress() {
  chosen = numberIn(location.hash);
  version = "";
  setAttribute(byId("main"), "data-chosen", chosen || null);
  refresh();
}

/** Nobody is chosen any more after a reset; where there is room for a phone, the first one is. */
function chooseSomebody() {
  if (chosen !== "" && view.everybody === 0) {
    history.replaceState(null, "", location.pathname);
    chooseByAddress();
  }
  if (chosen === "" && WIDE.matches && view.people.length > 0) {
    history.replaceState(null, "", `#${encodeURIComponent(view.people[0].mobile)}`);
    chooseByAddress();
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
    button.addEventListener("click", () => move(() => advance(Number(button.dataset.advance))));
  }
  byId("to-next").addEventListener("click", () => {
    // At the second click of a double one, the next text is still the one of the first.
    if (!isMoving) {
      move(() => travelTo(new Date(view.next).toISOString()));
    }
  });
  byId("when").addEventListener("focus", suggestNow);
  byId("travel").addEventListener("submit", (event) => {
    event.preventDefault();
    move(() => travelTo(wallIn(byId("when").value)));
  });
  byId("search").addEventListener("input", refresh);
  addEventListener("hashchange", chooseByAddress);
  document.addEventListener("visibilitychange", refresh);
}

/** What a person has chosen, as a wall time; a browser leaves out seconds that are zero. */
function wallIn(value) {
  const wall = value.replace("T", " ");
  return wall.length === "2030-07-01 09:00".length ? `${wall}:00` : wall;
}

function suggestNow() {
  if (byId("when").value === "" && told) {
    byId("when").value = byId("wall").textContent.replace(" ", "T");
  }
}

async function run() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    if (!document.hidden) {
      await refresh();
    }
  }
}

listen();
setInterval(tick, TICK);
chooseByAddress();
run();
