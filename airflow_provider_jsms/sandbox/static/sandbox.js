// What the page asks the sandbox, and tells it.

const LONGEST = 10_000;

/** What is shown: the view is null if it is still the one with that version. */
export function look(asked) {
  return ask(`/sandbox/page/view?${new URLSearchParams(asked)}`);
}

/** Move the clock forward by some seconds. */
export function advance(seconds) {
  return move({ advance: seconds });
}

/** Move the clock forward to a time: ISO 8601 with an offset, or a wall time. */
export function travelTo(time) {
  return move({ travel_to: time });
}

function move(given) {
  return ask("/sandbox/clock", { method: "POST", body: JSON.stringify(given) });
}

async function ask(address, options = {}) {
  const signal = AbortSignal.timeout(LONGEST);
  const response = await fetch(address, { ...options, signal });
  const shown = await response.json();
  if (!response.ok) {
    throw new Refused(shown.error);
  }
  return shown;
}

/** The sandbox has answered that it does not do this, and why. */
export class Refused extends Error {}
