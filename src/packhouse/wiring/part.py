"""The process of one part: told what to run on standard input, reports on standard output that it is ready.

Standard input stays open for as long as the supervisor lives; when it ends, the part drains and ends too, so
that no child outlives its parent.
"""

import asyncio
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import uvloop

from packhouse.domain.errors import Refused
from packhouse.settings import PartName, Settings, decode
from packhouse.wiring.dumps import forbid_core_dumps
from packhouse.wiring.lean import without_terminal
from packhouse.wiring.logs import set_up_logs


@dataclass(frozen=True, slots=True)
class Part:
    """What a part needs to run: its settings, the socket that listens for it, its neighbours' public URLs.

    `ready` is called once, when requests are answered; `stop` is set when the part shall drain and return.
    """

    name: PartName
    settings: Settings
    socket: socket.socket
    gateway_url: str
    control_url: str
    ready: Callable[[], None]
    stop: asyncio.Event


def main() -> None:
    """`python -m packhouse.wiring.part`: ends with 0 after a drain, 2 after a refusal."""
    order = json.loads(sys.stdin.buffer.readline())
    settings = decode(json.dumps(order["settings"]).encode())
    set_up_logs(settings.log_level, part=order["part"])
    forbid_core_dumps()
    assert without_terminal()
    module = importlib.import_module(f"packhouse.wiring.{order['part']}")
    run = cast("Callable[[Part], Awaitable[None]]", module.run)
    try:
        uvloop.run(_run(order, settings, run=run))
    except Refused as refused:
        tell(refused=refused.message)
        sys.exit(2)


def tell(**message: object) -> None:
    """A line for the supervisor."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def _run(order: dict[str, object], settings: Settings, *, run: Callable[[Part], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    os.set_blocking(0, False)
    loop.add_reader(0, _stop_at_end, loop, stop)
    listening = socket.socket(fileno=cast("int", order["socket"]))
    await run(
        Part(
            name=cast("PartName", order["part"]),
            settings=settings,
            socket=listening,
            gateway_url=cast("str", order["gateway_url"]),
            control_url=cast("str", order["control_url"]),
            ready=lambda: tell(ready=order["part"]),
            stop=stop,
        )
    )


def _stop_at_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    if os.read(0, 4096) == b"":
        loop.remove_reader(0)
        stop.set()


if __name__ == "__main__":
    main()
