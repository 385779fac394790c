// Ask the API, and listen to its stream.

import { EventParser, backoff_ms } from "./sse.js";

export const SILENCE_LIMIT_MS = 12500; // two heartbeats and a half
const ANSWER_LIMIT_MS = 15000;

export class Problem extends Error {
  constructor(status, { title, detail, remedy, near } = {}) {
    super([title ?? `Status ${status}`, detail, remedy].filter(Boolean).join(". "));
    this.status = status;
    this.near = near ?? [];
  }
}

export function address(parts, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") query.append(name, one);
  }
  const path = parts.map(encodeURIComponent).join("/");
  const tail = query.toString();
  return `v1/${path}${tail ? `?${tail}` : ""}`;
}

async function problemOf(answer) {
  try {
    return new Problem(answer.status, await answer.json());
  } catch {
    return new Problem(answer.status);
  }
}

export async function ask(parts, parameters = {}, { signal } = {}) {
  const limit = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const answer = await fetch(address(parts, parameters), {
    headers: { Accept: "application/json" },
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  });
  if (!answer.ok) throw await problemOf(answer);
  return answer.json();
}

export const plural = (type) => (type === "site" ? "sites" : "nodes");

// One subscription that goes on until it is closed: it reconnects, waits longer each time, and resumes where it was.
export class Stream {
  #controller = new AbortController();
  #lastId = "";
  #attempt = 0;

  constructor(parameters, { onEvent, onOpen, onLost, lastId = "" }) {
    this.#lastId = lastId;
    this.url = address(["stream"], parameters);
    Object.assign(this, { onEvent, onOpen, onLost });
    this.#run();
  }

  get lastId() {
    return this.#lastId;
  }

  close() {
    this.#controller.abort();
  }

  async #run() {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      let retry_ms = null;
      try {
        await this.#listen();
      } catch (error) {
        retry_ms = error.retry_ms ?? null;
      }
      if (signal.aborted) return;
      const wait_ms = Math.max(retry_ms ?? 0, backoff_ms(this.#attempt++));
      this.onLost?.(wait_ms);
      await new Promise((go) => setTimeout(go, wait_ms));
    }
  }

  async #listen() {
    const silence = new AbortController();
    const headers = { Accept: "text/event-stream" };
    if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
    const rest = { watch: null };
    const heard = () => {
      clearTimeout(rest.watch);
      rest.watch = setTimeout(() => silence.abort(), SILENCE_LIMIT_MS);
    };
    heard();
    try {
      const signal = AbortSignal.any([this.#controller.signal, silence.signal]);
      const answer = await fetch(this.url, { headers, signal, cache: "no-store" });
      if (!answer.ok) throw Object.assign(await problemOf(answer), { retry_ms: retryAfter_ms(answer) });
      this.onOpen?.();
      await this.#read(answer.body, heard);
    } finally {
      clearTimeout(rest.watch);
    }
  }

  async #read(body, heard) {
    const parser = new EventParser();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      for (const event of parser.push(value)) this.#deliver(event);
    }
  }

  #deliver({ type, data, id }) {
    this.#attempt = 0;
    if (id) this.#lastId = id;
    this.onEvent(type, JSON.parse(data));
  }
}

function retryAfter_ms(answer) {
  const seconds = Number(answer.headers.get("Retry-After"));
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}
