// Turn windows into columns: what consumes is stacked above zero, what produces below.

const ORDER = ["load", "heat_pump", "ev_charger", "battery", "meter", "hybrid", "res_mix", "pv", "wind", "hydro", "biomass"];

export const isKnownKind = (kind) => ORDER.includes(kind);

export function kindsOf(items) {
  const kinds = new Set(items.flatMap((item) => Object.keys(item.kinds ?? {})));
  kinds.delete("all");
  const rank = (kind) => (isKnownKind(kind) ? ORDER.indexOf(kind) : ORDER.length);
  return [...kinds].sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}

// The part of what was expected on which a window rests, or null if nothing was expected.
export function coverageOf(item) {
  const all = item.kinds?.all;
  if (!all?.expected_device_s) return item.coverage?.ratio ?? null;
  return all.covered_device_s / all.expected_device_s;
}

export function columnOf(item, kinds) {
  let up_w = 0;
  let down_w = 0;
  const parts = [];
  const isHeard = item.state !== "empty";
  for (const kind of isHeard ? kinds : []) {
    const power_w = item.kinds[kind]?.mean_power_w;
    if (!power_w) continue;
    const from_w = power_w > 0 ? up_w : down_w;
    if (power_w > 0) up_w += power_w;
    else down_w += power_w;
    parts.push({ kind, from_w, to_w: from_w + power_w });
  }
  const net_w = isHeard ? item.kinds.all?.mean_power_w ?? null : null;
  return {
    item, parts, up_w, down_w, net_w, isHeard, start_s: item.start_ms / 1000, end_s: item.end_ms / 1000,
    status: item.status, coverage: isHeard ? coverageOf(item) : 0,
  };
}

export function columnsOf(items, kinds) {
  return [...items].sort((one, other) => one.start_ms - other.start_ms).map((item) => columnOf(item, kinds));
}

// The spans between columns, up to the present, of which nothing is known.
export function gapsOf(columns, { from_s, to_s }) {
  const gaps = [];
  let known_s = from_s;
  for (const { start_s, end_s, isHeard } of columns) {
    if (start_s > known_s) gaps.push([known_s, Math.min(start_s, to_s)]);
    if (!isHeard) gaps.push([Math.max(start_s, from_s), Math.min(end_s, to_s)]);
    known_s = Math.max(known_s, end_s);
  }
  if (known_s < to_s) gaps.push([known_s, to_s]);
  return gaps.filter(([start_s, end_s]) => end_s > start_s);
}

// Energy over all columns, consumed and produced apart, because a kind may do both.
export function energyOf(items, kind) {
  let consumed_j = 0;
  let produced_j = 0;
  for (const item of items) {
    consumed_j += item.kinds?.[kind]?.energy_import_j ?? 0;
    produced_j += item.kinds?.[kind]?.energy_export_j ?? 0;
  }
  return { consumed_j, produced_j };
}
