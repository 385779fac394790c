// Say whether what is shown is live; never let a number that stands still look as if it were.

import { byId } from "./elements.js";
import { AGE_LIMIT_S } from "./state.js";
import { span } from "./units.js";

const WORDS = { live: "live", stale: "stale", connecting: "connecting" };

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function reason({ why, told, behind_records }, live) {
  const seconds = Math.max(1, Math.ceil((live.retry_ms - Date.now()) / 1000));
  const again = live.retry_ms > Date.now() ? ` Trying again in ${span(seconds)}.` : " Trying again.";
  return {
    lost: `The connection is lost.${again}`,
    unheard: "Nothing has been heard yet.",
    quiet: "The stream is silent.",
    behind: `The view is catching up: ${behind_records ?? "some"} records behind.`,
    never: "No worker has written anything yet.",
    workers: "The workers have stopped writing.",
    told: sentence(told ?? "not all that was promised is there"),
  }[why];
}

let failure = null;
let said = "";

// A page that has failed says so instead of standing still.
export function failed(message) {
  failure = `This page has failed (${message ?? "unknown"}). Load it again; until then its numbers may be old.`;
}

// The stream's age is that of the newest part: where it is small, some other part is old.
function ageOf({ age_s, why }) {
  if (age_s === null) return { short: "age unknown", long: "" };
  if (why === "told" && age_s <= AGE_LIMIT_S) return { short: "in part old", long: " Some numbers are older than they should be." };
  return { short: `${span(age_s)} old`, long: ` Numbers are ${span(age_s)} old.` };
}

export function showFreshness(fresh, live) {
  const isStale = fresh.state === "stale" || failure !== null;
  const age = ageOf(fresh);
  document.body.classList.toggle("stale", isStale || fresh.state === "connecting");
  byId("connection").dataset.connection = isStale ? "stale" : fresh.state;
  byId("connection-text").textContent = isStale && fresh.age_s !== null ? `stale, ${age.short}` : WORDS[isStale ? "stale" : fresh.state];
  for (const place of document.querySelectorAll(".aged")) place.dataset.age = age.short;
  const banner = byId("banner");
  const text = failure ?? (isStale ? reason(fresh, live) + age.long : "");
  banner.hidden = text === "";
  // Screen readers hear a new reason, not every second of it.
  const kind = failure ? "failure" : fresh.why ?? "";
  banner.setAttribute("aria-live", kind === said ? "off" : "assertive");
  said = kind;
  if (banner.textContent !== text) banner.textContent = text;
}
