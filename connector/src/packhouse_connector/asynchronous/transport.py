"""Carries calls over httpx on asyncio, and tries again what is safe."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx

from packhouse_connector import http
from packhouse_connector.core.call import Call, Operation
from packhouse_connector.core.connection import Connection
from packhouse_connector.core.refusal import refusal
from packhouse_connector.core.response import Response
from packhouse_connector.core.retry import Retries
from packhouse_connector.errors import ConnectionFailed

T = TypeVar("T")


class AsyncTransport:
    """May be used by many tasks of one event loop at once. `client` is closed with it only where `owned`."""

    def __init__(self, connection: Connection, client: httpx.AsyncClient, *, retries: Retries, owned: bool) -> None:
        self.connection = connection
        self._client = client
        self._retries = retries
        self._owned = owned

    async def run(self, operation: Operation[T]) -> T:
        """The operation's result, or the `PackhouseError` that came instead."""
        reply = await self._send(operation.call, keep_open=False)
        return operation.result(http.response(reply))

    @asynccontextmanager
    async def opened(self, call: Call) -> AsyncGenerator[tuple[Response, AsyncIterator[bytes]]]:
        """The head of a streamed answer and its bytes as they come."""
        reply = await self._send(call, keep_open=True)
        try:
            if not reply.is_success:
                raise refusal(http.response(reply))
            yield http.opening(reply), self._chunks(reply)
        finally:
            await reply.aclose()

    async def close(self) -> None:
        if self._owned:
            await self._client.aclose()

    async def _send(self, call: Call, *, keep_open: bool) -> httpx.Response:
        attempt = 1
        while True:
            reply = await self._attempt(call, keep_open=keep_open)
            if isinstance(reply, httpx.Response) and reply.is_success:
                return reply
            outcome = reply if isinstance(reply, ConnectionFailed) else http.response(reply)
            wait = self._retries.wait_seconds(call, outcome, attempt=attempt, dice=random.random())  # noqa: S311
            if wait is None:
                if isinstance(reply, ConnectionFailed):
                    raise reply
                return reply
            await asyncio.sleep(wait)
            attempt += 1

    async def _attempt(self, call: Call, *, keep_open: bool) -> httpx.Response | ConnectionFailed:
        """A reply; its body is read, but for a success that is kept open."""
        try:
            request = http.request(self.connection, call, client=self._client)
            reply = await self._client.send(request, stream=True, auth=None, follow_redirects=False)
            if not (keep_open and reply.is_success):
                await reply.aread()
        except httpx.RequestError as error:
            return http.failure(error, self.connection.url)
        return reply

    async def _chunks(self, reply: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in reply.aiter_bytes():
                yield chunk
        except httpx.RequestError as error:
            raise http.failure(error, self.connection.url) from error
