// The tree of nodes and sites: one branch is asked for when it is opened, a page at a time.

import { ask } from "./api.js";
import { byId, make, powerOf, stateOf } from "./elements.js";
import { knownPower, liveCoverage } from "./measures.js";
import { words } from "./units.js";
import { bindKeys } from "./treekeys.js";

const PAGE = 100;
const PAGES_TO_REVEAL = 20;
const MOST_ROWS = 1000;
const BRANCHES_AT_ONCE = 6;
const OLD_MS = 30000;
const TAIL = 8;
let rows = 0;

const isUnfolded = (item) => item.parentElement.closest("[hidden]") === null;
// Ids below one node begin alike: when there is no room, the middle goes and the end stays.
function shortName(name) {
  const signs = Array.from(name);
  const head = signs.slice(0, -TAIL).join("");
  return make("bdi", { class: "name", title: name }, head && make("span", { class: "name-head" }, head),
    make("span", { class: "name-tail" }, signs.slice(-TAIL).join("")));
}

export const keyOf = ({ type, id }) => `${type} ${id}`;

export class Tree {
  #items = new Map(); // by key, every place at which the member is shown
  #live = new Map();
  #opened = new Set();
  #selected = null;

  constructor({ onSelect, onVisible }) {
    this.root = byId("tree");
    this.onSelect = onSelect;
    this.onVisible = onVisible;
    bindKeys(this);
  }

  // Build the tree anew, open where it was open.
  async load(hierarchies) {
    this.#opened = new Set([...this.root.querySelectorAll('[aria-expanded="true"]')].map(({ member }) => keyOf(member)));
    this.#items.clear();
    this.root.replaceChildren();
    for (const { hierarchy } of hierarchies) {
      const item = this.#item({ type: "forest", id: hierarchy, nodes: 1, sites: 0 }, 1);
      item.ask = (cursor, limit = PAGE) => ask(["nodes"], { hierarchy, roots: true, limit, cursor });
      this.root.append(item);
      await this.open(item);
    }
    this.root.hidden = hierarchies.length === 0;
    byId("tree-note").hidden = hierarchies.length > 0;
    this.focus(this.root.firstElementChild, { isMoved: false });
  }

  #item(member, level) {
    const { type, id } = member;
    const hasBranch = member.nodes + member.sites > 0;
    const name = type === "forest" ? words(id) : id;
    const row = make("div", { class: "row", id: `row-${(rows += 1)}`, onclick: (event) => this.#click(event) },
      make("span", { class: "twist", "aria-hidden": "true" }, hasBranch ? "▸" : ""),
      make("span", { class: "sign-place" }), shortName(name),
      make("span", { class: "power-place" }), make("span", { class: "coverage figure" }));
    const item = make("li", { role: "treeitem", class: type, tabindex: "-1", "aria-level": level, "aria-selected": "false", "aria-labelledby": row.id }, row);
    if (hasBranch) item.setAttribute("aria-expanded", "false");
    const children = (cursor, limit = PAGE) => ask(["nodes", id, "children"], { limit, cursor });
    Object.assign(item, { member, level, label: name.toLowerCase(), ask: children });
    if (type === "node" || type === "site") this.#keep(item);
    return item;
  }

  #keep(item) {
    const key = keyOf(item.member);
    if (!this.#items.has(key)) this.#items.set(key, new Set());
    this.#items.get(key).add(item);
    if (item.member.live) this.#live.set(key, { ...item.member.live, told_ms: Date.now() });
    if (key === this.#selected) item.setAttribute("aria-selected", "true");
    this.#paint(item);
  }

  #paint(item) {
    const live = this.#live.get(keyOf(item.member));
    if (!live) return;
    const [, sign, , power, coverage] = item.firstElementChild.children;
    sign.replaceChildren(stateOf(live.connectivity ?? live.state, { short: true }));
    power.replaceChildren(powerOf(knownPower(live)));
    coverage.textContent = liveCoverage(live);
  }

  // Show what is so now of a node or site, wherever it stands.
  setLive(member, live) {
    const key = keyOf(member);
    this.#live.set(key, { ...live, told_ms: Date.now() });
    for (const item of this.#items.get(key) ?? []) this.#paint(item);
  }

  #click(event) {
    const item = event.currentTarget.parentElement;
    this.focus(item);
    if (event.target.classList.contains("twist")) this.toggle(item);
    else this.choose(item);
  }

  choose(item) {
    if (item.more) item.more();
    else if (item.member.type === "forest") this.toggle(item);
    else this.onSelect(item.member);
  }

  focus(item, { isMoved = true } = {}) {
    if (!item) return;
    this.root.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    item.setAttribute("tabindex", "0");
    if (isMoved) item.focus({ preventScroll: false });
  }

