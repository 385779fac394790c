// What is so now of a node, in large; and what its storage could do.

import { kindColor } from "./paint.js";
import { draw, make, powerOf, stateOf, timeOf } from "./elements.js";
import { knownPower, memberLive } from "./measures.js";
import { kindsOf } from "./stack.js";
import { count, direction, energyWh, isKnown, percent, power, powerParts, span, words } from "./units.js";

const FLOW_CLASS = { consuming: "consuming", producing: "producing" };
const SILENT = { stale: "every device is silent", empty: "nothing was ever heard" };

export const fact = (name, ...value) => make("div", {}, make("dt", {}, name), make("dd", { class: "figure" }, value));

// The figure of an operator: size first, then which way it flows, in a word.
export function bigFigure(power_w, silence) {
  const flow = direction(power_w);
  const { number, unit } = powerParts(isKnown(power_w) ? Math.abs(power_w) : null);
  const figure = make("p", { class: `big figure ${FLOW_CLASS[flow] ?? ""}` }, number, unit && make("small", {}, `\u202f${unit}`));
  const towards = make("p", { class: `towards figure ${FLOW_CLASS[flow] ?? ""}` }, isKnown(power_w) ? flow : silence);
  return make("div", {}, figure, towards);
}

function kindBars(kinds) {
  const names = kindsOf([{ kinds }]);
  const most_w = Math.max(1, ...names.map((name) => Math.abs(kinds[name].active_power_w)));
  return make("div", { class: "bars" }, names.flatMap((name) => {
    const power_w = kinds[name].active_power_w;
    const bar = draw("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      draw("rect", { width: (Math.abs(power_w) / most_w) * 100, height: 10, fill: kindColor(name) }));
    const isHeard = kinds[name].devices_fresh > 0;
    return [make("span", {}, words(name)), bar, make("span", { class: "number" }, powerOf(isHeard ? power_w : null))];
  }));
}

const sitesLine = (sites) => Object.entries(sites).filter(([, number]) => number > 0)
  .flatMap(([state, number], index) => [index ? ", " : "", `${count(number)}\u202f`, stateOf(state)]);

export function nowCard(record, today_ms) {
  const all = record.kinds.all ?? {};
  const live = memberLive(record);
  const { devices_expected: expected, devices_reporting: fresh } = live.coverage ?? {};
  return make("section", { class: "card", "aria-label": "Now" },
    bigFigure(knownPower(live), SILENT[record.state] ?? "unknown"),
    make("p", { class: "aged" }, stateOf(record.state), " as of ", timeOf(record.as_of_ms, { today_ms })),
    make("dl", { class: "facts" },
      fact("Consumed", power(all.import_w)), fact("Produced", power(all.export_w)),
      fact("Coverage", percent(fresh, expected), ` (${count(fresh)} of ${count(expected)} devices)`),
      fact("Rated power", power(all.rated_power_w), all.stale_rated_power_w > 0 && ` (${power(all.stale_rated_power_w)} of it silent)`),
      all.devices_stale > 0 && fact("Not counted: last of silent devices", powerOf(all.stale_power_w)),
      fact("Sites", sitesLine(record.sites)),
    ),
    kindBars(record.kinds));
}

const FLEX_ROWS = [
  ["Charge power", (flex) => power(flex.charge_power_w)],
  ["Discharge power", (flex) => power(flex.discharge_power_w)],
  ["Energy to full", (flex) => energyWh(flex.energy_to_full_wh)],
  ["Energy to empty", (flex) => energyWh(flex.energy_to_empty_wh)],
  ["Charging lasts", (flex) => minutes(flex.minutes_charging)],
  ["Discharging lasts", (flex) => minutes(flex.minutes_discharging)],
  ["State of charge", (flex) => percent(flex.state_of_charge_wh, flex.usable_capacity_wh)],
];
const FLEX_COLUMNS = [
  ["reported", "fresh devices only"],
  ["estimated", "silent devices at their last value"],
  ["committable", "silent devices count for nothing"],
];

const minutes = (value) => span(isKnown(value) ? Math.round(value) * 60 : null);

export function flexibilityCard(flexibility) {
  const title = make("h2", {}, "Flexibility");
  if (!flexibility) return make("section", { class: "card" }, title, make("p", { class: "note" }, "Not known."));
  if (!(flexibility.estimated?.usable_capacity_wh > 0)) {
    return make("section", { class: "card" }, title, make("p", { class: "note" }, "No storage below this node."));
  }
  const head = FLEX_COLUMNS.map(([name, meaning]) => make("th", { scope: "col", class: "number", title: meaning }, name));
  const rows = FLEX_ROWS.map(([name, say]) => make("tr", {}, make("th", { scope: "row" }, name),
    FLEX_COLUMNS.map(([column]) => make("td", { class: "number figure" }, flexibility[column] ? say(flexibility[column]) : "–"))));
  const meanings = FLEX_COLUMNS.map(([name, meaning]) => `${name}: ${meaning}`).join("; ");
  return make("section", { class: "card flexibility" }, title,
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Flexibility" },
      make("table", {}, make("thead", {}, make("tr", {}, make("td"), head)), make("tbody", {}, rows))),
    make("p", { class: "muted" }, `${meanings}.`));
}
