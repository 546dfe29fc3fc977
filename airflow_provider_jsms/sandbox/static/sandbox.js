// HTTP requests to the sandbox.

const TIMEOUT = 10_000;

/** Fetch the content of the page; its view is null if the version is still current. */
export function fetchView(query) {
  return request(`/sandbox/page/view?${new URLSearchParams(query)}`);
}

/** Move the clock forward by seconds. */
export function advance(seconds) {
  return move({ advance: seconds });
}

/** Move the clock forward to a time: ISO 8601 with an offset, or a wall time. */
export function travelTo(time) {
  return move({ travel_to: time });
}

function move(given) {
  return request("/sandbox/clock", { method: "POST", body: JSON.stringify(given) });
}

async function request(url, options = {}) {
  const signal = AbortSignal.timeout(TIMEOUT);
  const response = await fetch(url, { ...options, signal });
  const body = await response.json();
  if (!response.ok) {
    throw new Refused(body.error);
  }
  return body;
}

/** The sandbox refused a request; the message is its own. */
export class Refused extends Error {}
