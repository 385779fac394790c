// Switch between the system's theme, light and dark.

import { byId } from "./elements.js";

const NAME = "gridtwin.theme";

function keep(theme) {
  try {
    if (theme === "system") localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, theme);
  } catch {
    // Storage may be forbidden; the choice then holds until the page is closed.
  }
}

export function bindTheme(onChange) {
  const root = document.documentElement;
  const chooser = byId("theme");
  chooser.value = root.dataset.theme ?? "system";
  chooser.addEventListener("change", () => {
    if (chooser.value === "system") delete root.dataset.theme;
    else root.dataset.theme = chooser.value;
    keep(chooser.value);
    onChange();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
}
