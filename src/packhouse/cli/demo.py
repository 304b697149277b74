"""`packhouse demo`: the main job on documents that ship with Packhouse, then it stays up."""

import asyncio
import os
import signal
import sys
import threading

import msgspec
import typer
from rich.console import Console

from packhouse.cli.demo_company import Api, DemoCompany, DemoKeys, Logins, Making, Resources, Tokens, operator_of
from packhouse.cli.demo_models import demo_models
from packhouse.cli.demo_state import DemoState, keep, state_of
from packhouse.cli.demo_story import Refusal, tell_story
from packhouse.cli.ending import REFUSED, Ended
from packhouse.cli.flags import with_settings
from packhouse.cli.serve import begin
from packhouse.domain.key import connection_string
from packhouse.settings import Settings, load
from packhouse.wiring.installation import FirstOperator
from packhouse.wiring.layout import layout_of

_DEFAULTS = {"data": "packhouse-demo", "log_level": "warning", "worker_port": "0"}
"""The demo's own: a directory of its own, no line for every request, and no port that nobody looks at."""
_REGION = "eu-central-1"


PATIENCE_SECONDS = 600.0
"""How long a document may take with the embedded models, on a machine that is slow."""

UPSTREAM_PATIENCE_SECONDS = 30.0
"""How long with a server that the settings point at: the job goes on trying, the demo does not wait for it."""


class Report(msgspec.Struct, frozen=True):
    """What `--json` prints when all is ready. `refusals`: what the story could not do."""

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
    refusals: list[Refusal]


class Demo:
    """One run of the demo over a supervisor."""

    def __init__(self, settings: Settings, *, quiet: bool) -> None:
        self._settings = settings
        self._quiet = quiet
        self._console = Console(stderr=quiet, quiet=quiet)
        self._layout = layout_of(settings)
        self._models = demo_models(settings)
        self._state: DemoState | None = None
        self._supervisor = begin(settings, self._operator, tell=self._say)
        self._failure: Exception | None = None

    def _operator(self) -> FirstOperator:
        self._state = state_of(self._layout, self._models)
        return operator_of(self._state.logins)

    async def run(self) -> None:
        """Until SIGTERM or Ctrl-C; Ended where the story could not be told."""
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
        if isinstance(self._failure, Ended) or (self._failure and self._settings.log_level == "debug"):
            raise self._failure
        if self._failure is not None:
            what = f"The demo stopped on a mistake of its own ({type(self._failure).__name__})."
            raise Ended(f"{what} With --log-level debug it says where.", REFUSED) from self._failure

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
        company = self._made()
        text = connection_string(company.keys.all, supervisor.gateway_url)
        refusals = tell_story(
            self._console,
            connection=text,
            company=company,
            admin=Api(supervisor.control_url, company.tokens.admin),
            urls=(supervisor.gateway_url, supervisor.control_url),
            patience_seconds=UPSTREAM_PATIENCE_SECONDS if self._settings.upstream else PATIENCE_SECONDS,
        )
        if self._quiet:
            sys.stdout.buffer.write(msgspec.json.encode(self._report(company, text, refusals=refusals)) + b"\n")
            sys.stdout.flush()

    def _made(self) -> DemoCompany:
        """The company that an earlier start made, or one that is made now."""
        state, url = self._state, self._supervisor.control_url
        assert state is not None
        if state.company is not None and Api(url, state.company.tokens.admin).works():
            return state.company
        region = _REGION if _REGION in self._settings.regions else self._settings.regions[0]
        company = Making(url, state.logins, models=self._models, region=region, tell=self._say).company()
        keep(self._layout, DemoState(state.logins, self._models, company))
        return company

    def _report(self, company: DemoCompany, text: str, *, refusals: list[Refusal]) -> Report:
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
            data_directory=str(self._layout.root),
            pid=os.getpid(),
            refusals=refusals,
        )

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)


@with_settings
def demo(
    *,
    flags: dict[str, str],
    json: bool = typer.Option(False, "--json", help="Print one JSON object when all is ready, and nothing else."),
) -> None:
    """Run the main job: provision three packs, ingest documents, ask questions; then stay up."""
    settings = load(flags, defaults=_DEFAULTS)
    try:
        asyncio.run(Demo(settings, quiet=json).run())
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise Ended(f"The demo stopped: {error.strerror or error}{where}.", REFUSED) from error


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)
