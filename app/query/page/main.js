// Put the page together: the address says what is shown, the streams say what is new.

import { ask } from "./api.js";
import { failed, showFreshness } from "./banner.js";
import { byId, make, timeOf } from "./elements.js";
import { Feed } from "./feed.js";
import { History } from "./history.js";
import { Live } from "./live.js";
import { memberLive } from "./measures.js";
import { NodePanel } from "./node.js";
import { bindSearch } from "./search.js";
import { SitePanel } from "./site.js";
import { readView, writeView } from "./state.js";
import { Tabs } from "./tabs.js";
import { bindTheme } from "./switch.js";
import { Tree } from "./tree.js";

const REFRESH_MS = 10000;
const TICK_MS = 1000;
const AGAIN_MS = 3000;

const page = { window_s: 900, as_of_ms: null, shown: null };
const now_ms = () => page.as_of_ms ?? Date.now();
const show = (change) => {
  location.hash = writeView({ ...readView(location.hash), ...change });
};

const tree = new Tree({
  onSelect: ({ type, id }) => {
    byId("tree-panel").classList.remove("open");
    byId("tree-toggle").setAttribute("aria-expanded", "false");
    show({ type, id, tab: "", window_ms: null });
  },
  onVisible: () => follow(),
});
const feed = new Feed({ now_ms });
const live = new Live({
  onEvent: (type, event, from) => {
    if (from === "events") feed.take(type, event);
    if (type === "topology") page.isTopologyNew = true;
    if (type === "live") page.as_of_ms = Math.max(page.as_of_ms ?? 0, event.as_of_ms ?? 0) || null;
    if (type === "live") tree.setLive({ type: "node", id: event.node }, memberLive(event.data));
    page.shown?.panel.take(type, event);
    if (type === "correction" && isShown(event.type, event.node)) page.shown?.history?.changed();
  },
  onHeartbeat: (link) => {
    if (link.as_of_ms) page.as_of_ms = Math.max(page.as_of_ms ?? 0, link.as_of_ms);
    tick();
  },
});

const isShown = (type, id) => page.shown?.member.type === type && page.shown.member.id === id;

function follow() {
  const nodes = tree.visible().filter(({ member }) => member.type === "node").map(({ member }) => member.id);
  const member = page.shown?.tabs && page.shown.member; // a stream that names an id that is not there is refused
  live.follow(member?.type === "node" ? [member.id, ...nodes] : nodes, member?.type === "site" ? [member.id] : []);
}

function leave() {
  page.shown?.controller.abort();
  page.shown?.tabs?.close();
  page.shown?.history?.close();
  page.shown = null;
}

function panelOf(member, signal) {
  const onLive = (one, record) => tree.setLive(one, memberLive(record));
  const onMember = (one, told) => tree.setLive(one, told);
  return member.type === "site" ? new SitePanel(member.id, { signal, now_ms, onMember }) : new NodePanel(member.id, { signal, now_ms, window_s: page.window_s, onLive });
}

async function enter(view) {
  leave();
  const member = { type: view.type, id: view.id };
  const controller = new AbortController();
  const panel = panelOf(member, controller.signal);
  const shown = { member, controller, panel };
  page.shown = shown;
  byId("main").setAttribute("aria-busy", "true");
  try {
    const { ancestors, tabs } = await panel.find();
    if (page.shown !== shown) return;
    tree.select(member, [...ancestors].reverse());
    panel.refresh().catch(() => {});
    shown.tabs = new Tabs(tabs, { chosen: view.tab, onChoose: (tab) => show({ tab }) });
    shown.history = new History(member, { range: view.range, window_s: page.window_s, now_ms, onRange: (range) => show({ range }) });
    follow();
    byId("main").replaceChildren(panel.head, panel.headline, shown.history.element, shown.tabs.element);
  } catch (error) {
    if (page.shown === shown) showProblem(error, view);
  }
  byId("main").removeAttribute("aria-busy");
}

function showProblem(error, view) {
  const near = (error.near ?? []).map((id) => make("li", {}, make("a", { href: writeView({ ...view, id }) }, id)));
  byId("main").replaceChildren(make("section", { class: "card" }, make("h2", { class: "title" }, view.id),
    make("p", { class: "failure" }, error.message), near.length ? make("p", {}, "Near to it:") : null, make("ul", {}, near)));
  if (error.status !== 404) setTimeout(() => page.shown && !page.shown.tabs && route({ isForced: true }), AGAIN_MS);
}

function route({ isForced = false } = {}) {
  const view = readView(location.hash);
  document.title = view.id ? `${view.id} · gridtwin` : "gridtwin";
  if (!view.id) return home();
  if (isForced || !isShown(view.type, view.id)) return enter(view);
  page.shown.history?.setRange(view.range);
  if (page.shown.tabs?.choose(view.tab) === false) page.shown.tabs.refresh();
  return undefined;
}

function home() {
  leave();
  const first = page.hierarchies?.find(({ roots }) => roots.length);
  if (first) location.replace(writeView({ ...readView(location.hash), type: "node", id: first.roots[0] }));
  else byId("main").replaceChildren(make("section", { class: "card note" }, make("h2", {}, "No topology yet"),
    make("p", {}, "Nodes and sites appear here as soon as their topology is applied: gridtwin topology apply FILE.")));
}

function tick() {
  showFreshness(live.freshness(), live);
  byId("data-time").replaceChildren(...(page.as_of_ms === null ? [] : ["Data of ", timeOf(page.as_of_ms)]));
}

async function refresh() {
  if (document.hidden || live.freshness().why === "lost") return;
  if (page.isTopologyNew) await loadTree();
  if (!page.shown && page.hierarchies.length) route();
  await Promise.allSettled([
    page.shown?.tabs && page.shown.panel.refresh(), page.shown?.tabs?.refresh(), page.shown?.history?.load(), tree.askAgain((member) => live.tellsOf(member)),
  ]);
}

async function loadTree() {
  page.isTopologyNew = false;
  page.hierarchies = (await ask(["hierarchies"])).items;
  await tree.load(page.hierarchies);
}

async function begin() {
  try {
    const status = await ask(["status"]);
    page.window_s = status.data.window_s || page.window_s;
    page.as_of_ms ??= status.as_of_ms;
    await loadTree();
  } catch (error) {
    byId("main").replaceChildren(make("p", { class: "card failure" }, `Nothing answers yet: ${error.message}`));
    setTimeout(begin, AGAIN_MS);
    return;
  }
  feed.load().catch(() => {});
  addEventListener("hashchange", () => route());
  setInterval(refresh, REFRESH_MS);
  route();
}

addEventListener("error", (event) => failed(event.message));
addEventListener("unhandledrejection", (event) => failed(event.reason?.message));
bindTheme(() => page.shown?.history?.repaint());
bindSearch(byId("search"), byId("found"));
byId("tree-toggle").addEventListener("click", () => {
  const isOpen = byId("tree-panel").classList.toggle("open");
  byId("tree-toggle").setAttribute("aria-expanded", isOpen);
});
byId("skip").addEventListener("click", () => byId("main").focus());
setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", () => {
  tick();
  if (!document.hidden) page.shown?.history?.changed();
});
tick();
begin();
