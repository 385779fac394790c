// Paint columns on a plot's canvas: final is solid, provisional hatched, corrected marked, unknown empty.

import { isKnownKind } from "./stack.js";

export const ownColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export const kindColor = (kind) => ownColor(isKnownKind(kind) ? kind : "other");

function hatch(context, color, { step, width, background = null }) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = step;
  const brush = tile.getContext("2d");
  if (background) {
    brush.globalAlpha = 0.25;
    brush.fillStyle = background;
    brush.fillRect(0, 0, step, step);
    brush.globalAlpha = 1;
  }
  brush.strokeStyle = color;
  brush.lineWidth = width;
  brush.beginPath();
  for (const shift of [-step, 0, step]) {
    brush.moveTo(shift, step);
    brush.lineTo(shift + step, 0);
  }
  brush.stroke();
  return context.createPattern(tile, "repeat");
}

export function inksOf(context, kinds) {
  const inks = { gap: hatch(context, ownColor("line"), { step: 10, width: 1.5 }), fills: {}, hatches: {} };
  for (const kind of kinds) {
    const color = kindColor(kind);
    inks.fills[kind] = color;
    inks.hatches[kind] = hatch(context, color, { step: 7, width: 2.2, background: color });
  }
  for (const name of ["text", "muted", "line", "warn", "good", "surface"]) inks[name] = ownColor(name);
  return inks;
}

// Run the painter with the canvas clipped to the plot.
export function within(plot, painter) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  painter(ctx, bbox);
  ctx.restore();
}

const acrossOf = (plot, start_s, end_s) => {
  const left = plot.valToPos(start_s, "x", true);
  return [left, plot.valToPos(end_s, "x", true) - left];
};

export function paintGaps(plot, gaps, inks) {
  within(plot, (brush, bbox) => {
    brush.fillStyle = inks.gap;
    for (const [start_s, end_s] of gaps) {
      const [left, width] = acrossOf(plot, start_s, end_s);
      brush.fillRect(left, bbox.top, width, bbox.height);
    }
  });
}

function paintPart(plot, brush, { fill, left, width, from, to }) {
  const top = plot.valToPos(Math.max(from, to), "y", true);
  const bottom = plot.valToPos(Math.min(from, to), "y", true);
  const space = width > 4 ? 1 : 0;
  brush.fillStyle = fill;
  brush.fillRect(left + space / 2, top, Math.max(width - space, 1), bottom - top);
}

function paintDiamond(brush, center, middle, size) {
  brush.beginPath();
  brush.moveTo(center, middle - size);
  brush.lineTo(center + size, middle);
  brush.lineTo(center, middle + size);
  brush.lineTo(center - size, middle);
  brush.closePath();
  brush.fill();
  brush.stroke();
}

function paintNet(plot, brush, columns, inks) {
  for (const [ink, width] of [[inks.surface, 4.5], [inks.text, 2]]) {
    brush.strokeStyle = ink;
    brush.lineWidth = width * devicePixelRatio;
    let reached_s = null;
    brush.beginPath();
    for (const { start_s, end_s, net_w } of columns) {
      if (net_w === null) continue;
      const height = plot.valToPos(net_w, "y", true);
      const start = plot.valToPos(start_s, "x", true);
      if (reached_s === start_s) brush.lineTo(start, height);
      else brush.moveTo(start, height);
      brush.lineTo(plot.valToPos(end_s, "x", true), height);
      reached_s = end_s;
    }
    brush.stroke();
  }
}

export function paintColumns(plot, columns, inks) {
  within(plot, (brush, bbox) => {
    for (const { parts, status, start_s, end_s } of columns) {
      const [left, width] = acrossOf(plot, start_s, end_s);
      const fills = status === "provisional" ? inks.hatches : inks.fills;
      for (const { kind, from_w, to_w } of parts) {
        paintPart(plot, brush, { fill: fills[kind], left, width, from: from_w, to: to_w });
      }
    }
    paintNet(plot, brush, columns, inks);
    brush.fillStyle = inks.warn;
    brush.strokeStyle = inks.surface;
    brush.lineWidth = devicePixelRatio;
    const size = 5 * devicePixelRatio;
    for (const { status, start_s, end_s, up_w } of columns) {
      if (status !== "corrected") continue;
      const [left, width] = acrossOf(plot, start_s, end_s);
      const above = plot.valToPos(up_w, "y", true) - size * 1.6;
      paintDiamond(brush, left + width / 2, Math.max(above, bbox.top + size * 1.6), size);
    }
  });
}

export function paintCoverage(plot, columns, inks) {
  within(plot, (brush) => {
    for (const { coverage, start_s, end_s } of columns) {
      if (coverage === null) continue;
      const [left, width] = acrossOf(plot, start_s, end_s);
      paintPart(plot, brush, { fill: coverage < 1 ? inks.warn : inks.good, left, width, from: 0, to: coverage });
    }
  });
}

// Say beside the axis what above and below zero means.
export function paintSides(plot, inks) {
  within(plot, (brush, bbox) => {
    brush.fillStyle = inks.muted;
    brush.textAlign = "left";
    brush.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    const { min, max } = plot.scales.y;
    const place = (text, height) => {
      const left = bbox.left + 6 * devicePixelRatio;
      brush.fillStyle = inks.surface;
      brush.fillRect(left - 3, height - 12 * devicePixelRatio, brush.measureText(text).width + 6, 16 * devicePixelRatio);
      brush.fillStyle = inks.muted;
      brush.fillText(text, left, height);
    };
    if (max > 0) place("↓ consuming", bbox.top + 14 * devicePixelRatio);
    if (min < 0) place("↑ producing", bbox.top + bbox.height - 6 * devicePixelRatio);
  });
}
