// Keys of a tree, as the ARIA practices have them.

const TYPE_AHEAD_MS = 700;

function next(tree, item, step) {
  const items = tree.visible();
  tree.focus(items[items.indexOf(item) + step]);
}

function right(tree, item) {
  if (item.getAttribute("aria-expanded") === "false") tree.open(item);
  else if (item.branch && !item.branch.hidden) tree.focus(item.branch.firstElementChild);
}

function left(tree, item) {
  if (item.getAttribute("aria-expanded") === "true") tree.fold(item);
  else tree.focus(item.parentElement.closest('[role="treeitem"]'));
}

const KEYS = {
  ArrowDown: (tree, item) => next(tree, item, 1),
  ArrowUp: (tree, item) => next(tree, item, -1),
  ArrowRight: right,
  ArrowLeft: left,
  Home: (tree) => tree.focus(tree.visible()[0]),
  End: (tree) => tree.focus(tree.visible().at(-1)),
  Enter: (tree, item) => tree.choose(item),
  " ": (tree, item) => tree.choose(item),
};

// The item that a typed start leads to: one key goes on from the next item, more keys narrow from this one.
export function typedTo(labels, at, typed) {
  const first = typed.length > 1 ? at : at + 1;
  for (let step = 0; step < labels.length; step += 1) {
    const index = (first + step) % labels.length;
    if (labels[index].startsWith(typed)) return index;
  }
  return -1;
}

export function bindKeys(tree) {
  let typed = "";
  let typed_ms = 0;

  const typeAhead = (item, key) => {
    const now_ms = performance.now();
    typed = now_ms - typed_ms > TYPE_AHEAD_MS ? key : typed + key;
    typed_ms = now_ms;
    const items = tree.visible();
    const found = typedTo(items.map(({ label }) => label), items.indexOf(item), typed);
    if (found >= 0) tree.focus(items[found]);
  };

  tree.root.addEventListener("keydown", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key];
    if (act) act(tree, item);
    else if (event.key.length === 1) typeAhead(item, event.key.toLowerCase());
    else return;
    event.preventDefault();
  });
}
