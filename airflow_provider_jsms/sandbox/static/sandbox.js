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
  return change("POST", "clock", given);
}

/** Set the state of a number: normal, unsubscribed or invalid. */
export function setNumber(mobile, state) {
  return change("PUT", `numbers/${encodeURIComponent(mobile)}`, { state });
}

/** Set the status in the delivery reports of a number. */
export function setDelivery(mobile, status) {
  return change("PUT", `deliveries/${encodeURIComponent(mobile)}`, { status });
}

/** Reply as a person. */
export function reply(mobile, content) {
  return change("POST", "replies", { mobile, content });
}

/** Delete a schedule. */
export function deleteSchedule(id) {
  return change("DELETE", `schedules/${encodeURIComponent(id)}`, {});
}

function change(method, path, given) {
  return request(`/sandbox/${path}`, { method, body: JSON.stringify(given) });
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
