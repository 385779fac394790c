"""What surrounds every answer: ids with any character in a path, HEAD, and headers that keep a browser safe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
STREAM = "/v1/stream"
OK, NOT_MODIFIED = 200, 304


class Shell:
    """Gives the application the path as it was sent: a slash in an id, %2F, does not divide it."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        raw = scope.get("raw_path") or scope["path"].encode()
        scope = {**scope, "path": raw.split(b"?")[0].decode("ascii", errors="replace")}
        has_head = scope["path"] != STREAM
        is_head = scope["method"] == "HEAD" and has_head
        if is_head:
            scope["method"] = "GET"
        sender = _Sender(send, _held(scope["headers"]), is_bare=is_head, has_head=has_head)
        await self.application(scope, receive, sender)


def _held(headers: list[tuple[bytes, bytes]]) -> set[bytes]:
    """Return the tags of what the asker has."""
    return {tag.strip() for name, value in headers if name == b"if-none-match" for tag in value.split(b",")}


class _Sender:
    """Adds headers; leaves out a body that is not asked for, or that the asker has: files have tags, too."""

    def __init__(self, send: Send, held: set[bytes], *, is_bare: bool, has_head: bool) -> None:
        self._send = send
        self._held = held
        self._is_bare = is_bare
        self._has_head = has_head

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            told = [
                (name, self._allowed(value) if name == b"allow" else value)
                for name, value in message.get("headers", ())
            ]
            message = {**message, "headers": [*told, *HEADERS]}
            if message["status"] == OK and self._held & {tag for name, tag in message["headers"] if name == b"etag"}:
                self._is_bare = True
                kept = [pair for pair in message["headers"] if pair[0] != b"content-length"]
                message = {**message, "status": NOT_MODIFIED, "headers": kept}
        elif self._is_bare and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def _allowed(self, methods: bytes) -> bytes:
        """Return the methods with the one that is answered here, in an order that stays the same."""
        every = {one.strip() for one in methods.split(b",")}
        return b", ".join(sorted(every | ({b"HEAD"} if self._has_head else set())))
