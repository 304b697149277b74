"""Run as a program, with settings and operator on standard input: migrates, and makes the first operator."""

import asyncio
import json
import sys

import msgspec

from packhouse.domain.errors import Refused
from packhouse.settings import Settings
from packhouse.wiring.installation import FirstOperator, Prepared
from packhouse.wiring.services import open_control


async def _prepare(settings: Settings, operator: FirstOperator) -> Prepared:
    async with open_control(settings) as (store, control):
        await store.migrate()
        created = await control.users.bootstrap(email=operator.email, name=operator.name, password=operator.password)
    if created is None or created.link_token is None:
        return Prepared()
    return Prepared(link=created.link_token.text)


def main() -> None:
    order = json.loads(sys.stdin.buffer.read())
    settings = msgspec.convert(order["settings"], Settings)
    operator = msgspec.convert(order["operator"], FirstOperator)
    try:
        prepared = asyncio.run(_prepare(settings, operator))
    except Refused as refused:
        prepared = Prepared(refused=refused.message)
    sys.stdout.buffer.write(msgspec.json.encode(prepared))


if __name__ == "__main__":
    main()
