"""The sums of usage counted anew from the records, beside whatever runs on the installation."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

from packhouse.adapters.database.connection import connect
from packhouse.adapters.metering.recount import Difference, recount, resources
from packhouse.domain.errors import Refused
from packhouse.domain.units import ResourceId
from packhouse.settings import Settings
from packhouse.wiring.installation import needs_preparing
from packhouse.wiring.layout import database_of
from packhouse.wiring.services import open_control


def recount_usage(settings: Settings, resource_id: str | None, *, mend: bool) -> Iterator[tuple[str, list[Difference]]]:
    """Each pack, or the one, with what was wrong there. What is mended is in its activity log.

    Refused: not_found, unavailable.
    """
    if needs_preparing(settings):
        raise Refused("unavailable", "There is no database of this version. Start packhouse serve first.")
    with closing(connect(database_of(settings), durable=True)) as sql:
        known = resources(sql)
        if resource_id is not None and resource_id not in known:
            raise Refused("not_found", f"There is no resource {resource_id}.")
        for each in [resource_id] if resource_id is not None else known:
            found = recount(sql, each, mend=mend)
            if found and mend:
                asyncio.run(_logged(settings, each, rows=sum(one.rows for one in found)))
            yield each, found


async def _logged(settings: Settings, resource_id: str, *, rows: int) -> None:
    async with open_control(settings) as (_, control):
        await control.consumption.recounted(ResourceId(resource_id), rows=rows)
