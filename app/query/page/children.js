// The children of a node, each with what is so now.

import { ask } from "./api.js";
import { make, powerOf, stateOf } from "./elements.js";
import { knownPower, liveCoverage } from "./measures.js";
import { writeView } from "./state.js";
import { SortableTable } from "./table.js";
import { count, words } from "./units.js";

const PAGE = 500;

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

function captionOf({ items, next }) {
  if (next) return `The first ${count(items.length)} children; find the others by the search`;
  return items.length === 1 ? "1 child" : `${count(items.length)} children`;
}

export function showChildren(place, id) {
  const table = new SortableTable(COLUMNS, { caption: "Children" });
  const note = make("p", { class: "note" }, "Loading");
  place.replaceChildren(table.element, note);
  table.element.hidden = true;
  const controller = new AbortController();

  const refresh = async () => {
    try {
      const page = await ask(["nodes", id, "children"], { limit: PAGE }, { signal: controller.signal });
      table.show(page.items, captionOf(page));
      table.element.hidden = page.items.length === 0;
      note.textContent = page.items.length ? "" : "Nothing is below this node.";
    } catch (error) {
      if (!controller.signal.aborted) note.textContent = `Not refreshed: ${error.message}`;
    }
    note.hidden = note.textContent === "";
  };
  refresh();
  return { refresh, close: () => controller.abort() };
}
