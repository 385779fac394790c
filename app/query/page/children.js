// The children of a node, each with what is so now: a page at a time, because there may be a hundred thousand.

import { ask } from "./api.js";
import { make, powerOf, stateOf } from "./elements.js";
import { knownPower, liveCoverage } from "./measures.js";
import { writeView } from "./state.js";
import { SortableTable } from "./table.js";
import { count, words } from "./units.js";

export const PAGE = 500;

const coverageRatio = ({ live }) => {
  const { devices_reporting: reporting, devices_expected: expected } = live?.coverage ?? {};
  return expected ? reporting / expected : null;
};

const linkTo = ({ type, id }) => make("a", { href: writeView({ type, id }) }, id);

const COLUMNS = [
  { title: "Name", isId: true, value: (row) => row.id, cell: linkTo },
  { title: "Level", value: (row) => row.level, cell: (row) => words(row.level) },
  { title: "Power", isNumber: true, value: (row) => knownPower(row.live), cell: (row) => powerOf(knownPower(row.live)) },
  { title: "Coverage", isNumber: true, value: coverageRatio, cell: (row) => make("span", { class: "figure" }, liveCoverage(row.live)) },
  { title: "State", value: (row) => row.live?.connectivity ?? row.live?.state, cell: (row) => stateOf(row.live?.connectivity ?? row.live?.state) },
  { title: "Below", isNumber: true, value: (row) => row.nodes + row.sites, cell: (row) => count(row.nodes + row.sites) },
];

// How many are shown of which; with more pages, an order is one of the page.
export function captionOf({ items, next }, before) {
  if (!next && !before) return items.length === 1 ? "1 child" : `${count(items.length)} children`;
  const from = before * PAGE;
  return `Children ${count(from + 1)} to ${count(from + items.length)}${next ? " of more" : ", the last"}; sorted within these`;
}

export function showChildren(place, id) {
  const table = new SortableTable(COLUMNS, { caption: "Children" });
  const note = make("p", { class: "note" }, "Loading");
  const cursors = [null]; // of the pages until the one that is shown
  let next = null;
  const back = make("button", { type: "button", onclick: () => turn(() => cursors.pop()) }, "Earlier children");
  const on = make("button", { type: "button", onclick: () => turn(() => cursors.push(next)) }, "More children");
  const pager = make("p", { class: "pager", hidden: true }, back, on);
  place.replaceChildren(pager, table.element, note);
  table.element.hidden = true;
  const controller = new AbortController();

  const refresh = async () => {
    const cursor = cursors.at(-1);
    try {
      const page = await ask(["nodes", id, "children"], { limit: PAGE, cursor }, { signal: controller.signal });
      if (cursor !== cursors.at(-1)) return;
      next = page.next;
      table.show(page.items, captionOf(page, cursors.length - 1));
      table.element.hidden = page.items.length === 0;
      note.textContent = page.items.length ? "" : "Nothing is below this node.";
    } catch (error) {
      if (!controller.signal.aborted) note.textContent = `Not refreshed: ${error.message}`;
    }
    note.hidden = note.textContent === "";
    [back.disabled, on.disabled] = [cursors.length === 1, next === null];
    pager.hidden = back.disabled && on.disabled;
  };
  const turn = (change) => {
    change();
    back.disabled = on.disabled = true; // until the page is there
    return refresh();
  };
  refresh();
  return { refresh, close: () => controller.abort() };
}
