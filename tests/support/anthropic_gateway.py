"""Anthropic's own client at a gateway whose models are simulated, by a provider of each kind."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from anthropic import AsyncAnthropic

from packhouse.simulators import Provider, Replay, Rule, SeenCall, Simulator, simulator
from tests.support.gateway import Gateway, PackModels, gateway

MODELS: dict[Provider, str] = {
    "anthropic": "claude-sonnet-4-6",
    "bedrock": "claude-sonnet-4-6",
    "openai": "upstream-openai",
}
"""The model of the text pack, by who is behind."""


@dataclass(frozen=True, slots=True)
class Behind:
    """`client` is the unmodified `AsyncAnthropic`, strict about what it gets; `http` speaks as those before 2.0."""

    gate: Gateway
    sim: Simulator
    client: Any
    http: httpx.AsyncClient

    @property
    def asked(self) -> Any:
        """The body of the last call that the provider saw."""
        return self.sim.seen.last.json()

    @property
    def calls(self) -> list[SeenCall]:
        return list(self.sim.seen.calls)

    async def booked(self) -> list[tuple[object, ...]]:
        """The four classes of tokens, source and outcome of every call, oldest first."""
        await self.gate.plane.upkeep.drain()
        return self.gate.installation.sql(
            "SELECT input, output, cache_read, cache_write, source, outcome FROM usage_record"
            " ORDER BY started_at, call_id"
        )

    async def check_booked(self) -> None:
        """Each call is booked as the simulator told its client, and nothing is held."""
        told = [
            call.usage
            for call in self.calls
            if call.path.endswith(("/messages", "/completions", "converse", "converse-stream"))
        ]
        assert await self.booked() == [
            (usage.input, usage.output, usage.cache_read, usage.cache_write, "reported", "ok") for usage in told
        ]
        assert self.gate.held() == 0

    def with_key(self, name: str) -> Any:
        """The client with another of the gateway's keys, or any other text."""
        return self.client.with_options(api_key=self.gate.keys.get(name, name))


@asynccontextmanager
async def behind(
    directory: Path,
    provider: Provider,
    *rules: Rule,
    limits: dict[str, int] | None = None,
    replay: Replay | None = None,
    **settings: Any,
) -> AsyncGenerator[Behind]:
    limits = limits or {"input": 100_000_000, "output": 10_000_000}
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(simulator(provider, rules, replay=replay))
        url = sim.url + ("/v1" if provider == "openai" else "")
        given: dict[str, Any] = {"upstream": (f"{provider}={url}",), "upstream_key": sim.credentials.key}
        given |= {"upstream_model": "m"} if provider == "openai" else {}
        packs = PackModels(MODELS[provider])
        gate = await stack.enter_async_context(
            gateway(directory, settings=given | settings, packs=packs, limits=limits)
        )
        base_url, key = gate.base_url.removesuffix("/v1"), gate.keys["text"]
        client = await stack.enter_async_context(
            AsyncAnthropic(base_url=base_url, api_key=key, max_retries=0, timeout=20, _strict_response_validation=True)
        )
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=base_url, headers={"x-api-key": key, "anthropic-version": "2023-06-01"}, timeout=20
            )
        )
        yield Behind(gate, sim, client, http)
