// What happened lately: transitions, corrections, rejections, the latest first.

import { ask } from "./api.js";
import { byId, make, timeOf } from "./elements.js";
import { writeView } from "./state.js";
import { moment, spokenPower, words } from "./units.js";

const MOST = 200;
const AT_ONCE_MS = 400;
export const TAGS = { transition: "Transitions", correction: "Corrections", rejection: "Rejections" };

const siteLink = (id) => make("a", { href: writeView({ type: "site", id }) }, id);

const transitionEntry = (record) => ({
  tag: "transition", key: `transition ${record.site} ${record.sequence}`, at_ms: record.at_ms,
  say: () => [siteLink(record.site), record.device ? ` ${record.device}` : "", `: ${words(record.before)} to ${words(record.after)} (${words(record.cause)})`],
});

const rejectionEntry = (record) => ({
  tag: "rejection", key: `rejection ${record.topic} ${record.partition} ${record.offset}`, at_ms: record.rejected_at_ms,
  say: () => [record.site ? siteLink(record.site) : "no site", `: ${words(record.reason)}. ${record.detail ?? ""}`],
});

const correctionEntry = ({ node, type, data }, today_ms) => ({
  tag: "correction", key: `correction ${type} ${node} ${data.window_start_ms} ${data.revision}`, at_ms: data.as_of_ms ?? null,
  say: () => [make("a", { href: writeView({ type, id: node }) }, node),
    `: window of ${moment(data.window_start_ms, { today_ms })} now ${spokenPower(data.kinds?.all?.mean_power_w)}`],
});

const ENTRIES = {
  transition: ({ data }) => transitionEntry(data),
  rejection: ({ data }) => rejectionEntry(data),
  correction: correctionEntry,
};

export class Feed {
  #entries = [];
  #keys = new Set();
  #due = null;

  constructor({ now_ms }) {
    this.now_ms = now_ms;
    this.list = byId("feed");
    this.hiddenTags = new Set();
    for (const [tag, title] of Object.entries(TAGS)) {
      const box = make("input", { type: "checkbox", checked: true, onchange: () => this.#filter(tag, box.checked) });
      byId("feed-filter").append(make("label", {}, box, title));
    }
    this.#paint();
  }

  // What happened before the page was opened.
  async load() {
    const [transitions, rejections] = await Promise.all([ask(["transitions"], { limit: 50 }), ask(["rejections"], { limit: 50 })]);
    for (const record of transitions.items) this.#keep(transitionEntry(record));
    for (const record of rejections.items) this.#keep(rejectionEntry(record));
    this.#entries.sort((one, other) => (other.at_ms ?? 0) - (one.at_ms ?? 0));
    this.#paint();
  }

  take(type, event) {
    if (!(type in ENTRIES)) return;
    const entry = ENTRIES[type](event, this.now_ms());
    entry.at_ms ??= this.now_ms();
    this.#keep(entry);
    this.#due ??= setTimeout(() => this.#paint(), AT_ONCE_MS);
  }

  #keep(entry) {
    if (this.#keys.has(entry.key)) return;
    this.#keys.add(entry.key);
    this.#entries.unshift(entry);
    for (const old of this.#entries.splice(MOST)) this.#keys.delete(old.key);
  }

  #filter(tag, isShown) {
    if (isShown) this.hiddenTags.delete(tag);
    else this.hiddenTags.add(tag);
    this.#paint();
  }

  #paint() {
    clearTimeout(this.#due);
    this.#due = null;
    if (this.list.contains(document.activeElement)) {
      this.#due = setTimeout(() => this.#paint(), AT_ONCE_MS * 5); // a link that has the focus must not vanish
      return;
    }
    const shown = this.#entries.filter(({ tag }) => !this.hiddenTags.has(tag));
    const items = shown.map((entry) => make("li", {},
      make("p", { class: "when" }, make("span", { class: "tag", "data-tag": entry.tag }, entry.tag), timeOf(entry.at_ms, { today_ms: this.now_ms() })),
      make("p", {}, entry.say())));
    this.list.replaceChildren(...(items.length ? items : [make("li", { class: "muted" }, "Nothing yet.")]));
  }
}
