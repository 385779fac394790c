import assert from "node:assert/strict";
import test from "node:test";
import { captionOf } from "./children.js";
import { knownPower, liveCoverage, memberLive } from "./measures.js";
import { gather, gridLines, hullOf, projection } from "./outline.js";
import { devicesOf, mainLine } from "./site.js";
import { compare } from "./table.js";
import { typedTo } from "./treekeys.js";

test("a node of which nothing is fresh has no power", () => {
  const live = (state, connectivity = null) => knownPower({ active_power_w: 0, state, connectivity });
  assert.deepEqual([live("complete"), live("partial"), live("stale"), live("empty"), live("empty", "never_seen"), knownPower(null)], [0, 0, null, null, null, null]);
});

test("a live record's coverage counts devices that were never heard", () => {
  const all = { active_power_w: 20, devices_fresh: 1, devices_stale: 2, devices_never: 1 };
  assert.equal(liveCoverage(memberLive({ kinds: { all }, state: "partial" })), "25.0\u202f%");
});

test("unknown stands last whichever way a table is sorted", () => {
  const sorted = (isDescending) => [2, null, 100, -1, undefined].sort((one, other) => compare(one, other, isDescending)).slice(0, 4);
  assert.deepEqual(sorted(false), [-1, 2, 100, null]);
  assert.deepEqual(sorted(true), [100, 2, -1, null]);
  assert.deepEqual(["F10", "F2", "F1"].sort((one, other) => compare(one, other, false)), ["F1", "F2", "F10"]);
});

test("one typed key goes on to the next name, more keys narrow from here", () => {
  const labels = ["grid", "group", "ehv1", "gamma"];
  assert.deepEqual([typedTo(labels, 0, "g"), typedTo(labels, 1, "g"), typedTo(labels, 3, "g"), typedTo(labels, 1, "gr"), typedTo(labels, 0, "x")], [1, 3, 0, 1, -1]);
});

test("the hull is the outline and holds no point within", () => {
  assert.deepEqual(hullOf([[0, 0], [1, 1], [2, 0], [2, 2], [0, 2], [1, 0], [0, 0]]), [[0, 0], [2, 0], [2, 2], [0, 2]]);
  assert.deepEqual(hullOf([[1, 1], [1, 1]]), [[1, 1]]);
});

test("every site lies on the map, north is up, and one site is in the middle", () => {
  const frame = { width: 600, height: 400, margin: 40 };
  const view = projection([[10, 50], [12, 53]], frame);
  for (const [x, y] of [view.place([10, 50]), view.place([12, 53])]) assert.ok(x >= 40 && x <= 560 && y >= 40 - 1e-6 && y <= 360 + 1e-6);
  assert.ok(view.place([11, 53])[1] < view.place([11, 50])[1]);
  assert.deepEqual(projection([[10, 50]], frame).place([10, 50]), [300, 200]);
  assert.deepEqual(view.degrees(view.place([11, 51])).map((at) => Math.round(at * 1e6) / 1e6), [11, 51]);
});

test("grid lines are round and few", () => {
  assert.deepEqual(gridLines(10.93, 11.81), [11, 11.2, 11.4, 11.6, 11.8]);
  for (const size of [0.003, 0.2, 7, 150]) assert.ok(gridLines(0.0001, size).length <= 10, `${size} degrees`);
});

test("sites that would cover each other are gathered, and none is lost", () => {
  const spots = [[1, 1], [2, 2], [20, 20]].map((at) => ({ at }));
  assert.deepEqual(gather(spots, 14).map((cell) => cell.length), [2, 1]);
});

test("a device that was never heard is listed with its twin's others", () => {
  const record = { devices: [{ device: "a", kind: "pv", rated_power_w: 10 }, { device: "b", kind: "battery", usable_capacity_wh: 100 }] };
  const twin = { devices: [{ device: "a", kind: "pv", active_power_w: -2 }] };
  const states = [{ device: "a", machine: "operation", since_ms: 20 }, { device: null, machine: "connectivity", since_ms: 1 }];
  const rows = devicesOf({ record, twin, states });
  assert.deepEqual(rows.map(({ device, active_power_w, since_ms, usable_capacity_wh }) => [device, active_power_w ?? null, since_ms, usable_capacity_wh]),
    [["a", -2, 20, null], ["b", null, null, 100]]);
});

test("the way to a site goes through its grid, not its groups, and ends in a cycle", () => {
  const member = (id, hierarchy, parents) => ({ id, hierarchy, parents });
  const ancestors = [member("g", "group", []), member("f", "grid", ["r"]), member("r", "grid", ["f"])];
  assert.deepEqual(mainLine({ site: { parents: ["g", "f"] }, ancestors }).map(({ id }) => id), ["f", "r"]);
});

test("a page of children says which they are, and that an order is one of the page", () => {
  const page = (length, next) => ({ items: Array(length).fill({}), next });
  assert.deepEqual([captionOf(page(1, null), 0), captionOf(page(20, null), 0)], ["1 child", "20 children"]);
  assert.equal(captionOf(page(500, "more"), 0), "Children 1 to 500 of more; sorted within these");
  assert.equal(captionOf(page(20, null), 2), "Children 1\u202f001 to 1\u202f020, the last; sorted within these");
});
