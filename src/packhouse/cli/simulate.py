"""`packhouse simulate`: simulated model providers, until SIGTERM."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.command import Options, with_options
from packhouse.domain.errors import Refused
from packhouse.simulators import (
    Credentials,
    Provider,
    ReplayUnreadable,
    RulesUnreadable,
    Simulator,
    default_credentials,
    load_replay,
    load_rules,
    new_simulator,
)

PROVIDERS: tuple[Provider, ...] = get_args(Provider)


class Started(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client needs. `base_url` is what the provider's own client takes as its base or endpoint URL."""

    provider: Provider
    url: str
    base_url: str
    key: str
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""
    pid: int


class Wanted(Options, frozen=True, kw_only=True):
    """How simulators are started."""

    host: Annotated[str, Meta(description="The address that they listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="The port; 0 picks a free one. `all` counts up from it.")] = 0
    rules: Annotated[str | None, Meta(description="A file of rules (TOML or JSON): what to answer, and how.")] = None
    replay: Annotated[
        str | None,
        Meta(description="A file of recorded exchanges (JSON lines, gzipped or not) that are served where they fit."),
    ] = None
    tls_cert: Annotated[str | None, Meta(description="A certificate (PEM): serve HTTPS.")] = None
    tls_key: Annotated[str | None, Meta(description="The certificate's private key (PEM).")] = None
    key: Annotated[str | None, Meta(description="The API key that is let in (bearer key at Bedrock).")] = None
    access_key: Annotated[str | None, Meta(description="The AWS access key that is let in.")] = None
    secret_key: Annotated[str | None, Meta(description="Its secret key.")] = None
    session_token: Annotated[str | None, Meta(description="The session token that goes with it.")] = None
    any_key: Annotated[bool, Meta(description="Let in whoever asks.")] = False


@with_options
def simulate(
    *,
    provider: Literal["bedrock", "anthropic", "cohere", "openai", "all"] = typer.Argument(
        help="bedrock, anthropic, cohere, openai or all."
    ),
    wanted: Wanted,
) -> None:
    """Serve a simulated model provider; print one JSON line with its URL and keys when it is ready."""
    wished = PROVIDERS if provider == "all" else (provider,)
    simulators = [_made(each, wanted) for each in wished]
    asyncio.run(_run(simulators, wanted, ready=lambda: _tell(simulators, together=provider == "all")))


def _made(provider: Provider, wanted: Wanted) -> Simulator:
    try:
        rules = load_rules(Path(wanted.rules)) if wanted.rules else ()
        replay = load_replay(Path(wanted.replay)) if wanted.replay else None
    except (RulesUnreadable, ReplayUnreadable) as error:
        raise typer.BadParameter(str(error)) from error
    return new_simulator(provider, rules, credentials=_credentials(provider, wanted), replay=replay, tls=_tls(wanted))


def _credentials(provider: Provider, wanted: Wanted) -> Credentials:
    usual = default_credentials(provider)
    return Credentials(
        key=usual.key if wanted.key is None else wanted.key,
        access_key=wanted.access_key or usual.access_key,
        secret_key=wanted.secret_key or usual.secret_key,
        session_token=wanted.session_token or "",
        any_key=wanted.any_key,
    )


def _tls(wanted: Wanted) -> ssl.SSLContext | None:
    if not wanted.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(wanted.tls_cert, wanted.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise typer.BadParameter(f"{wanted.tls_cert}: {error}") from error
    return context


async def _run(simulators: Sequence[Simulator], wanted: Wanted, *, ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    async with AsyncExitStack() as stack:
        for place, each in enumerate(simulators):
            port = wanted.port + place if wanted.port else 0
            try:
                await each.start(wanted.host, port)
            except OSError as error:
                text = f"Port {port} of {wanted.host} cannot be listened on: {error.strerror}."
                raise Refused("port_in_use", text, port=port) from error
            stack.push_async_callback(each.stop)
        ready()
        await stop.wait()


def _tell(simulators: Sequence[Simulator], *, together: bool) -> None:
    started = {it.name: _started(it) for it in simulators}
    line = msgspec.json.encode(started if together else next(iter(started.values())))
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()


def _started(simulator: Simulator) -> Started:
    credentials = simulator.credentials
    signs = simulator.name == "bedrock"
    return Started(
        provider=simulator.name,
        url=simulator.url,
        base_url=f"{simulator.url}/v1" if simulator.name == "openai" else simulator.url,
        key=credentials.key,
        access_key=credentials.access_key if signs else "",
        secret_key=credentials.secret_key if signs else "",
        session_token=credentials.session_token if signs else "",
        pid=os.getpid(),
    )
