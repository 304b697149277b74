"""Health and readiness of the gateway and the worker: asked with GET or HEAD, the answer is the same."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from packhouse.adapters.outside.clock import SystemClock
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.app import health
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.openai.errors import refusal
from packhouse.entrypoints.gateway.router import Route, Router
from packhouse.entrypoints.gateway.server import GatewayServer
from packhouse.entrypoints.worker.health import WorkerHealth

pytestmark = pytest.mark.anyio

Part = Callable[[bool], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def worker(ready: bool) -> AsyncGenerator[str]:
    server = await asyncio.start_server(WorkerHealth(ready=lambda: ready).answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def gateway(ready: bool) -> AsyncGenerator[str]:
    handlers = health(lambda: ready)
    paths = {"alive": "/healthz", "ready": "/readyz"}
    router = Router([Route("GET", path, handlers[name], name, "") for name, path in paths.items()])

    async def app(request: Request) -> Reply:
        try:
            return await router(request)
        except Refused as refused:
            return refusal(refused)

    server = GatewayServer(app, clock=SystemClock())
    await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}"
    await server.drain(1)


@pytest.mark.parametrize("part", [worker, gateway])
@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_head_answers_as_get_does_without_the_body(part: Part, ready: bool, status: int) -> None:
    async with part(ready) as url, httpx.AsyncClient(base_url=url) as http:
        for path, expected in (("/healthz", 200), ("/readyz", status)):
            got, headed = await http.get(path), await http.head(path)
            assert (got.status_code, headed.status_code) == (expected, expected)
            assert got.content
            assert headed.content == b""
            for name in ("content-type", "content-length"):
                assert headed.headers[name] == got.headers[name]
        refused = await http.post("/readyz")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
