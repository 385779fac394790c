// Make elements. Text goes in as text only, so that an id may hold any character.

import { UNKNOWN, direction, isKnown, magnitude, moment, utc } from "./units.js";

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);
export const hidden = (text) => make("span", { class: "hidden" }, text);

// The browser's zone to read, UTC on hover.
export function timeOf(moment_ms, options = {}) {
  if (!isKnown(moment_ms)) return make("span", { class: "unknown" }, UNKNOWN);
  const text = moment(moment_ms, { seconds: true, ...options });
  return make("time", { datetime: new Date(moment_ms).toISOString(), title: utc(moment_ms) }, text);
}

const ARROWS = { consuming: "↓", producing: "↑" };

// A short power for tables and the tree: an arrow to see, a word to hear.
export function powerOf(power_w) {
  const flow = !isKnown(power_w) ? "unknown" : power_w > 0 ? "consuming" : power_w < 0 ? "producing" : "balanced";
  const arrow = ARROWS[flow] && make("span", { "aria-hidden": "true" }, ` ${ARROWS[flow]}`);
  return make("span", { class: `power figure ${flow}` }, magnitude(power_w), arrow, hidden(` ${direction(power_w)}`));
}

const SIGNS = {
  complete: "●", online: "●", final: "●", partial: "◐", delayed: "◐", recovering: "◔", provisional: "◌",
  stale: "○", offline: "○", corrected: "◆", empty: "∅", never_seen: "∅",
};

// A state by sign, colour and word, so that none of them is needed alone.
export function stateOf(state, { short = false } = {}) {
  const word = (state ?? "unknown").replace(/_/g, " ");
  const sign = SIGNS[state] && make("span", { "aria-hidden": "true", class: "sign" }, SIGNS[state]);
  return make("span", { class: "state", "data-state": state ?? "unknown", title: word }, sign, short ? hidden(word) : `${sign ? " " : ""}${word}`);
}
