// Times as people read them. A wall time is a text such as "2030-07-01 09:00:00".

const SECOND = 1000;
const DAY = 24 * 60 * 60;

/** The wall time some milliseconds after another one. */
export function wallAfter(wall, milliseconds) {
  return asWall(asIfUtc(wall) + milliseconds);
}

/** How long it is until a time, such as "in 59:59". */
export function countdown(milliseconds) {
  const seconds = Math.ceil(milliseconds / SECOND);
  if (seconds <= 0) {
    return "now";
  }
  const days = Math.floor(seconds / DAY);
  const [hours, minutes, rest] = new Date((seconds % DAY) * SECOND)
    .toISOString()
    .slice(11, 19)
    .split(":");
  if (days > 0) {
    return `in ${days} d ${hours}:${minutes}:${rest}`;
  }
  return hours === "00" ? `in ${minutes}:${rest}` : `in ${hours}:${minutes}:${rest}`;
}

/** The instant, in milliseconds, of a wall time in a zone such as "Asia/Shanghai". */
export function instantOf(wall, zone) {
  // What the zone is ahead of UTC is known for an instant only: the first one is near enough.
  const near = asIfUtc(wall) - ahead(asIfUtc(wall), zone);
  return asIfUtc(wall) - ahead(near, zone);
}

function ahead(instant, zone) {
  const options = { timeZone: zone, dateStyle: "short", timeStyle: "medium" };
  return asIfUtc(new Intl.DateTimeFormat("sv-SE", options).format(instant)) - instant;
}

function asIfUtc(wall) {
  return Date.parse(`${wall.replace(" ", "T")}Z`);
}

function asWall(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ");
}
