// Hold the two streams: one of what is on the screen, one of what happens anywhere; and know how fresh they are.

import { Stream } from "./api.js";
import { freshness, nothingHeard } from "./state.js";

const RANK = ["stale", "connecting", "live"];
const SETTLE_MS = 250;
const MOST_NAMED = 100;

export class Live {
  #stream = null;
  #events = null;
  #wanted = "";
  #resume = "";
  #due = null;

  constructor({ onEvent, onHeartbeat }) {
    Object.assign(this, { onEvent, onHeartbeat });
    this.links = { events: nothingHeard(Date.now()) };
    this.retry_ms = null;
    document.addEventListener("visibilitychange", () => this.#turn());
    this.#listenToEvents();
  }

  // The stream that is worse off decides: either alone would let half of the page stand still.
  freshness() {
    const all = Object.values(this.links).map((link) => ({ ...freshness(link, Date.now()), behind_records: link.behind_records }));
    return all.sort((one, other) => RANK.indexOf(one.state) - RANK.indexOf(other.state))[0];
  }

  // Follow these nodes and sites; what they were before is followed until the new stream is open.
  follow(nodes, sites) {
    this.named = { nodes: [...new Set(nodes)].slice(0, MOST_NAMED), sites: sites.slice(0, MOST_NAMED) };
    clearTimeout(this.#due);
    this.#due = setTimeout(() => this.#open(), SETTLE_MS);
  }

  tellsOf({ type, id }) {
    return this.#stream !== null && type === "node" && this.named.nodes.includes(id);
  }

  #open() {
    if (document.hidden || !this.named) return;
    const wanted = JSON.stringify(this.named);
    if (this.#stream && wanted === this.#wanted) return;
    this.#wanted = wanted;
    const before = this.#stream;
    const { nodes, sites } = this.named;
    if (!nodes.length && !sites.length) {
      before?.close();
      this.#stream = null;
      delete this.links.screen;
      return;
    }
    this.links.screen ??= nothingHeard(Date.now());
    this.#stream = this.#listen("screen", { nodes, sites, events: "live,twin" }, () => before?.close());
  }

  #listenToEvents() {
    this.#events ??= this.#listen("events", { events: "transition,correction,rejection,topology" }, null, this.#resume);
  }

  #listen(name, parameters, onSettled, lastId = "") {
    return new Stream(parameters, {
      lastId,
      onEvent: (type, data) => (type === "heartbeat" ? this.#beat(this.links[name], data) : this.onEvent(type, data, name)),
      onOpen: () => {
        onSettled?.();
        if (this.links[name]) this.links[name].lost_ms = null;
      },
      onLost: (wait_ms) => {
        onSettled?.();
        if (this.links[name]) this.links[name].lost_ms ??= Date.now();
        this.retry_ms = Date.now() + wait_ms;
      },
    });
  }

  #beat(link, { as_of_ms, age_s, is_ready, is_stale = null, stale_reason = null, behind_records }) {
    if (!link) return;
    Object.assign(link, { heard_ms: Date.now(), as_of_ms, age_s, is_ready: is_ready !== false, is_stale, stale_reason, behind_records });
    this.onHeartbeat(link);
  }

  // A page that nobody sees keeps no connection: browsers allow only six to one host.
  #turn() {
    if (document.hidden) {
      this.#resume = this.#events?.lastId ?? this.#resume;
      this.#stream?.close();
      this.#events?.close();
      this.#stream = this.#events = null;
      this.#wanted = "";
      return;
    }
    this.#listenToEvents();
    this.#open();
  }
}
