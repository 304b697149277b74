"""The control plane's services over this installation's database."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.outside.passwords import Argon2Passwords
from packhouse.adapters.sql.store import SqlStore
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.services.context import Context, Telling
from packhouse.services.control import Control, control
from packhouse.settings import Settings
from packhouse.wiring.catalog import catalog_of, offering_of
from packhouse.wiring.layout import layout_of


@asynccontextmanager
async def open_control(settings: Settings) -> AsyncGenerator[tuple[SqlStore, Control]]:
    """Closed at the end, whatever happens."""
    layout = layout_of(settings)
    store = SqlStore(settings.database or f"sqlite+aiosqlite:///{layout.database}")
    clock = SystemClock()
    context = Context(
        store=store,
        clock=clock,
        ids=SystemIds(clock),
        passwords=Argon2Passwords(),
        catalog=catalog_of(settings),
        offering=offering_of(settings),
        sizes=EmbeddedSizes(layout.knowledge),
        telling=Telling(by_mail=bool(settings.smtp_host), private_addresses=settings.webhook_private_addresses),
    )
    try:
        yield store, control(context)
    finally:
        await store.close()
