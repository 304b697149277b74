"""`packhouse serve`: all parts of an installation, or some of them, until SIGTERM."""

import asyncio
import signal
import sys
from collections.abc import Callable
from types import FrameType

import typer

from packhouse.cli.flags import with_settings
from packhouse.settings import Settings, load
from packhouse.wiring.first_link import unused_link, write_link
from packhouse.wiring.installation import FirstOperator, needs_preparing, prepare
from packhouse.wiring.layout import layout_of
from packhouse.wiring.mistakes import refuse_mistakes
from packhouse.wiring.supervisor import Supervisor


@with_settings
def serve(*, flags: dict[str, str]) -> None:
    """Start the gateway, the management API with the portal, and the worker."""
    settings = load(flags)
    supervisor = begin(settings, FirstOperator, tell=say)
    asyncio.run(keep(supervisor, ready=lambda: print(ready_line(supervisor, settings), flush=True)))


def begin(settings: Settings, operator: Callable[[], FirstOperator], *, tell: Callable[[str], None]) -> Supervisor:
    """Everything that can be refused before a process is started; then the first start's work.

    `operator` is asked once the data directory is ours alone, and before anything in it was changed.
    """
    signal.signal(signal.SIGTERM, _leave)  # until the loop takes over
    refuse_mistakes(settings)
    supervisor = Supervisor(settings, tell=tell)
    supervisor.prepare()
    first = operator()
    if needs_preparing(settings):
        tell("Preparing the database.")
        token = prepare(settings, first).link
        link = write_link(settings, supervisor.control_url, token=token) if token else ""
    else:
        link = unused_link(settings, supervisor.control_url) if "control" in settings.parts else ""
    if link:
        tell(f"The operator's one-time link, also in {layout_of(settings).first_link}:\n  {link}")
    return supervisor


async def keep(supervisor: Supervisor, *, ready: Callable[[], None]) -> None:
    """Runs the parts until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    await supervisor.run(stop, ready=ready)


def ready_line(supervisor: Supervisor, settings: Settings) -> str:
    urls = {"gateway": supervisor.gateway_url, "control": supervisor.control_url}
    parts = ", ".join(f"{part} {urls[part]}" if part in urls else part for part in settings.parts)
    return f"Packhouse is ready: {parts}; data in {layout_of(settings).root}"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Told to stop before anything was started: nothing is left to drain."""
    raise SystemExit(0)


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)
