// What a live record says, in the shape of a list's member.

import { percent } from "./units.js";

export function memberLive(record) {
  const all = record.kinds?.all;
  return {
    active_power_w: all ? all.active_power_w : null,
    state: record.state,
    connectivity: null,
    as_of_ms: record.as_of_ms,
    revision: record.revision,
    coverage: all && {
      devices_expected: all.devices_fresh + all.devices_stale + all.devices_never,
      devices_reporting: all.devices_fresh,
    },
  };
}

// Nothing fresh is no power: a sum of nothing would read as a quiet node.
export function knownPower(live) {
  if (!live || live.state === "empty" || live.state === "stale") return null;
  if (live.connectivity === "never_seen") return null;
  return live.active_power_w;
}

export const liveCoverage = (live) => percent(live?.coverage?.devices_reporting, live?.coverage?.devices_expected);
