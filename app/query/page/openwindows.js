// The windows of a site that are not yet closed, device by device: what a closed window will be made of.

import { make, timeOf } from "./elements.js";
import { SortableTable } from "./table.js";
import { count, energyJ, span, spokenPower } from "./units.js";

const rowsOf = (windows) => windows.flatMap((one) => one.devices.map((device) => ({ ...device, start_ms: one.start_ms, end_ms: one.end_ms })));

export class OpenWindows {
  constructor(now_ms) {
    const time = (at_ms) => timeOf(at_ms, { today_ms: now_ms() });
    this.table = new SortableTable([
      { title: "Window from", value: (row) => row.start_ms, cell: (row) => time(row.start_ms) },
      { title: "Device", isId: true, value: (row) => row.device, cell: (row) => row.device },
      { title: "Readings", isNumber: true, value: (row) => row.readings, cell: (row) => count(row.readings) },
      { title: "Mean power", isNumber: true, value: (row) => row.mean_power_w, cell: (row) => spokenPower(row.mean_power_w) },
      { title: "Consumed", isNumber: true, value: (row) => row.energy_import_j, cell: (row) => energyJ(row.energy_import_j) },
      { title: "Produced", isNumber: true, value: (row) => row.energy_export_j, cell: (row) => energyJ(row.energy_export_j) },
      { title: "Covered", isNumber: true, value: (row) => row.covered_s, cell: (row) => span(row.covered_s) },
    ], { caption: "Open windows", isDescending: true });
    this.note = make("p", { class: "note" }, "No window is open.");
    this.element = make("div", {}, this.note, this.table.element);
  }

  show(windows) {
    const rows = rowsOf(windows);
    this.table.show(rows, `${count(windows.length)} open ${windows.length === 1 ? "window" : "windows"}, as last remembered by the worker`);
    this.note.hidden = rows.length > 0;
    this.table.element.hidden = rows.length === 0;
  }
}
