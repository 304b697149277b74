"""`packhouse serve`: all parts of an installation, or some of them, until SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import typer

from packhouse.cli.flags import with_settings
from packhouse.domain.errors import Refused
from packhouse.settings import Settings, load
from packhouse.wiring.catalog import catalog_of
from packhouse.wiring.installation import FirstOperator, needs_preparing, prepare
from packhouse.wiring.layout import layout_of
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
    catalog_of(settings)
    supervisor = Supervisor(settings, tell=tell)
    supervisor.prepare()
    first = operator()
    if needs_preparing(settings):
        tell("Preparing the database.")
        link = prepare(settings, first).link
        if link:
            _hand_over(settings, f"{supervisor.control_url}/link/{link}", tell=tell)
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


def _hand_over(settings: Settings, link: str, *, tell: Callable[[str], None]) -> None:
    """The operator's one-time link: to a file that only its owner reads, and to the terminal."""
    path = layout_of(settings).first_link
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, (link + "\n").encode())
    except OSError as error:
        raise Refused("data_directory_unusable", f"{path} cannot be written: {error.strerror}.") from error
    finally:
        os.close(descriptor)
    tell(f"The operator's one-time link, also in {path}:\n  {link}")


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)
