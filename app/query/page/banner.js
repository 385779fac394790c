// Say whether what is shown is live; never let a number that stands still look as if it were.

import { byId } from "./elements.js";
import { span } from "./units.js";

const WORDS = { live: "live", stale: "stale", connecting: "connecting" };

function reason({ why, behind_records }, live) {
  const seconds = Math.max(1, Math.ceil((live.retry_ms - Date.now()) / 1000));
  const again = live.retry_ms > Date.now() ? ` Trying again in ${span(seconds)}.` : " Trying again.";
  return {
    lost: `The connection is lost.${again}`,
    unheard: "Nothing has been heard yet.",
    quiet: "The stream is silent.",
    behind: `The view is catching up: ${behind_records ?? "some"} records behind.`,
    never: "No worker has written anything yet.",
    workers: "The workers have stopped writing.",
  }[why];
}

let failure = null;
let said = "";

// A page that has failed says so instead of standing still.
export function failed(message) {
  failure = `This page has failed (${message ?? "unknown"}). Load it again; until then its numbers may be old.`;
}

export function showFreshness(fresh, live) {
  const isStale = fresh.state === "stale" || failure !== null;
  const age = fresh.age_s === null ? "" : ` Numbers are ${span(fresh.age_s)} old.`;
  document.body.classList.toggle("stale", isStale || fresh.state === "connecting");
  byId("connection").dataset.connection = isStale ? "stale" : fresh.state;
  byId("connection-text").textContent = isStale && fresh.age_s !== null ? `stale, ${span(fresh.age_s)} old` : WORDS[isStale ? "stale" : fresh.state];
  for (const place of document.querySelectorAll(".aged")) place.dataset.age = fresh.age_s === null ? "age unknown" : `${span(fresh.age_s)} old`;
  const banner = byId("banner");
  const text = failure ?? (isStale ? reason(fresh, live) + age : "");
  banner.hidden = text === "";
  // Screen readers hear a new reason, not every second of it.
  const kind = failure ? "failure" : fresh.why ?? "";
  banner.setAttribute("aria-live", kind === said ? "off" : "assertive");
  said = kind;
  if (banner.textContent !== text) banner.textContent = text;
}
