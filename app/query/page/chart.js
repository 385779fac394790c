// Plot windows: power by kind, and below it the coverage that it rests on.

import { make } from "./elements.js";
import { inksOf, ownColor, paintColumns, paintCoverage, paintGaps, paintSides } from "./paint.js";
import { columnsOf, gapsOf, kindsOf } from "./stack.js";
import { clock, day, magnitude, percent, spokenPower, words } from "./units.js";

const HEIGHT = 270;
const STRIP_HEIGHT = 84;
const AXIS_WIDTH = 74;
const DAY_S = 86400;

const isMidnight = (moment_s) => clock(moment_s * 1000) === "00:00";

function timeLabel(moment_s, step_s) {
  if (step_s >= DAY_S || isMidnight(moment_s)) return day(moment_s * 1000).replace(/ \d{4}$/, "");
  return clock(moment_s * 1000);
}

const axisInk = () => ({ stroke: ownColor("muted"), grid: { stroke: ownColor("line"), width: 1 }, ticks: { stroke: ownColor("line"), width: 1 } });

const timeAxis = (isShown) => ({
  ...axisInk(), size: isShown ? 34 : 6, space: 64,
  values: (_plot, splits, _axis, _space, step_s) => splits.map((at) => (isShown ? timeLabel(at, step_s) : "")),
});

const middles = (columns) => columns.map(({ start_s, end_s }) => (start_s + end_s) / 2);
const unseen = { paths: () => null, points: { show: false } };

function spread(_plot, least, most) {
  const low = Math.min(0, least ?? 0);
  const high = Math.max(low < 0 ? 0 : 10, most ?? 0); // below ten watts the axis would say the same number twice
  const margin = (high - low) * 0.09;
  return [low < 0 ? low - margin : 0, high > 0 || low === 0 ? high + margin : 0];
}

function sayColumn({ item, parts, net_w, isHeard, coverage, status }) {
  const from = `${day(item.start_ms)} ${clock(item.start_ms)}–${clock(item.end_ms)}`;
  if (!isHeard) return `${from}: nothing was heard, ${status}`;
  const kinds = parts.map(({ kind, from_w, to_w }) => `${words(kind)} ${spokenPower(to_w - from_w)}`).join(", ");
  const cover = coverage === null ? "nothing expected" : `coverage ${percent(coverage, 1)}`;
  return `${from}: ${spokenPower(net_w)}${kinds ? ` (${kinds})` : ""}; ${cover}; ${status}`;
}

export class Chart {
  #columns = [];
  #plots = [];

  constructor({ onRange }) {
    this.onRange = onRange;
    this.power = make("div", { class: "plot" });
    this.coverage = make("div", { class: "plot strip" });
    this.readout = make("p", { class: "readout muted", role: "status" });
    this.element = make("div", {
      tabindex: "0", role: "group", "aria-label": "Power by kind over time. Left and right read one window after another.",
      onkeydown: (event) => this.#step(event),
    }, this.power, this.coverage, this.readout);
    this.resized = new ResizeObserver(() => this.#fit());
    this.resized.observe(this.element);
  }

  // Show windows from `from_ms` to `to_ms`; after `now_ms` nothing is missing yet.
  show(items, { from_ms, to_ms, now_ms }) {
    this.kinds = kindsOf(items);
    this.#columns = columnsOf(items, this.kinds);
    this.gaps = gapsOf(this.#columns, { from_s: from_ms / 1000, to_s: Math.min(to_ms, now_ms) / 1000 });
    this.span = [from_ms / 1000, to_ms / 1000];
    this.repaint();
  }

  // Plot again, in the colours of the theme.
  repaint() {
    if (!this.span) return;
    this.close();
    const width = Math.max(this.element.clientWidth, 200);
    this.#plots = [
      new uPlot(this.#powerOptions(width), this.#powerData(), this.power),
      new uPlot(this.#coverageOptions(width), [middles(this.#columns), this.#columns.map(({ coverage }) => coverage)], this.coverage),
    ];
    if (!this.readout.textContent) this.#hint();
  }

  close() {
    for (const plot of this.#plots) plot.destroy();
    this.#plots = [];
  }

  discard() {
    this.close();
    this.resized.disconnect();
  }

  #hint() {
    this.readout.textContent = this.#columns.length ? "Point at a window to read it; drag to zoom." : "No window is known in this range.";
  }

  #powerData() {
    const column = (name) => this.#columns.map((one) => (one.isHeard ? one[name] : null));
    return [middles(this.#columns), column("up_w"), column("down_w"), column("net_w")];
  }

  #shared(width, height) {
    return {
      width, height, legend: { show: false }, padding: [6, 28, 0, 0],
      cursor: { sync: { key: "windows" }, points: { show: false }, y: false, drag: { x: true, y: false, setScale: false } },
    };
  }

  #powerOptions(width) {
    const values = (_plot, splits) => splits.map(magnitude);
    return {
      ...this.#shared(width, HEIGHT),
      scales: { x: { range: () => this.span }, y: { range: spread } },
      axes: [timeAxis(true), { ...axisInk(), size: AXIS_WIDTH, values }],
      series: [{}, unseen, unseen, unseen],
      hooks: {
        drawClear: [(plot) => paintGaps(plot, this.gaps, this.#inks(plot))],
        draw: [(plot) => {
          paintColumns(plot, this.#columns, this.#inks(plot));
          paintSides(plot, this.#inks(plot));
        }],
        setCursor: [(plot) => this.#read(plot.cursor.idx)],
        setSelect: [(plot) => this.#zoom(plot)],
      },
    };
  }

  #coverageOptions(width) {
    const values = (_plot, splits) => splits.map((part) => `${part * 100}\u202f%`);
    return {
      ...this.#shared(width, STRIP_HEIGHT),
      scales: { x: { range: () => this.span }, y: { range: [0, 1.05] } },
      axes: [timeAxis(false), { ...axisInk(), size: AXIS_WIDTH, splits: [0, 0.5, 1], values }],
      series: [{}, unseen],
      hooks: {
        drawClear: [(plot) => paintGaps(plot, this.gaps, this.#inks(plot))],
        draw: [(plot) => paintCoverage(plot, this.#columns, this.#inks(plot))],
        setSelect: [(plot) => this.#zoom(plot)],
      },
    };
  }

  #inks(plot) {
    plot.inks ??= inksOf(plot.ctx, this.kinds);
    return plot.inks;
  }

  #read(index) {
    if (index === null || index === undefined || !this.#columns[index]) return;
    this.readout.textContent = sayColumn(this.#columns[index]);
  }

  #zoom(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    const at = (place) => Math.round(plot.posToVal(place, "x") * 1000);
    this.onRange(at(left), at(left + width));
  }

  #step(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.#columns.length) return;
    event.preventDefault();
    const last = this.#columns.length - 1;
    this.at = Math.min(last, Math.max(0, (this.at ?? last + (step < 0 ? 1 : 0)) + step));
    const [plot] = this.#plots;
    const { start_s, end_s } = this.#columns[this.at];
    plot.setCursor({ left: plot.valToPos((start_s + end_s) / 2, "x"), top: 10 });
    this.#read(this.at);
  }

  #fit() {
    const width = this.element.clientWidth;
    this.#plots.forEach((plot, index) => {
      if (width > 0 && plot.width !== width) plot.setSize({ width, height: index ? STRIP_HEIGHT : HEIGHT });
    });
  }
}
