// A row of tabs over one place; what a tab shows is made when it is chosen.

import { make } from "./elements.js";

export class Tabs {
  #shown = null;

  // `tabs` is [{ name, title, show(place) -> { refresh?(), close?() } | undefined }].
  constructor(tabs, { chosen, onChoose }) {
    this.tabs = tabs;
    this.onChoose = onChoose;
    this.place = make("div", { role: "tabpanel", id: "tab-place", tabindex: "0" });
    this.buttons = tabs.map(({ name, title }) => make("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "tab-place",
      onclick: () => onChoose(name), onkeydown: (event) => this.#step(event, name),
    }, title));
    this.element = make("section", { class: "card" }, make("div", { class: "tabs", role: "tablist" }, this.buttons), this.place);
    this.choose(chosen);
  }

  // Show the tab of a name, or the first; say whether it was not there yet.
  choose(name) {
    const index = Math.max(0, this.tabs.findIndex((tab) => tab.name === name));
    if (this.tabs[index] === this.tab) return false;
    this.close();
    this.tab = this.tabs[index];
    this.buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", at === index);
      button.setAttribute("tabindex", at === index ? "0" : "-1");
    });
    this.place.setAttribute("aria-labelledby", `tab-${this.tab.name}`);
    this.place.replaceChildren();
    this.#shown = this.tab.show(this.place);
    return true;
  }

  refresh() {
    this.#shown?.refresh?.();
  }

  close() {
    this.#shown?.close?.();
    this.#shown = null;
  }

  #step(event, name) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = (this.tabs.findIndex((tab) => tab.name === name) + step + this.tabs.length) % this.tabs.length;
    this.buttons[at].focus();
    this.onChoose(this.tabs[at].name);
  }
}
