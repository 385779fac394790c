import assert from "node:assert/strict";
import test from "node:test";
import { customRange, freshness, nothingHeard, readView, resolveRange, shiftRange, windowFor, writeView } from "./state.js";

const HOUR_MS = 3600000;

test("an address brings back what was chosen, whatever the id holds", () => {
  for (const id of ["EHV1", "a/b c%00&node=x#y", "<script>", "日本 語", "", "+"]) {
    const view = { type: "site", id, range: "P7D", tab: "explain", window_ms: 900000 };
    assert.deepEqual(readView(writeView(view)), view);
  }
});

test("an address that says nothing shows nothing", () => {
  assert.deepEqual(readView(""), { type: null, id: null, range: "today", tab: "", window_ms: null });
  assert.equal(readView("#node=a&tab=explain&window=x").window_ms, null);
});

test("a range is that of the data, and nonsense is no range", () => {
  const now_ms = Date.parse("2016-06-01T12:00:00Z");
  assert.deepEqual(resolveRange("PT6H", now_ms), { from_ms: now_ms - 6 * HOUR_MS, to_ms: now_ms });
  assert.deepEqual(resolveRange(customRange(1000, 2000), now_ms), { from_ms: 1000, to_ms: 2000 });
  for (const range of ["", "x", "x/y", customRange(2000, 1000), customRange(1000, 1000)]) assert.equal(resolveRange(range, now_ms), null);
});

test("a day of the calendar has 23 hours when clocks go forward and 25 when they go back", () => {
  const hours = (date) => {
    const { from_ms, to_ms } = resolveRange(date, 0);
    return (to_ms - from_ms) / HOUR_MS;
  };
  assert.deepEqual(["2016-03-26", "2016-03-27", "2016-10-30"].map(hours), [24, 23, 25]);
  assert.equal(resolveRange("2016-03-27", 0).from_ms, Date.parse("2016-03-26T23:00:00Z"));
  for (const date of ["2016-13-01", "2016-02-30"]) assert.equal(resolveRange(date, 0), null);
});

test("a step from one day leads to the next day, and a step from a span to the span beside it", () => {
  const now_ms = Date.parse("2016-03-27T21:30:00Z");
  assert.deepEqual([shiftRange("today", -1, now_ms), shiftRange("today", 1, now_ms)], ["2016-03-26", "2016-03-28"]);
  assert.equal(shiftRange("2016-10-30", 1, now_ms), "2016-10-31");
  assert.equal(shiftRange(customRange(1000, 3000), 1, now_ms), customRange(3000, 5000));
  assert.equal(shiftRange("PT6H", -1, now_ms), customRange(now_ms - 12 * HOUR_MS, now_ms - 6 * HOUR_MS));
});

test("a window is a multiple of the base window and gives at most some 300 columns", () => {
  const step = (hours, base_s) => windowFor({ from_ms: 0, to_ms: hours * HOUR_MS }, base_s);
  assert.deepEqual([step(24, 900), step(168, 900), step(2000, 900), step(1, 60), step(24, 60), step(24, 420), step(40, 420), step(24, 10)],
    ["PT15M", "PT1H", "P1D", "PT1M", "PT5M", "PT7M", "PT14M", "PT5M"]);
});

const heard = (change) => ({ ...nothingHeard(0), heard_ms: 1000, age_s: 1, as_of_ms: 5, ...change });

test("what is heard and written is live, and its age goes on", () => {
  assert.deepEqual(freshness(heard({}), 3000), { state: "live", why: null, age_s: 3 });
});

test("a number is stale as soon as anything behind it stands still", () => {
  const why = (link, now_ms) => {
    const fresh = freshness(link, now_ms);
    return fresh.state === "stale" ? fresh.why : fresh.state;
  };
  assert.equal(why(heard({}), 20000), "quiet");
  assert.equal(why(heard({ age_s: 11 }), 1000), "workers");
  assert.equal(why(heard({ age_s: null }), 1000), "never");
  assert.equal(why(heard({ is_ready: false }), 1000), "behind");
  assert.equal(why(heard({ lost_ms: 1000 }), 3000), "lost");
  assert.equal(why(heard({ lost_ms: 1000 }), 2000), "live");
  assert.equal(why(nothingHeard(0), 1000), "connecting");
  assert.equal(why(nothingHeard(0), 20000), "unheard");
  assert.equal(why(heard({ heard_ms: 100000 }), 1000), "quiet"); // the clock was set back
});

test("what says itself whether it is stale is believed, whatever its age", () => {
  const { state, why, told } = freshness(heard({ age_s: 1, is_stale: true, stale_reason: "records wait for a worker" }), 1000);
  assert.deepEqual({ state, why, told }, { state: "stale", why: "told", told: "records wait for a worker" });
  assert.equal(freshness(heard({ age_s: 800, is_stale: false }), 1000).state, "live");
  assert.equal(freshness(heard({ age_s: 1, is_stale: false }), 20000).why, "quiet");
});
