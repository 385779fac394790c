// The panel of a site: its twin, device by device, each value with its own time; and its transitions.

import { ask } from "./api.js";
import { make, powerOf, stateOf, timeOf } from "./elements.js";
import { bigFigure, fact } from "./headline.js";
import { knownPower } from "./measures.js";
import { crumbs } from "./node.js";
import { OpenWindows } from "./openwindows.js";
import { SortableTable } from "./table.js";
import { count, energyWh, isKnown, percent, power, words } from "./units.js";

const SOON_MS = 1000;

function deviceColumns(now_ms) {
  const shown = (content) => make("span", { class: "figure" }, content);
  const time = (at_ms) => timeOf(at_ms, { today_ms: now_ms() });
  return [
    { title: "Device", isId: true, value: (row) => row.device, cell: (row) => row.device },
    { title: "Kind", value: (row) => row.kind, cell: (row) => words(row.kind) },
    { title: "Does", value: (row) => row.operation, cell: (row) => shown(row.operation ? words(row.operation) : "–") },
    { title: "Power", isNumber: true, value: (row) => row.active_power_w, cell: (row) => powerOf(row.active_power_w) },
    { title: "Charge", isNumber: true, value: (row) => row.state_of_charge_wh, cell: (row) => shown(charge(row)) },
    { title: "Measured", value: (row) => row.measured_at_ms, cell: (row) => time(row.measured_at_ms) },
    { title: "Heard", value: (row) => row.heard_at_ms, cell: (row) => time(row.heard_at_ms) },
    { title: "Since", value: (row) => row.since_ms, cell: (row) => [time(row.since_ms), row.cause ? ` (${words(row.cause)})` : ""] },
    { title: "Counted in", isNumber: true, value: (row) => row.energy_import_wh, cell: (row) => shown(energyWh(row.energy_import_wh)) },
    { title: "Counted out", isNumber: true, value: (row) => row.energy_export_wh, cell: (row) => shown(energyWh(row.energy_export_wh)) },
    { title: "Rated", isNumber: true, value: (row) => row.rated_power_w, cell: (row) => power(row.rated_power_w) },
  ];
}

function charge({ state_of_charge_wh, usable_capacity_wh }) {
  if (!isKnown(state_of_charge_wh)) return "–";
  return `${energyWh(state_of_charge_wh)}${usable_capacity_wh ? ` (${percent(state_of_charge_wh, usable_capacity_wh)})` : ""}`;
}

// What topology says of a device joined with what its twin says; a device that was never heard is listed, too.
export function devicesOf({ record, twin, states }) {
  const ratings = new Map((record?.devices ?? []).map((device) => [device.device, device]));
  const since = new Map((states ?? []).filter(({ machine }) => machine === "operation").map((state) => [state.device, state]));
  const heard = new Map((twin?.devices ?? []).map((device) => [device.device, device]));
  return [...new Set([...ratings.keys(), ...heard.keys()])].map((device) => ({
    device, ...ratings.get(device), ...heard.get(device), since_ms: since.get(device)?.since_ms ?? null, cause: since.get(device)?.cause ?? null,
    usable_capacity_wh: ratings.get(device)?.usable_capacity_wh ?? null,
  }));
}

function showTransitions(place, id, now_ms) {
  const controller = new AbortController();
  const time = (at_ms) => timeOf(at_ms, { today_ms: now_ms() });
  const table = new SortableTable([
    { title: "When", isNumber: true, value: (row) => row.at_ms, cell: (row) => time(row.at_ms) },
    { title: "What", value: (row) => row.device ?? row.machine, cell: (row) => (row.device ? `${row.device} ${words(row.machine)}` : words(row.machine)) },
    { title: "From", value: (row) => row.before, cell: (row) => words(row.before) },
    { title: "To", value: (row) => row.after, cell: (row) => stateOf(row.after) },
    { title: "Cause", value: (row) => row.cause, cell: (row) => words(row.cause) },
    { title: "No.", isNumber: true, value: (row) => row.sequence, cell: (row) => count(row.sequence) },
  ], { caption: "Transitions", sorted: 0, isDescending: true });
  const note = make("p", { class: "note", hidden: true });
  place.replaceChildren(table.element, note);
  const refresh = async () => {
    try {
      const page = await ask(["sites", id, "transitions"], { limit: 200 }, { signal: controller.signal });
      table.show(page.items, `${page.next ? "The latest " : ""}${count(page.items.length)} ${page.items.length === 1 ? "transition" : "transitions"}`);
      note.hidden = true;
    } catch (error) {
      if (controller.signal.aborted) return;
      note.textContent = `Not refreshed: ${error.message}`;
      note.hidden = false;
    }
  };
  refresh();
  return { refresh, close: () => controller.abort() };
}

