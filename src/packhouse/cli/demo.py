"""`packhouse demo`: the main job on documents that ship with Packhouse, then it stays up."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping

import msgspec
import typer
from rich.console import Console

from packhouse.cli.demo_company import (
    Api,
    DemoCompany,
    DemoKeys,
    Logins,
    Resources,
    Tokens,
    make_company,
    new_logins,
    operator_of,
)
from packhouse.cli.demo_models import demo_models
from packhouse.cli.demo_story import tell_story
from packhouse.cli.flags import with_settings
from packhouse.cli.serve import begin
from packhouse.domain.errors import Refused
from packhouse.domain.key import connection_string
from packhouse.settings import Settings, load
from packhouse.wiring.layout import layout_of
from packhouse_connector import PackhouseError

_QUIETER = {"data": "packhouse-demo", "log_level": "warning"}
"""The demo's own defaults: a data directory of its own, and no line for every request."""


class Report(msgspec.Struct, frozen=True):
    """What `--json` prints when all is ready."""

    gateway_url: str
    control_url: str
    openai_base_url: str
    anthropic_base_url: str
    cohere_base_url: str
    keys: DemoKeys
    connection_string: str
    resources: Resources
    collection: str
    logins: Logins
    tokens: Tokens
    data_directory: str
    pid: int


class Demo:
    """One run of the demo over a supervisor."""

    def __init__(self, settings: Settings, *, quiet: bool) -> None:
        self._settings = settings
        self._quiet = quiet
        self._console = Console(stderr=quiet, quiet=quiet)
        self._state = layout_of(settings).root / "demo.json"
        self._company = self._remembered()
        self._logins = self._company.logins if self._company else new_logins()
        self._supervisor = begin(settings, operator_of(self._logins), tell=self._say)
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Until SIGTERM or Ctrl-C; Refused where the story could not be told."""
        stop, ready = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        self._say("Starting the gateway, the management API with the portal, and the worker ...")
        serving = asyncio.create_task(self._supervisor.run(stop, ready=ready.set))
        await asyncio.wait([asyncio.create_task(ready.wait()), serving], return_when=asyncio.FIRST_COMPLETED)
        if ready.is_set():
            teller = threading.Thread(target=self._tell, args=(loop, stop), daemon=True)
            teller.start()
        await serving
        if isinstance(self._failure, PackhouseError):
            raise Refused("unavailable", f"The demo stopped: {self._failure.message}") from self._failure
        if self._failure is not None:
            raise self._failure

    def _tell(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
        """In a thread of its own, since it waits for answers; a failure ends the demo."""
        try:
            self._story()
        except Exception as error:
            if not stop.is_set():
                self._failure = error
                loop.call_soon_threadsafe(stop.set)

    def _story(self) -> None:
        supervisor = self._supervisor
        company = self._company
        if company is None:
            models = demo_models(self._settings)
            company = make_company(supervisor.control_url, self._logins, models=models, tell=self._say)
            self._remember(company)
        text = connection_string(company.keys.all, supervisor.gateway_url)
        tell_story(
            self._console,
            connection=text,
            company=company,
            admin=Api(supervisor.control_url, company.tokens.admin),
            urls=(supervisor.gateway_url, supervisor.control_url),
            needs_documents=not self._settings.upstream,
        )
        if self._quiet:
            sys.stdout.buffer.write(msgspec.json.encode(self._report(company, text)) + b"\n")
            sys.stdout.flush()

    def _report(self, company: DemoCompany, text: str) -> Report:
        gateway = self._supervisor.gateway_url
        return Report(
            gateway_url=gateway,
            control_url=self._supervisor.control_url,
            openai_base_url=f"{gateway}/v1",
            anthropic_base_url=gateway,
            cohere_base_url=gateway,
            keys=company.keys,
            connection_string=text,
            resources=company.resources,
            collection="default",
            logins=company.logins,
            tokens=company.tokens,
            data_directory=str(layout_of(self._settings).root),
            pid=os.getpid(),
        )

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def _remembered(self) -> DemoCompany | None:
        if not self._state.exists():
            return None
        return msgspec.json.decode(self._state.read_bytes(), type=DemoCompany)

    def _remember(self, company: DemoCompany) -> None:
        descriptor = os.open(self._state, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(company))


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """What the environment says about the settings that the demo has defaults for."""
    named = {name: f"PACKHOUSE_{name.upper()}" for name in _QUIETER}
    return {name: environment[variable] for name, variable in named.items() if variable in environment}


@with_settings
def demo(
    *,
    flags: dict[str, str],
    json: bool = typer.Option(False, "--json", help="Print one JSON object when all is ready, and nothing else."),
) -> None:
    """Run the main job: provision three packs, ingest documents, ask questions; then stay up."""
    settings = load({**_QUIETER, **_given(os.environ), **flags})
    asyncio.run(Demo(settings, quiet=json).run())


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)
