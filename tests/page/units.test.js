import assert from "node:assert/strict";
import test from "node:test";
import { count, dayEnd, dayStart, direction, energyJ, magnitude, moment, percent, power, span, spokenPower } from "./units.js";

const thin = (text) => text.replaceAll(" ", "\u202f");

test("a power keeps three digits and takes the unit that people read", () => {
  const said = [0, 1, 20, 999.4, 999.6, 1234, 12345, 123456, 999960, 1234567, 2.5e9].map(power);
  assert.deepEqual(said, ["0 W", "1 W", "20 W", "999 W", "1.00 kW", "1.23 kW", "12.3 kW", "123 kW", "1.00 MW", "1.23 MW", "2.50 GW"].map(thin));
});

test("unknown is a dash and never zero", () => {
  assert.deepEqual([power(null), power(undefined), power(NaN), energyJ(null), percent(null, 1), percent(0, 0), span(null), count(null)], Array(8).fill("–"));
  assert.equal(spokenPower(null), "– unknown");
});

test("the sign is a word", () => {
  assert.deepEqual([2, -2, 0, null].map(direction), ["consuming", "producing", "in balance", "unknown"]);
  assert.equal(spokenPower(-20000), `${thin("20.0 kW")} producing`);
  assert.equal(magnitude(-100), thin("100 W"));
});

test("joules are told as watt hours", () => {
  assert.deepEqual([3600, 3600e3, 3600e6].map(energyJ), ["1 Wh", "1.00 kWh", "1.00 MWh"].map(thin));
});

test("a coverage short of whole never reads 100 %", () => {
  assert.equal(percent(99999, 100000), thin("99.9 %"));
  assert.equal(percent(1, 1), thin("100 %"));
  assert.equal(percent(1, 3), thin("33.3 %"));
});

test("a span has at most two parts", () => {
  assert.deepEqual([0, 59, 60, 61, 3600, 9420, 90000].map(span), ["0 s", "59 s", "1 min", "1 min|1 s", "1 h", "2 h|37 min", "1 d|1 h"].map((text) => thin(text).replace("|", " ")));
});

test("thousands are apart", () => {
  assert.deepEqual([1, 1000, 1234567].map(count), ["1", "1 000", "1 234 567"].map(thin));
});

test("the date is said unless it is that of the data", () => {
  const noon_ms = new Date(2016, 5, 1, 12, 5).getTime();
  assert.equal(moment(noon_ms, { today_ms: noon_ms + 1000 }), "12:05");
  assert.equal(moment(noon_ms, { today_ms: noon_ms + 86400000 }), "1 Jun 2016 12:05");
});

test("a day has 23 or 25 hours when the clock is set", () => {
  const hours = (month, date) => {
    const at_ms = new Date(2016, month, date, 12).getTime();
    return (dayEnd(at_ms) - dayStart(at_ms)) / 3600000;
  };
  assert.deepEqual([hours(2, 27), hours(5, 1), hours(9, 30)], [23, 24, 25]); // the test runs in Europe/Berlin
});
