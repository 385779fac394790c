import assert from "node:assert/strict";
import test from "node:test";
import { columnsOf, energyOf, gapsOf, kindsOf } from "./stack.js";

const mean = (mean_power_w) => ({ mean_power_w, covered_device_s: 450, expected_device_s: 900 });
const item = (start_s, powers, change = {}) => ({
  start_ms: start_s * 1000, end_ms: (start_s + 900) * 1000, status: "final", state: "complete",
  kinds: Object.fromEntries(Object.entries(powers).map(([kind, power_w]) => [kind, mean(power_w)])), ...change,
});

test("kinds stand in one order, the total is none of them", () => {
  assert.deepEqual(kindsOf([item(0, { all: 1, zebra: 1, pv: 1 }), item(900, { load: 1, all: 1, ant: 1 })]), ["load", "pv", "ant", "zebra"]);
});

test("what consumes is stacked above zero and what produces below", () => {
  const [column] = columnsOf([item(0, { all: -89, load: 10, battery: 1, pv: -100 })], ["load", "battery", "pv"]);
  assert.deepEqual(column.parts, [
    { kind: "load", from_w: 0, to_w: 10 }, { kind: "battery", from_w: 10, to_w: 11 }, { kind: "pv", from_w: 0, to_w: -100 },
  ]);
  assert.deepEqual([column.up_w, column.down_w, column.net_w, column.coverage], [11, -100, -89, 0.5]);
});

test("a window in which nothing was heard is no zero", () => {
  const [column] = columnsOf([item(0, { all: 0, load: 0 }, { state: "empty" })], ["load"]);
  assert.deepEqual([column.parts, column.net_w, column.coverage], [[], null, 0]);
});

test("a gap stays a gap: before, between, after, and where nothing was heard", () => {
  const columns = columnsOf([item(1800, { all: 1 }), item(900, { all: 1 }), item(4500, { all: 0 }, { state: "empty" })], []);
  assert.deepEqual(gapsOf(columns, { from_s: 0, to_s: 6000 }), [[0, 900], [2700, 4500], [4500, 5400], [5400, 6000]]);
  assert.deepEqual(gapsOf(columns.slice(0, 2), { from_s: 900, to_s: 2700 }), []);
});

test("energies of a kind are summed apart and never netted", () => {
  const kinds = (energy_import_j, energy_export_j) => ({ kinds: { battery: { energy_import_j, energy_export_j } } });
  assert.deepEqual(energyOf([kinds(1, 20), kinds(2, 100), { kinds: {} }], "battery"), { consumed_j: 3, produced_j: 120 });
});