  toggle(item) {
    return item.getAttribute("aria-expanded") === "true" ? this.fold(item) : this.open(item);
  }

  fold(item) {
    if (item.getAttribute("aria-expanded") !== "true") return;
    item.setAttribute("aria-expanded", "false");
    item.querySelector(".twist").textContent = "▸";
    item.branch.hidden = true;
    this.onVisible();
  }

  async open(item) {
    if (item.getAttribute("aria-expanded") !== "false") return;
    item.setAttribute("aria-expanded", "true");
    item.querySelector(".twist").textContent = "▾";
    if (item.branch) item.branch.hidden = false;
    else {
      item.branch = make("ul", { role: "group" });
      item.append(item.branch);
      await this.#more(item, null);
    }
    this.onVisible();
  }

  async #more(item, cursor) {
    let page;
    try {
      page = await item.ask(cursor);
    } catch (error) {
      item.branch.append(this.#link(item, `Not loaded: ${error.message} Try again`, cursor));
      return;
    }
    const items = page.items.map((member) => this.#item(member, item.level + 1));
    item.branch.append(...items);
    item.next = page.next ? this.#link(item, "Show more", page.next) : null;
    if (item.next) item.branch.append(item.next);
    await Promise.all(items.filter(({ member }) => this.#opened.has(keyOf(member))).map((child) => this.open(child)));
  }

  #link(item, text, cursor) {
    const link = this.#item({ type: "more", id: text, nodes: 0, sites: 0 }, item.level + 1);
    link.more = async ({ isMoved = true } = {}) => {
      const before = link.previousElementSibling;
      link.remove();
      await this.#more(item, cursor);
      this.focus(before ? before.nextElementSibling : item.branch.firstElementChild, { isMoved });
      this.onVisible();
    };
    return link;
  }

  // Mark what is selected, and open the way to it: `path` leads from the root to it.
  async select(member, path) {
    this.#selected = member && keyOf(member);
    for (const item of this.root.querySelectorAll('[aria-selected="true"]')) item.setAttribute("aria-selected", "false");
    if (!member) return;
    for (const item of this.#items.get(this.#selected) ?? []) item.setAttribute("aria-selected", "true");
    const shown = [...(this.#items.get(this.#selected) ?? [])].find(isUnfolded);
    const item = shown ?? await this.#reveal([...path, member]);
    if (!item || keyOf(member) !== this.#selected) return;
    this.focus(item, { isMoved: false });
    this.#scrollTo(item.firstElementChild);
  }

  #scrollTo(row) {
    const panel = byId("tree-panel");
    const place = row.getBoundingClientRect();
    const frame = panel.getBoundingClientRect();
    if (place.top < frame.top || place.bottom > frame.bottom) panel.scrollTop += place.top - frame.top - frame.height / 3;
  }

  async #reveal(path) {
    let branch = [...this.root.children].find((item) => item.member?.id === path[0]?.hierarchy);
    for (const member of branch ? path : []) {
      await this.open(branch);
      branch = await this.#find(branch, keyOf(member));
      if (!branch) return null;
    }
    return branch;
  }

  async #find(item, key) {
    for (let page = 0; page < PAGES_TO_REVEAL; page += 1) {
      const found = [...(item.branch?.children ?? [])].find((one) => one.member && keyOf(one.member) === key);
      if (found || !item.next) return found;
      const { next } = item;
      item.next = null;
      await next.more({ isMoved: false });
    }
    return null;
  }

  visible() {
    return [...this.root.querySelectorAll('[role="treeitem"]')].filter(isUnfolded);
  }

  // Ask again for open branches of which no stream tells, those that waited longest first.
  async askAgain(isTold) {
    const branches = this.visible().filter((item) => item.branch && !item.branch.hidden
      && [...item.branch.children].some(({ member }) => member.type !== "more" && !isTold(member)));
    branches.sort((one, other) => (one.asked_ms ?? 0) - (other.asked_ms ?? 0));
    await Promise.allSettled(branches.slice(0, BRANCHES_AT_ONCE).map((item) => this.#askBranch(item)));
    this.#grey(isTold);
  }

  async #askBranch(item) {
    item.asked_ms = Date.now();
    const { items } = await item.ask(null, Math.min(MOST_ROWS, Math.max(PAGE, item.branch.children.length)));
    for (const member of items) if (member.live) this.setLive(member, member.live);
  }

  // A power that nobody has told again for a while must not look live.
  #grey(isTold) {
    for (const item of this.visible()) {
      const live = this.#live.get(keyOf(item.member));
      const isOld = live && !isTold(item.member) && Date.now() - live.told_ms > OLD_MS;
      item.firstElementChild.classList.toggle("old", Boolean(isOld));
    }
  }
}
