// Take a text/event-stream apart, however it was cut into pieces.

export class EventParser {
  #rest = "";
  #type = "";
  #data = [];
  lastId = "";

  // Return the events that the piece completes: [{ type, data, id }].
  push(piece) {
    const text = this.#rest + piece;
    const ends = text.endsWith("\r") ? text.length - 1 : text.length; // the \n of \r\n may be in the next piece
    const lines = text.slice(0, ends).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + text.slice(ends);
    return lines.map((line) => this.#take(line)).filter((event) => event !== null);
  }

  #take(line) {
    if (line === "") return this.#complete();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    return null;
  }

  #complete() {
    const data = this.#data.join("\n");
    const event = this.#data.length ? { type: this.#type || "message", data, id: this.lastId } : null;
    this.#type = "";
    this.#data = [];
    return event;
  }
}

// Twice as long each time up to 30 s, and never all pages at once.
export function backoff_ms(attempt, chance = Math.random()) {
  const most_ms = Math.min(30000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(most_ms / 2 + (most_ms / 2) * chance);
}
