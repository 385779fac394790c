// What is shown (all of it in the address), and how fresh it is.

import { dayEnd, dayStart, two } from "./units.js";

const HOUR_MS = 3600000;
const DAY_MS = 24 * HOUR_MS;
export const RANGES = { today: "Today", PT6H: "6 h", PT24H: "24 h", P7D: "7 days" };
const DATE = /^\d{4}-\d\d-\d\d$/;
const BACK_MS = { PT6H: 6 * HOUR_MS, PT24H: DAY_MS, P7D: 7 * DAY_MS };

export function readView(hash) {
  const held = new URLSearchParams(hash.replace(/^#/, ""));
  const type = held.has("site") ? "site" : held.has("node") ? "node" : null;
  const window_ms = Number.parseInt(held.get("window"), 10);
  return {
    type, id: type && held.get(type), range: held.get("range") || "today", tab: held.get("tab") || "",
    window_ms: Number.isSafeInteger(window_ms) ? window_ms : null,
  };
}

export function writeView({ type, id, range, tab, window_ms = null }) {
  const held = new URLSearchParams();
  if (type) held.set(type, id);
  if (range && range !== "today") held.set("range", range);
  if (tab) held.set("tab", tab);
  if (tab === "explain" && window_ms !== null) held.set("window", window_ms);
  return `#${held}`;
}

const dateOf = (moment_ms) => {
  const at = new Date(moment_ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
};

// The midnights of a day of the calendar: 23, 24 or 25 hours apart. Null if there is no such day.
function dayOf(date) {
  const noon_ms = Date.parse(`${date}T12:00`);
  return Number.isNaN(noon_ms) || dateOf(noon_ms) !== date ? null : { from_ms: dayStart(noon_ms), to_ms: dayEnd(noon_ms) };
}

export const customRange = (from_ms, to_ms) => `${new Date(from_ms).toISOString()}/${new Date(to_ms).toISOString()}`;

// A range in milliseconds, or null if it says nothing that can be shown. "Today" and "back" are those of the data.
export function resolveRange(range, now_ms) {
  if (range === "today") return { from_ms: dayStart(now_ms), to_ms: dayEnd(now_ms) };
  if (range in BACK_MS) return { from_ms: now_ms - BACK_MS[range], to_ms: now_ms };
  if (DATE.test(range)) return dayOf(range);
  const [from_ms, to_ms] = range.split("/").map((part) => Date.parse(part));
  return from_ms < to_ms ? { from_ms, to_ms } : null;
}

// The range as long as this one before it (-1) or after it (1): a day of the calendar leads to a day of the calendar.
export function shiftRange(range, step, now_ms) {
  const span = resolveRange(range, now_ms) ?? resolveRange("today", now_ms);
  if (range === "today" || DATE.test(range)) return dateOf(step < 0 ? span.from_ms - HOUR_MS : span.to_ms + HOUR_MS);
  const shift_ms = step * (span.to_ms - span.from_ms);
  return customRange(span.from_ms + shift_ms, span.to_ms + shift_ms);
}

// At most some three hundred columns, in a step that people know and that the base window divides.
export function windowFor({ from_ms, to_ms }, base_s) {
  const span_s = (to_ms - from_ms) / 1000;
  const steps = [base_s, 60, 300, 900, 1800, 3600, 4 * 3600].filter((step_s) => step_s >= base_s && step_s % base_s === 0);
  const step_s = steps.find((one) => span_s / one <= 300);
  if (step_s) return duration(step_s);
  return DAY_MS % (base_s * 1000) === 0 ? "P1D" : duration(base_s * Math.ceil(span_s / base_s / 300));
}

function duration(step_s) {
  if (step_s % 3600 === 0) return `PT${step_s / 3600}H`;
  return step_s % 60 === 0 ? `PT${step_s / 60}M` : `PT${step_s}S`;
}

export const AGE_LIMIT_S = 10;
const QUIET_LIMIT_MS = 12500;
const LOST_LIMIT_MS = 2000;

// What is known of the connection: when it was last heard, what it said of its age, since when it is lost.
export const nothingHeard = (now_ms) => ({ began_ms: now_ms, heard_ms: null, age_s: null, as_of_ms: null, lost_ms: null, is_ready: true, is_stale: null });

// The age of what is shown, and why it must not be taken for live. A page that hears nothing knows no age; one that is
// told whether all that was promised is there takes that, because devices may report seldom.
export function freshness(link, now_ms) {
  const quiet_ms = now_ms - (link.heard_ms ?? link.began_ms);
  const age_s = link.heard_ms === null ? null : (link.age_s ?? 0) + Math.max(0, quiet_ms) / 1000;
  if (link.lost_ms !== null && now_ms - link.lost_ms >= LOST_LIMIT_MS) return { state: "stale", why: "lost", age_s };
  if (link.heard_ms === null) return { state: quiet_ms > QUIET_LIMIT_MS ? "stale" : "connecting", why: "unheard", age_s };
  if (quiet_ms > QUIET_LIMIT_MS || quiet_ms < -QUIET_LIMIT_MS) return { state: "stale", why: "quiet", age_s };
  if (!link.is_ready) return { state: "stale", why: "behind", age_s };
  if (link.age_s === null) return { state: "stale", why: "never", age_s: null };
  if (link.is_stale === true) return { state: "stale", why: "told", told: link.stale_reason, age_s };
  if (link.is_stale === false) return { state: "live", why: null, age_s };
  if (age_s - Math.max(0, quiet_ms) / 1000 > AGE_LIMIT_S) return { state: "stale", why: "workers", age_s };
  return { state: "live", why: null, age_s };
}
