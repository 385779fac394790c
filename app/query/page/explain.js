// What a number is made of: children with their partitions and devices, what is missing, which revision replaced which.

import { ask } from "./api.js";
import { make, powerOf, stateOf, timeOf } from "./elements.js";
import { fact } from "./headline.js";
import { SortableTable } from "./table.js";
import { readView, writeView } from "./state.js";
import { count, moment, percent, power, spokenPower, words } from "./units.js";

const MOST = 500;

const linkTo = ({ type, id }) => make("a", { href: writeView({ type, id }) }, id);
// Devices that reported at all: of a window, its state says whether they did for the whole of it.
const reporting = ({ coverage }) => (coverage?.devices_expected ? coverage.devices_reporting / coverage.devices_expected : null);

function deviceLine(device, time) {
  return make("li", {}, `${device.device}, ${words(device.kind)}: `, powerOf(device.active_power_w),
    device.measured_at_ms === null ? " never heard" : [device.is_fresh ? " of " : " silent since ", time(device.measured_at_ms)]);
}

// Which parts are open must outlive a refresh.
function devicesCell({ id, devices }, opened, time) {
  if (!devices.length) return "–";
  const ontoggle = ({ target }) => (target.open ? opened.add(id) : opened.delete(id));
  const silent = devices.filter(({ is_fresh }) => !is_fresh).length;
  const title = `${count(devices.length)}${silent ? `, ${count(silent)} silent` : ""}`;
  return make("details", { ontoggle, open: opened.has(id) }, make("summary", {}, title),
    make("ul", {}, devices.map((device) => deviceLine(device, time))));
}

const partColumns = (opened, time) => [
  { title: "Part", isId: true, value: (row) => row.id, cell: linkTo },
  { title: "Adds", isNumber: true, value: (row) => row.power_w, cell: (row) => powerOf(row.power_w) },
  { title: "Reporting", isNumber: true, value: reporting, cell: (row) => make("span", { class: "figure" }, percent(reporting(row), 1)) },
  { title: "State", value: (row) => row.state, cell: (row) => [stateOf(row.state), row.status ? [" ", stateOf(row.status)] : ""] },
  { title: "Partition", isNumber: true, value: (row) => row.partition, cell: (row) => count(row.partition) },
  { title: "Revision", isNumber: true, value: (row) => row.revision, cell: (row) => count(row.revision) },
  { title: "Devices", value: (row) => row.devices.length, cell: (row) => devicesCell(row, opened, time) },
];

function sumOf({ children_power_w, difference_w, is_cut }) {
  if (is_cut) return `only the first ${count(MOST)} parts are shown`;
  if (difference_w === 0) return "all of it";
  return `${spokenPower(children_power_w)}, ${power(Math.abs(difference_w))} apart: parts are not all equally far`;
}

function factsOf(found) {
  return make("dl", { class: "facts" }, fact("This number", powerOf(found.power_w)), fact("Its parts make up", sumOf(found)),
    fact("State", stateOf(found.state), found.status ? [" ", stateOf(found.status)] : ""), fact("Revision", count(found.revision)),
    found.waiting_for.length > 0 && fact("Waits for partitions", found.waiting_for.join(", ")));
}

function missingOf({ missing }) {
  if (!missing.length) return make("p", { class: "muted" }, "Nothing is missing.");
  const items = missing.map((part) => make("li", {}, linkTo(part), ": ", words(part.reason)));
  return make("details", { class: "missing", open: missing.length <= 5 },
    make("summary", {}, `${count(missing.length)} ${missing.length === 1 ? "part is" : "parts are"} missing or not whole`), make("ul", {}, items));
}

function revisionsOf({ revisions }, time) {
  if (!revisions.length) return null;
  const lines = revisions.map(({ revision, replaced_revision, status, power_w, at_ms }) => make("li", {}, `${count(revision)}: `, powerOf(power_w),
    ", ", stateOf(status), replaced_revision === null ? "" : `, after ${count(replaced_revision)}`, at_ms === null ? ", holds now" : [", until ", time(at_ms)]));
  return make("details", { open: revisions.length > 1 }, make("summary", {}, `${count(revisions.length)} final ${revisions.length === 1 ? "revision" : "revisions"}`),
    make("ol", {}, lines));
}

// Now, or a window, and the way from one window to the next.
function choice(id, { window_ms, window_s, now_ms }) {
  const step_ms = window_s * 1000;
  const to = (text, at_ms) => make("a", { href: writeView({ ...readView(location.hash), type: "node", id, tab: "explain", window_ms: at_ms }) }, text);
  if (window_ms === null) return make("p", { class: "choice" }, "The power now. ", to("Explain the window before", (Math.floor(now_ms / step_ms) - 1) * step_ms));
  const named = `${moment(window_ms, { today_ms: now_ms })} – ${moment(window_ms + step_ms, { today_ms: window_ms })}`;
  return make("p", { class: "choice" }, `The window ${named}. `, to("Earlier", window_ms - step_ms), " ", to("Later", window_ms + step_ms), " ", to("Now", null));
}

export function showExplain(place, id, { now_ms, window_s }) {
  const controller = new AbortController();
  const time = (at_ms) => timeOf(at_ms, { today_ms: now_ms() });
  const opened = new Set();
  const table = new SortableTable(partColumns(opened, time), { caption: "Parts" });
  const head = make("div", { class: "explained" }, make("p", { class: "note" }, "Loading"));
  place.replaceChildren(head, table.element);
  table.element.hidden = true;

  const show = (answer, window_ms) => {
    const found = answer.data;
    head.replaceChildren(choice(id, { window_ms, window_s, now_ms: now_ms() }), factsOf(found), missingOf(found), ...[revisionsOf(found, time)].filter(Boolean));
    table.show(found.children, `${count(found.children.length)} ${found.children.length === 1 ? "part" : "parts"}${found.is_cut ? ", the first of more" : ""}`);
    table.element.hidden = found.children.length === 0;
  };
  const refresh = async () => {
    const { window_ms } = readView(location.hash);
    try {
      const answer = await ask(["nodes", id, "explain"], { window_start_ms: window_ms, limit: MOST }, { signal: controller.signal });
      if (window_ms === readView(location.hash).window_ms) show(answer, window_ms);
    } catch (error) {
      if (controller.signal.aborted) return;
      table.element.hidden = true;
      head.replaceChildren(choice(id, { window_ms, window_s, now_ms: now_ms() }), make("p", { class: "failure" }, error.message));
    }
  };
  refresh();
  return { refresh, close: () => controller.abort() };
}
