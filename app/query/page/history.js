// The card of windows: choose a range, plot it, read it as a table.

import { ask, plural } from "./api.js";
import { Chart } from "./chart.js";
import { draw, make, stateOf, timeOf } from "./elements.js";
import { kindColor } from "./paint.js";
import { RANGES, customRange, resolveRange, shiftRange, windowFor, writeView } from "./state.js";
import { coverageOf, energyOf, kindsOf } from "./stack.js";
import { energyJ, percent, spokenPower, utc, words } from "./units.js";

const REFRESH_MS = 3000;

const COLUMNS = ["Window", "Power", "Coverage", "Status", "State", ""];
const NUMBERS = ["Power", "Coverage"];
const title = (name) => make("th", { scope: "col", class: NUMBERS.includes(name) && "number" }, name);

const localInput = (moment_ms) => {
  const at = new Date(moment_ms);
  return new Date(moment_ms - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
};

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export class History {
  #controller = null;
  #due = null;

  // `now_ms()` is the time of the data; `onRange(range)` changes the address.
  constructor(member, { range, window_s, now_ms, onRange }) {
    Object.assign(this, { member, range, window_s, now_ms, onRange });
    this.chart = new Chart({ onRange: (from_ms, to_ms) => onRange(customRange(from_ms, to_ms)) });
    this.note = make("p", { class: "muted" });
    this.legend = make("ul", { class: "legend", "aria-label": "Kinds, and their energy in this range" });
    this.rows = make("tbody");
    this.table = make("details", { ontoggle: () => this.#fillTable() }, make("summary", {}, "Windows as a table"),
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Windows as a table" },
        make("table", {}, make("thead", {}, make("tr", {}, COLUMNS.map(title))), this.rows)));
    this.element = make("section", { class: "card", "aria-label": "History" }, this.#toolbar(), this.custom, this.chart.element,
      this.legend, this.note, this.table);
    this.#press();
    this.load();
  }

  #toolbar() {
    this.buttons = Object.entries(RANGES).map(([range, title]) =>
      make("button", { type: "button", "data-range": range, onclick: () => this.onRange(range) }, title));
    const other = make("button", { type: "button", "data-range": "custom", onclick: () => this.#openCustom() }, "From, to");
    this.buttons.push(other);
    const step = (text, by) => make("button", { type: "button", onclick: () => this.onRange(shiftRange(this.range, by, this.now_ms())) }, text);
    this.from = make("input", { type: "datetime-local" });
    this.to = make("input", { type: "datetime-local" });
    this.custom = make("form", { class: "custom", hidden: true, onsubmit: (event) => this.#submit(event) },
      make("label", {}, `From (${zone()})`, this.from), make("label", {}, "To", this.to), make("button", {}, "Show"));
    return make("div", { class: "toolbar" }, make("h2", {}, "History"), step("Earlier", -1), step("Later", 1), this.buttons);
  }

  #openCustom() {
    const { from_ms, to_ms } = resolveRange(this.range, this.now_ms()) ?? resolveRange("today", this.now_ms());
    this.from.value = localInput(from_ms);
    this.to.value = localInput(to_ms);
    this.custom.hidden = !this.custom.hidden;
  }

  #submit(event) {
    event.preventDefault();
    const [from_ms, to_ms] = [this.from, this.to].map(({ value }) => new Date(value).getTime());
    if (from_ms < to_ms) this.onRange(customRange(from_ms, to_ms));
    else this.note.textContent = "The range ends before it begins. Choose a later end.";
  }

  #press() {
    for (const button of this.buttons) {
      const isChosen = button.dataset.range === (this.range in RANGES ? this.range : "custom");
      button.setAttribute("aria-pressed", isChosen);
    }
  }

  setRange(range) {
    if (range === this.range) return;
    this.range = range;
    this.#press();
    this.load();
  }

  // Ask again soon: windows come in bursts.
  changed() {
    this.#due ??= setTimeout(() => this.load(), REFRESH_MS);
  }

  async load() {
    clearTimeout(this.#due);
    this.#due = null;
    if (this.chart.element.matches(":active")) return this.changed(); // somebody is choosing a span
    this.#controller?.abort();
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    const now_ms = this.now_ms();
    const span = resolveRange(this.range, now_ms);
    if (!span) {
      this.note.textContent = `The range ${this.range} cannot be read. Choose another.`;
      return undefined;
    }
    const { type, id } = this.member;
    const from = Math.floor(span.from_ms / (this.window_s * 1000)) * this.window_s * 1000;
    const asked = { from, to: Math.ceil(span.to_ms), window: windowFor(span, this.window_s), tz: zone() };
    try {
      const page = await ask([plural(type), id, "windows"], asked, { signal });
      if (!signal.aborted) this.#show(page, span, now_ms);
    } catch (error) {
      if (!signal.aborted) this.note.textContent = `Not loaded: ${error.message}`;
    }
    return undefined;
  }

  // What did not change is not painted again: it would take the cursor from under the hand.
  #show(page, span, now_ms) {
    const shown = JSON.stringify([page.items, this.range, Math.floor(now_ms / 1000 / this.window_s)]);
    if (shown === this.shown) return;
    Object.assign(this, { shown, items: page.items });
    this.chart.show(page.items, { ...span, now_ms: Math.max(now_ms, page.as_of_ms ?? 0) });
    this.legend.replaceChildren(...this.#legend());
    this.note.textContent = page.items.length ? "" : `Nothing is known from ${utc(span.from_ms)} to ${utc(span.to_ms)}.`;
    this.#fillTable();
  }

  #legend() {
    const kinds = kindsOf(this.items).map((kind) => {
      const { consumed_j, produced_j } = energyOf(this.items, kind);
      const said = [consumed_j > 0 && `${energyJ(consumed_j)} consumed`, produced_j > 0 && `${energyJ(produced_j)} produced`];
      const swatch = draw("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, draw("rect", { width: 10, height: 10, fill: kindColor(kind) }));
      return make("li", {}, swatch, `${words(kind)}: ${said.filter(Boolean).join(", ") || "0 Wh"}`);
    });
    const line = draw("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" },
      draw("path", { d: "M0 5H10", stroke: "currentColor", "stroke-width": 2 }));
    const statuses = ["final, solid", "provisional, hatched", "corrected, marked"].map((text) => {
      const [status, look] = text.split(", ");
      return make("li", { class: "muted" }, stateOf(status), ` ${look}`);
    });
    const gap = make("li", { class: "muted" }, "▨ grey: nothing known");
    return [...kinds, make("li", {}, line, "in all"), ...statuses, gap];
  }

  #fillTable() {
    if (!this.table.open || !this.items) return;
    this.rows.replaceChildren(...this.items.map((item) => make("tr", {},
      make("td", {}, timeOf(item.start_ms, { today_ms: this.now_ms(), seconds: false })),
      make("td", { class: "number" }, spokenPower(item.state === "empty" ? null : item.kinds.all?.mean_power_w)),
      make("td", { class: "number" }, percent(coverageOf(item), 1)),
      make("td", {}, stateOf(item.status)), make("td", {}, stateOf(item.state)), make("td", {}, this.#explainLink(item)))));
  }

  // Only a window as it was published has parts to show, and only a node has children.
  #explainLink({ start_ms, end_ms }) {
    if (this.member.type !== "node" || end_ms - start_ms !== this.window_s * 1000) return "";
    return make("a", { href: writeView({ ...this.member, range: this.range, tab: "explain", window_ms: start_ms }) }, "Explain");
  }

  repaint() {
    this.chart.repaint();
    if (this.items) this.legend.replaceChildren(...this.#legend());
  }

  close() {
    clearTimeout(this.#due);
    this.#controller?.abort();
    this.chart.discard();
  }
}
