// Formats times. A wall time is a string such as "2030-07-01 09:00:00".

import { t } from "./texts.js";

const SECOND = 1000;
const DAY = 24 * 60 * 60;

/** Add milliseconds to a wall time. */
export function wallAfter(wall, milliseconds) {
  return asWall(asIfUtc(wall) + milliseconds);
}

/** Format the time left, such as "in 59:59". */
export function countdown(milliseconds) {
  const seconds = Math.ceil(milliseconds / SECOND);
  if (seconds <= 0) {
    return t("now");
  }
  const days = Math.floor(seconds / DAY);
  const [hours, minutes, rest] = new Date((seconds % DAY) * SECOND)
    .toISOString()
    .slice(11, 19)
    .split(":");
  if (days > 0) {
    return `${t("in")} ${days} ${t("d")} ${hours}:${minutes}:${rest}`;
  }
  return `${t("in")} ${hours === "00" ? "" : `${hours}:`}${minutes}:${rest}`;
}

function asIfUtc(wall) {
  return Date.parse(`${wall.replace(" ", "T")}Z`);
}

function asWall(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ");
}
