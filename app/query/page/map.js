// Draw the sites below a node where they are, on an outline of our own: no tile server is asked.

import { ask } from "./api.js";
import { draw, make } from "./elements.js";
import { knownPower } from "./measures.js";
import { gather, gridLines, hullOf, projection } from "./outline.js";
import { writeView } from "./state.js";
import { count, spokenPower, words } from "./units.js";

const MOST_SITES = 5000;
const CELL_PX = 14;
const KEY = "Green is online, amber delayed, red offline, grey never seen; a number is so many sites close together.";

async function sitesBelow(id, signal) {
  const sites = [];
  let cursor = null;
  do {
    const page = await ask(["nodes", id, "descendants"], { type: "site", limit: 1000, cursor }, { signal });
    sites.push(...page.items);
    cursor = page.next;
  } while (cursor && sites.length < MOST_SITES);
  return { sites, isAll: !cursor };
}

const isPlace = (location) => Array.isArray(location) && location.length === 2 && location.every(Number.isFinite);

// As many units as pixels, so that the words keep their size on a small screen.
function frameOf(place) {
  const width = Math.min(1000, Math.max(280, place.clientWidth || 640));
  return { width, height: Math.round(width * 0.62), margin: 36 };
}

function gridOf({ place, degrees }, { width, height }) {
  const [west, north] = degrees([0, 0]);
  const [east, south] = degrees([width, height]);
  const line = (from, to) => draw("line", { class: "grid", x1: from[0], y1: from[1], x2: to[0], y2: to[1] });
  const upright = gridLines(west, east).flatMap((at) => {
    const [x] = place([at, 0]);
    return [line([x, 0], [x, height]), draw("text", { x: x + 3, y: height - 5 }, `${Math.abs(at)}° ${at < 0 ? "W" : "E"}`)];
  });
  const level = gridLines(south, north).flatMap((at) => {
    const [, y] = place([0, at]);
    return [line([0, y], [width, y]), draw("text", { x: 4, y: y - 3 }, `${Math.abs(at)}° ${at < 0 ? "S" : "N"}`)];
  });
  return [...upright, ...level];
}

const stateWord = (site) => words(site.live?.connectivity ?? "unknown");

function single({ site, at: [x, y] }) {
  const text = `${site.id}: ${stateWord(site)}, ${spokenPower(knownPower(site.live))}`;
  return draw("a", { href: writeView({ type: "site", id: site.id }), "aria-label": text },
    draw("circle", { class: "spot", "data-state": site.live?.connectivity ?? "unknown", cx: x, cy: y, r: 6 }, draw("title", {}, text)));
}

function group(spots) {
  const [x, y] = [0, 1].map((axis) => spots.reduce((sum, { at }) => sum + at[axis], 0) / spots.length);
  const radius = Math.min(20, 8 + Math.sqrt(spots.length));
  const names = spots.slice(0, 8).map(({ site }) => `${site.id}: ${stateWord(site)}`).join("\n");
  return draw("g", {}, draw("circle", { class: "spot", "data-state": "group", cx: x, cy: y, r: radius }),
    draw("text", { class: "many", x, y: y + 4 }, count(spots.length)),
    draw("title", {}, spots.length > 8 ? `${names}\nand ${spots.length - 8} more` : names));
}

function picture(located, frame) {
  const places = located.map(({ location }) => location);
  const view = projection(places, frame);
  const hull = hullOf(places).map((point) => view.place(point).join()).join(" ");
  const spots = located.map((site) => ({ site, at: view.place(site.location) }));
  const marks = gather(spots, CELL_PX).map((gathered) => (gathered.length === 1 ? single(gathered[0]) : group(gathered)));
  return draw("svg", { class: "map", viewBox: `0 0 ${frame.width} ${frame.height}`, role: "group", "aria-label": "Map of sites" },
    gridOf(view, frame), draw("polygon", { class: "hull", points: hull }), marks);
}

export function showMap(place, id) {
  const controller = new AbortController();
  place.replaceChildren(make("p", { class: "note" }, "Loading"));

  const load = async () => {
    try {
      const { sites, isAll } = await sitesBelow(id, controller.signal);
      const located = sites.filter(({ location }) => isPlace(location));
      const tail = isAll ? "" : ` among the first ${count(sites.length)}`;
      if (!located.length) {
        place.replaceChildren(make("p", { class: "note" }, `No site below this node${tail} has a location in its topology.`));
        return;
      }
      const caption = `${count(located.length)} of ${count(sites.length)} sites have a location${tail}. ${KEY}`;
      place.replaceChildren(picture(located, frameOf(place)), make("p", { class: "muted" }, caption));
    } catch (error) {
      if (!controller.signal.aborted) place.replaceChildren(make("p", { class: "failure" }, `Not loaded: ${error.message}`));
    }
  };
  load();
  return { close: () => controller.abort() };
}
