// Find nodes and sites by any part of their id.

import { ask } from "./api.js";
import { byId, make } from "./elements.js";
import { writeView } from "./state.js";
import { words } from "./units.js";

const PAUSE_MS = 200;
const MOST = 20;

async function find(text, signal) {
  const answers = await Promise.all(["nodes", "sites"].map((type) => ask([type], { text, limit: MOST }, { signal })));
  return { members: answers.flatMap(({ items }) => items), isCut: answers.some(({ next }) => next) };
}

function entries({ members, isCut }) {
  const links = members.map(({ type, id, level }) => make("li", {},
    make("a", { href: writeView({ type, id }) }, `${id} `, make("span", { class: "muted" }, words(level)))));
  if (!links.length) links.push(make("li", {}, make("p", {}, "Nothing by that name.")));
  else if (isCut) links.push(make("li", {}, make("p", {}, "There are more; type more of the name.")));
  return links;
}

export function bindSearch(input, found) {
  let due = null;
  let controller = null;

  const close = () => {
    controller?.abort();
    found.hidden = true;
    found.replaceChildren();
    byId("found-count").textContent = "";
  };
  const search = async () => {
    const text = input.value.trim();
    if (!text) return close();
    controller?.abort();
    controller = new AbortController();
    const { signal } = controller;
    try {
      const result = await find(text, signal);
      found.replaceChildren(...entries(result));
      byId("found-count").textContent = `${result.members.length} found`;
    } catch (error) {
      if (signal.aborted) return undefined;
      found.replaceChildren(make("li", {}, make("p", {}, `Not searched: ${error.message}`)));
    }
    found.hidden = false;
    return undefined;
  };

  input.addEventListener("input", () => {
    clearTimeout(due);
    due = setTimeout(search, PAUSE_MS);
  });
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    found.querySelector("a")?.click();
  });
  input.form.parentElement.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || found.hidden) return;
    input.value = "";
    close();
    input.focus();
  });
  found.addEventListener("click", (event) => {
    if (event.target.closest("a")) setTimeout(close);
  });
}
