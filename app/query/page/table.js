// A table that sorts by any column.

import { make } from "./elements.js";

// Unknown stands last, whichever way the rest is sorted.
export function compare(one, other, isDescending) {
  const isUnknown = (value) => value === null || value === undefined || Number.isNaN(value);
  if (isUnknown(one) || isUnknown(other)) return isUnknown(one) - isUnknown(other);
  const order = typeof one === "number" && typeof other === "number"
    ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
  return isDescending ? -order : order;
}

export class SortableTable {
  #rows = [];

  // `columns` is [{ title, value(row), cell(row), isNumber? }]; `sorted` is the index of the first order.
  constructor(columns, { caption, sorted = 0, isDescending = false }) {
    this.columns = columns;
    this.order = { index: sorted, isDescending };
    this.caption = make("caption", {}, caption);
    this.head = make("tr", {}, columns.map((column, index) => this.#title(column, index)));
    this.body = make("tbody");
    this.element = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      make("table", {}, this.caption, make("thead", {}, this.head), this.body));
  }

  #title({ title, isNumber }, index) {
    const button = make("button", { type: "button", onclick: () => this.#sortBy(index) }, title);
    button.append(make("span", { "aria-hidden": "true", class: "order" }));
    return make("th", { scope: "col", class: isNumber && "number" }, button);
  }

  #sortBy(index) {
    const isSame = this.order.index === index;
    this.order = { index, isDescending: isSame ? !this.order.isDescending : Boolean(this.columns[index].isNumber) };
    this.#fill();
  }

  show(rows, caption) {
    this.#rows = rows;
    if (caption) this.caption.textContent = caption;
    this.#fill();
  }

  #fill() {
    const { index, isDescending } = this.order;
    const { value } = this.columns[index];
    const rows = [...this.#rows].sort((one, other) => compare(value(one), value(other), isDescending));
    const focused = this.body.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    this.body.replaceChildren(...rows.map((row) => this.#row(row)));
    if (focused) [...this.body.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    [...this.head.children].forEach((cell, at) => {
      cell.setAttribute("aria-sort", at !== index ? "none" : isDescending ? "descending" : "ascending");
      cell.querySelector(".order").textContent = at !== index ? "" : isDescending ? " ↓" : " ↑";
    });
  }

  #row(row) {
    return make("tr", {}, this.columns.map(({ cell, isNumber, isId }) =>
      make("td", { class: isNumber ? "number" : isId && "id" }, cell(row))));
  }
}
