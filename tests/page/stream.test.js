import assert from "node:assert/strict";
import test from "node:test";
import { address } from "./api.js";
import { EventParser, backoff_ms } from "./sse.js";

const TEXT = ': hello\r\nid: 7\r\nevent: live\r\ndata: {"a":1}\r\n\r\nevent: heartbeat\ndata: 1\ndata: 2\n\nid: 8\n\ndata:x\r\r';
const EVENTS = [
  { type: "live", data: '{"a":1}', id: "7" },
  { type: "heartbeat", data: "1\n2", id: "7" },
  { type: "message", data: "x", id: "8" },
];

test("a stream means the same however it is cut", () => {
  for (let size = 1; size <= TEXT.length; size += 1) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < TEXT.length; at += size) events.push(...parser.push(TEXT.slice(at, at + size)));
    events.push(...parser.push("\n")); // a \r at the very end waits for its \n
    assert.deepEqual(events, EVENTS, `cut into pieces of ${size}`);
  }
});

test("each wait is longer than the one before, up to 30 s, and not the same for all", () => {
  assert.deepEqual([0, 1, 2, 10, 100].map((attempt) => backoff_ms(attempt, 1)), [500, 1000, 2000, 30000, 30000]);
  assert.equal(backoff_ms(1, 0), 500);
});

test("an id stays one part of a path, and a list one parameter each", () => {
  assert.equal(address(["nodes", "a/b?c#d", "live"]), "v1/nodes/a%2Fb%3Fc%23d/live");
  assert.equal(address(["stream"], { nodes: ["a&b", "c"], sites: [], cursor: null }), "v1/stream?nodes=a%26b&nodes=c");
});
