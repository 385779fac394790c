// Geometry of a map without tiles: the hull of the sites, and lines of the globe's grid.

const STEPS = [45, 30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

const turn = (one, two, three) => (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0]);

function half(points) {
  const chain = [];
  for (const point of points) {
    while (chain.length > 1 && turn(chain.at(-2), chain.at(-1), point) <= 0) chain.pop();
    chain.push(point);
  }
  return chain.slice(0, -1);
}

// The corners of the smallest convex outline (monotone chain).
export function hullOf(points) {
  const sorted = [...new Map(points.map((point) => [point.join(), point])).values()].sort((one, two) => one[0] - two[0] || one[1] - two[1]);
  if (sorted.length < 3) return sorted;
  return [...half(sorted), ...half(sorted.reverse())];
}

// Fit places of [east, north] degrees into a frame, with an east degree shortened as it is at that latitude.
export function projection(points, { width, height, margin }) {
  const east = points.map(([x]) => x);
  const north = points.map(([, y]) => y);
  const least = (values) => values.reduce((one, two) => Math.min(one, two), Infinity);
  const most = (values) => values.reduce((one, two) => Math.max(one, two), -Infinity);
  const bounds = { west: least(east), east: most(east), south: least(north), north: most(north) };
  const middle = { x: (bounds.west + bounds.east) / 2, y: (bounds.south + bounds.north) / 2 };
  const shrink = Math.max(0.05, Math.cos((Math.min(89, Math.abs(middle.y)) * Math.PI) / 180));
  const across = Math.max((bounds.east - bounds.west) * shrink, 1e-4);
  const along = Math.max(bounds.north - bounds.south, 1e-4);
  const scale = Math.min((width - 2 * margin) / across, (height - 2 * margin) / along);
  return {
    bounds, scale, shrink,
    place: ([x, y]) => [width / 2 + (x - middle.x) * shrink * scale, height / 2 - (y - middle.y) * scale],
    degrees: ([across_px, down_px]) => [middle.x + (across_px - width / 2) / (shrink * scale), middle.y - (down_px - height / 2) / scale],
  };
}

// The round degrees from `low` to `high`, some four to eight of them.
export function gridLines(low, high) {
  const step = STEPS.findLast((one) => (high - low) / one <= 8) ?? STEPS[0];
  const finest = STEPS.find((one) => (high - low) / one >= 3) ?? STEPS.at(-1);
  const size = Math.max(step, finest);
  const lines = [];
  for (let index = Math.ceil(low / size); index * size <= high; index += 1) lines.push(Number((index * size).toFixed(6)));
  return lines;
}

// Gather places that would cover each other, so that any number of sites is a few hundred marks.
export function gather(spots, cell_px) {
  const cells = new Map();
  for (const spot of spots) {
    const key = `${Math.floor(spot.at[0] / cell_px)} ${Math.floor(spot.at[1] / cell_px)}`;
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(spot);
  }
  return [...cells.values()];
}
