"""Simulators by the provider's name."""

import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from packhouse.simulators.anthropic.dialect import Anthropic
from packhouse.simulators.bedrock.dialect import Bedrock
from packhouse.simulators.cohere.dialect import Cohere
from packhouse.simulators.dialect import Credentials, Dialect, Provider
from packhouse.simulators.openai.dialect import OpenAI
from packhouse.simulators.replay import Replay
from packhouse.simulators.rules import Rule
from packhouse.simulators.server import Simulator

_DIALECTS: dict[Provider, Callable[[Credentials], Dialect]] = {
    "bedrock": Bedrock,
    "anthropic": Anthropic,
    "cohere": Cohere,
    "openai": OpenAI,
}
_KEYS: dict[Provider, str] = {
    "bedrock": "ABSK-simulated-key",
    "anthropic": "sk-ant-simulated-key",
    "cohere": "simulated-key",
    "openai": "sk-simulated-key",
}


def default_credentials(provider: Provider) -> Credentials:
    """What a simulator lets in if nothing else is said."""
    return Credentials(key=_KEYS[provider])


def new_simulator(
    provider: Provider,
    rules: Sequence[Rule] = (),
    *,
    credentials: Credentials | None = None,
    replay: Replay | None = None,
    tls: ssl.SSLContext | None = None,
) -> Simulator:
    """A simulator that does not listen yet."""
    credentials = credentials or default_credentials(provider)
    dialect = _DIALECTS[provider](credentials)
    return Simulator(dialect, credentials, rules=rules, replay=replay, tls=tls)


@asynccontextmanager
async def simulator(
    provider: Provider,
    rules: Sequence[Rule] = (),
    *,
    credentials: Credentials | None = None,
    replay: Replay | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[Simulator]:
    """A simulator on a free port of this machine, on the running event loop, until the block ends."""
    running = new_simulator(provider, rules, credentials=credentials, replay=replay, tls=tls)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
