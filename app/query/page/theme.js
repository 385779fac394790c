// Set the theme before the first paint: what was chosen here, else what the system prefers.
"use strict";
{
  const held = () => {
    try {
      return localStorage.getItem("gridtwin.theme");
    } catch {
      return null; // storage may be forbidden; then the system's choice holds
    }
  };
  const chosen = held();
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
