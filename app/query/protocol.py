"""The HTTP protocol with bounds: long addresses, many headers, who asks slowly or reads nothing end the connection."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_URL_BYTES = 16_384
MOST_HEADER_BYTES = 32_768
MOST_HEADERS = 100
HEADERS_WITHIN_S = 10.0
READS_WITHIN_S = 10.0
TOO_LONG = b"HTTP/1.1 414 URI Too Long\r\n"
TOO_MANY = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n"
TOO_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n"
END = b"content-length: 0\r\nconnection: close\r\n\r\n"


class LimitedProtocol(HttpToolsProtocol):
    """Counts what comes before an answer is begun; waits only so long for it, and for who does not read."""

    most_connections: int | None = None
    _header_bytes = 0
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if self.most_connections is not None and len(self.connections) > self.most_connections:
            self._refuse(TOO_BUSY)
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._header_bytes = 0
        self._wait()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        if len(self.url) + len(url) > MOST_URL_BYTES:
            self._refuse(TOO_LONG)
        else:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MOST_HEADER_BYTES or len(self.headers) >= MOST_HEADERS:
            self._refuse(TOO_MANY)
        else:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the application answer, unless the request was refused."""
        self._stop_waiting()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to watch whether what waits is read."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Stop watching."""
        self._stop_watching()
        super().resume_writing()

    def _watch(self) -> None:
        self._stop_watching()
        unread_bytes = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(READS_WITHIN_S, self._cut_off_unless_read, unread_bytes)

    def _cut_off_unless_read(self, before_bytes: int) -> None:
        """End a connection whose client has taken nothing at all; one that is only slow may go on."""
        if self.transport.get_write_buffer_size() < before_bytes:
            self._watch()
        else:
            self.transport.abort()

    def _stop_watching(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _wait(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(HEADERS_WITHIN_S, self._refuse, TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(status + END)
            self.transport.close()


def limited_protocol(connections: int) -> type[LimitedProtocol]:
    """Return a protocol that refuses one connection too many."""
    return type("Limited", (LimitedProtocol,), {"most_connections": connections})
