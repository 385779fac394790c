// Say quantities, times and spans as people read them. Unknown is a dash, never 0.

export const UNKNOWN = "–";
const THIN = "\u202f";
const MINUS = "\u2212";
const DAY_MS = 86400000;

const SCALES = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];

export const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

// Three digits that count, so that 999.96 k becomes 1.00 M and not 1000.0 k.
function digits(value, base) {
  if (base === 1) return Math.round(value).toString();
  const decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return value.toFixed(decimals);
}

function scaled(value, unit) {
  const size = Math.abs(value);
  let index = SCALES.findIndex(([base]) => size >= base);
  if (index < 0) index = SCALES.length - 1;
  if (index > 0 && size / SCALES[index][0] >= 999.5) index -= 1;
  const [base, prefix] = SCALES[index];
  return { number: digits(size / base, base), unit: prefix + unit, negative: value < 0 && size >= 0.5 };
}

function quantity(value, unit) {
  if (!isKnown(value)) return { number: UNKNOWN, unit: "", negative: false };
  return scaled(value, unit);
}

const joined = ({ number, unit, negative }) => (negative ? MINUS : "") + number + (unit ? THIN + unit : "");

export const powerParts = (power_w) => quantity(power_w, "W");
export const power = (power_w) => joined(quantity(power_w, "W"));
export const energyWh = (energy_wh) => joined(quantity(energy_wh, "Wh"));
export const energyJ = (energy_j) => energyWh(isKnown(energy_j) ? energy_j / 3600 : null);

// The sign in a word: positive flows into the asset or out of the grid.
export function direction(power_w) {
  if (!isKnown(power_w)) return "unknown";
  return power_w > 0 ? "consuming" : power_w < 0 ? "producing" : "in balance";
}

export const magnitude = (power_w) => power(isKnown(power_w) ? Math.abs(power_w) : null);
export const spokenPower = (power_w) => `${magnitude(power_w)} ${direction(power_w)}`;

// Rounded down, so that a coverage short of whole never reads 100 %.
export function percent(part, whole) {
  if (!isKnown(part) || !isKnown(whole) || whole <= 0) return UNKNOWN;
  const tenths = Math.floor((part / whole) * 1000 + 1e-9) / 10;
  return `${tenths >= 100 ? "100" : tenths.toFixed(1)}${THIN}%`;
}

export const count = (value) => (isKnown(value) ? value.toString().replace(/\B(?=(\d{3})+$)/g, THIN) : UNKNOWN);

const SPANS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

export function span(seconds) {
  if (!isKnown(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.round(seconds));
  for (const [size, unit, lesser, lesserUnit] of SPANS) {
    if (whole < size) continue;
    const rest = Math.floor((whole % size) / lesser);
    return `${Math.floor(whole / size)}${THIN}${unit}` + (rest ? ` ${rest}${THIN}${lesserUnit}` : "");
  }
  return `${whole}${THIN}s`;
}

export const two = (value) => value.toString().padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export const utc = (moment_ms) => `${new Date(moment_ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export function clock(moment_ms, { seconds = false } = {}) {
  if (!isKnown(moment_ms)) return UNKNOWN;
  const at = new Date(moment_ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? `:${two(at.getSeconds())}` : ""}`;
}

export function day(moment_ms) {
  const at = new Date(moment_ms);
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
}

// The date is left out only when the moment lies on the day that the reader takes for granted.
export function moment(moment_ms, { today_ms = Date.now(), seconds = false } = {}) {
  if (!isKnown(moment_ms)) return UNKNOWN;
  const time = clock(moment_ms, { seconds });
  return day(moment_ms) === day(today_ms) ? time : `${day(moment_ms)} ${time}`;
}

export function dayStart(moment_ms) {
  const at = new Date(moment_ms);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

// A day has 23, 24 or 25 hours, but 36 hours after its start it is about noon of the next.
export const dayEnd = (moment_ms) => dayStart(dayStart(moment_ms) + 1.5 * DAY_MS);

export const words = (name) => name.replace(/_/g, " ");