export class SitePanel {
  #due = null;

  constructor(id, { signal, now_ms, onMember }) {
    Object.assign(this, { id, signal, now_ms, onMember });
    this.now = make("div", { class: "now" }, make("p", { class: "card note" }, "Loading"));
    this.headline = this.now;
    this.devices = new SortableTable(deviceColumns(now_ms), { caption: "Devices" });
    this.open = new OpenWindows(now_ms);
    signal.addEventListener("abort", () => clearTimeout(this.#due));
  }

  async find() {
    const data = await this.#ask();
    this.head = make("header", {}, crumbs(mainLine(data), "site"), make("h2", { class: "title" }, this.id));
    const twin = { name: "twin", title: "Twin", show: (place) => void place.replaceChildren(this.devices.element) };
    const steps = { name: "transitions", title: "Transitions", show: (place) => showTransitions(place, this.id, this.now_ms) };
    const open = { name: "open", title: "Open windows", show: (place) => void place.replaceChildren(this.open.element) };
    this.#show(data);
    return { ancestors: mainLine(data), tabs: [twin, open, steps] };
  }

  async #ask() {
    return (await ask(["sites", this.id], {}, { signal: this.signal })).data;
  }

  async refresh() {
    clearTimeout(this.#due);
    this.#due = null;
    this.#show(await this.#ask());
  }

  take(type, { site }) {
    const isOurs = (type === "twin" || type === "transition") && site === this.id;
    if (isOurs) this.#due ??= setTimeout(() => this.refresh().catch(() => {}), SOON_MS);
  }

  #show(data) {
    const { site, twin, states, open_windows } = data;
    const live = site.live;
    const since_ms = (states ?? []).find(({ machine }) => machine === "connectivity")?.since_ms;
    const time = (at_ms) => timeOf(at_ms, { today_ms: this.now_ms() });
    const connectivity = twin?.connectivity ?? live?.connectivity ?? "never_seen";
    const silence = connectivity === "never_seen" ? "never heard" : "no fresh reading";
    this.now.replaceChildren(make("section", { class: "card", "aria-label": "Now" },
      bigFigure(knownPower(live), silence),
      make("p", { class: "aged" }, stateOf(connectivity), since_ms ? [" since ", time(since_ms)] : "", twin ? [", twin as of ", time(twin.as_of_ms)] : ""),
      twin?.quarantined && make("p", { class: "failure" }, "In quarantine: its readings are set aside. Release it by applying its topology again."),
      make("dl", { class: "facts" }, fact("Last heard", time(twin?.heard_at_ms)),
        fact("Readings", !twin ? "none" : `${count(twin?.readings?.applied)} applied, ${count(twin?.readings?.duplicate)} duplicate, ${count(twin?.readings?.conflicting)} conflicting`),
        fact("Open windows", count((open_windows ?? []).length)),
        live?.stale_power_w ? fact("Not counted: last of silent devices", powerOf(live.stale_power_w)) : null)));
    const devices = devicesOf(data);
    this.devices.show(devices, `${count(devices.length)} ${devices.length === 1 ? "device" : "devices"}, each value with its own time`);
    this.open.show(open_windows ?? []);
    if (live) this.onMember({ type: "site", id: this.id }, live);
  }
}

// The way to a site through one hierarchy: a site lies in several.
export function mainLine({ site, ancestors }) {
  const held = new Map((ancestors ?? []).map((member) => [member.id, member]));
  const line = [];
  let parents = site.parents;
  while (parents?.length) {
    const parent = parents.map((id) => held.get(id)).find((one) => one && one.hierarchy !== "group") ?? held.get(parents[0]);
    if (!parent || line.includes(parent)) break;
    line.push(parent);
    parents = parent.parents;
  }
  return line;
}
