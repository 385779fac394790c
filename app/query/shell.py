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
        is_head = scope["method"] == "HEAD" and scope["path"] != STREAM
        if is_head:
            scope["method"] = "GET"
        await self.application(scope, receive, _sender(send, is_head=is_head))


def _sender(send: Send, *, is_head: bool) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        elif is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return with_headers
