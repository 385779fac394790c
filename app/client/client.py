"""Asks the query role: one question, all pages of one, or a stream that resumes by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from app.client.requests import Question
from app.client.told import STREAM, Reader, Told
from app.errors import GridtwinError
from app.query.envelopes import Page
from app.query.problems import ProblemBody

T = TypeVar("T")
TIMEOUT_S = 30.0
SILENCE_S = 20.0
RETRY_S = 2.0
PASSING = (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS)


class QueryError(GridtwinError):
    """What the query role says instead of an answer; `problem` is None where it did not answer at all."""

    def __init__(self, sentence: str, problem: ProblemBody | None = None) -> None:
        super().__init__(sentence)
        self.problem = problem


class QueryClient:
    """Asks and waits."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = httpx.Client(base_url=address, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._http.close()

    def ask(self, question: Question[T]) -> T:
        """Return the answer to a question."""
        return _decode(self.ask_raw(question), question)

    def ask_raw(self, question: Question[Any]) -> bytes:
        """Return the answer to a question as it came."""
        try:
            return _body(self._http.get(question.path, params=question.parameters))
        except httpx.HTTPError as error:
            raise _unreachable(self.address, error) from error

    def ask_all(self, question: Question[Page[T]]) -> Iterator[T]:
        """Yield the items of every page."""
        following: Question[Page[T]] | None = question
        while following is not None:
            page = self.ask(following)
            yield from page.items
            following = _next(question, page.next)

    def follow(self, **interest: list[str] | str) -> Iterator[Told]:
        """Yield what a stream tells, for ever: nodes, subtrees, sites, events."""
        reader = Reader()
        while True:
            try:
                with self._http.stream("GET", STREAM, params=interest, headers=reader.headers,
                                       timeout=SILENCE_S) as response:  # fmt: skip
                    if response.status_code != httpx.codes.OK:
                        response.read()
                        _body(response)
                    for line in response.iter_lines():
                        yield from reader.take(line)
            except httpx.HTTPError:
                time.sleep(RETRY_S)
            except QueryError as error:
                time.sleep(_patience_s(error))


class AsyncQueryClient:
    """Asks, and lets others run while it waits."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:  # fmt: skip
        await self._http.aclose()

    async def ask(self, question: Question[T]) -> T:
        """Return the answer to a question."""
        try:
            return _decode(_body(await self._http.get(question.path, params=question.parameters)), question)
        except httpx.HTTPError as error:
            raise _unreachable(self.address, error) from error

    async def ask_all(self, question: Question[Page[T]]) -> AsyncIterator[T]:
        """Yield the items of every page."""
        following: Question[Page[T]] | None = question
        while following is not None:
            page = await self.ask(following)
            for item in page.items:
                yield item
            following = _next(question, page.next)

    async def follow(self, **interest: list[str] | str) -> AsyncIterator[Told]:
        """Yield what a stream tells, for ever: nodes, subtrees, sites, events."""
        reader = Reader()
        while True:
            try:
                async with self._http.stream("GET", STREAM, params=interest, headers=reader.headers,
                                             timeout=SILENCE_S) as response:  # fmt: skip
                    if response.status_code != httpx.codes.OK:
                        await response.aread()
                        _body(response)
                    async for line in response.aiter_lines():
                        for told in reader.take(line):
                            yield told
            except httpx.HTTPError:
                await asyncio.sleep(RETRY_S)
            except QueryError as error:
                await asyncio.sleep(_patience_s(error))


def _body(response: httpx.Response) -> bytes:
    if response.status_code == httpx.codes.OK:
        return response.content
    try:
        problem = msgspec.json.decode(response.content, type=ProblemBody)
    except msgspec.MsgspecError as error:
        raise QueryError(f"{response.request.url} answered {response.status_code}") from error
    near = f"; near it: {', '.join(problem.near)}" if problem.near else ""
    raise QueryError(f"{problem.detail}; {problem.remedy}{near}", problem)


def _decode(body: bytes, question: Question[T]) -> T:
    found: T = msgspec.json.decode(body, type=question.answer)
    return found


def _patience_s(error: QueryError) -> float:
    """Return how long to wait for what may pass, a worker that begins to read; raise what will not."""
    if error.problem is None or error.problem.status not in PASSING:
        raise error
    return RETRY_S


def _next(question: Question[Page[T]], cursor: str | None) -> Question[Page[T]] | None:
    if cursor is None:
        return None
    return msgspec.structs.replace(question, parameters={**question.parameters, "cursor": cursor})


def _unreachable(address: str, error: httpx.HTTPError) -> QueryError:
    return QueryError(f"no query worker answers at {address} ({type(error).__name__}); start one with "
                      "`gridtwin worker query`, or name another with --url")  # fmt: skip
