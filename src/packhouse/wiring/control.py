"""The control part: the management API and the portal in one application, served by uvicorn."""

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin

from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.sql.store import SqlStore
from packhouse.domain.errors import Refused
from packhouse.entrypoints.control.access import AccessLog
from packhouse.entrypoints.control.head import HeadAsGet
from packhouse.entrypoints.control.health import health_router
from packhouse.entrypoints.control.refusals import on_framework
from packhouse.entrypoints.control.router import api_router
from packhouse.entrypoints.control.settling import Settling
from packhouse.entrypoints.portal.problems import Problems
from packhouse.entrypoints.portal.router import portal_router
from packhouse.entrypoints.portal.site import Site
from packhouse.wiring.catalog import catalog_of
from packhouse.wiring.part import Part
from packhouse.wiring.services import open_control

SETTLED_WITHIN_SECONDS = 1.0
"""How long a transaction that books what is due may take to end."""


async def run(part: Part) -> None:
    """Until `part.stop`, then running requests have the settings' drain time to end.

    Refused(unavailable) where the database is older than this version.
    """
    async with open_control(part.settings) as (store, control):
        await _check(store)
        clock = SystemClock()
        site = Site(
            control=control,
            catalog=catalog_of(part.settings),
            clock=clock,
            ids=SystemIds(clock),
            public_url=part.control_url,
            gateway_url=part.gateway_url,
        )
        settling = asyncio.create_task(Settling(control.lifecycle).run(part.stop))
        try:
            await _serve(control_app(site, store), part)
        finally:
            await _ended(settling)


async def _ended(task: asyncio.Task[None]) -> None:
    """It ends by itself where the part was told to stop; the store must not be closed under it."""
    await asyncio.wait({task}, timeout=SETTLED_WITHIN_SECONDS)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def control_app(site: Site, store: SqlStore) -> HeadAsGet:
    """The ASGI application: `/api/v1`, `/healthz`, `/readyz`, and the portal at `/`."""
    problems = Problems(site)

    def no_route(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        return on_framework(request, error) if request.url.path.startswith("/api/") else problems.http(request, error)

    api = api_router(
        site.control,
        gateway_url=lambda: site.gateway_url,
        link_url=lambda token: f"{site.public_url}/link/{token}",
    )
    app = _Application(
        route_handlers=[health_router(lambda: _check(store)), api, portal_router(site)],
        exception_handlers={HTTPException: no_route},
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
    return HeadAsGet(AccessLog(app, clock=site.clock, ids=site.ids))


async def _check(store: SqlStore) -> None:
    if not await store.is_current():
        raise Refused("unavailable", "The database is older than this version of Packhouse: run packhouse migrate.")


async def _serve(app: HeadAsGet, part: Part) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=part.settings.drain_seconds,
    )
    logging.getLogger("uvicorn.error").addFilter(_without_values)
    server = _Server(config, part.ready)
    stopping = asyncio.create_task(_end(server, part.stop))
    await server.serve(sockets=[part.socket])
    stopping.cancel()


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def _without_values(record: logging.LogRecord) -> bool:
    """A traceback's message may hold what a request carried."""
    record.exc_info = None
    return True


class _Application(Litestar):
    """Without the plugins for libraries that no route uses: pydantic's alone costs a start 0.3 s and 10 MB."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


class _Server(uvicorn.Server):
    """Leaves signals to the part, and tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
