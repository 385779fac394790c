// The panel of a node: now, flexibility, history, children, map.

import { ask } from "./api.js";
import { showChildren } from "./children.js";
import { make } from "./elements.js";
import { showExplain } from "./explain.js";
import { fact, flexibilityCard, nowCard } from "./headline.js";
import { showMap } from "./map.js";
import { writeView } from "./state.js";
import { words } from "./units.js";

export const TABS = (id, tools) => [
  { name: "children", title: "Children", show: (place) => showChildren(place, id) },
  { name: "explain", title: "Explain", show: (place) => showExplain(place, id, tools) },
  { name: "map", title: "Map", show: (place) => showMap(place, id) },
];

export const crumbs = (ancestors, type) => make("nav", { class: "crumbs", "aria-label": "Above" },
  [...ancestors].reverse().flatMap((member) => [make("a", { href: writeView(member) }, member.id), make("span", { "aria-hidden": "true" }, "›")]),
  make("span", {}, words(type)));

export class NodePanel {
  #record = null;

  constructor(id, { signal, now_ms, window_s, onLive }) {
    Object.assign(this, { id, signal, now_ms, window_s, onLive });
    this.now = make("div", { class: "now" }, make("p", { class: "card note" }, "Loading"));
    this.flexibility = make("div", {}, make("p", { class: "card note" }, "Loading"));
    this.headline = make("div", { class: "headline" }, this.now, this.flexibility);
  }

  // Return what the page needs to know of the node before anything else.
  async find() {
    const answer = await ask(["nodes", this.id], {}, { signal: this.signal });
    const { node, ancestors } = answer.data;
    this.head = make("header", {}, crumbs(ancestors, node.level), make("h2", { class: "title" }, this.id));
    return { ancestors, tabs: TABS(this.id, this) };
  }

  async refresh() {
    await Promise.all([this.#refreshNow(), this.#refreshFlexibility()]);
  }

  async #refreshNow() {
    try {
      const answer = await ask(["nodes", this.id, "live"], {}, { signal: this.signal });
      this.take("live", { node: this.id, data: answer.data });
    } catch (error) {
      if (!this.signal.aborted && error.status === 404) this.#showNothing();
    }
  }

  #showNothing() {
    this.now.replaceChildren(make("section", { class: "card" }, make("p", { class: "big figure" }, "–"),
      make("p", { class: "towards" }, "nothing has been said of this node yet"), make("dl", { class: "facts" }, fact("State", "empty"))));
  }

  async #refreshFlexibility() {
    try {
      const { data } = await ask(["nodes", this.id, "flexibility"], {}, { signal: this.signal });
      this.flexibility.replaceChildren(flexibilityCard(data));
    } catch (error) {
      if (!this.signal.aborted && error.status === 404) this.flexibility.replaceChildren(flexibilityCard(null));
    }
  }

  take(type, { node, data }) {
    if (type !== "live" || node !== this.id || !data) return;
    if (this.#record && this.#record.revision > data.revision) return;
    this.#record = data;
    this.now.replaceChildren(nowCard(data, this.now_ms()));
    this.onLive({ type: "node", id: this.id }, data);
  }
}
