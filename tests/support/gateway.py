"""A gateway in this process: the real routes over a real meter, with an upstream server of the tests' own."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from packhouse.entrypoints.gateway.app import GatewayApp, health
from packhouse.entrypoints.gateway.authorise import ConnectorGate
from packhouse.entrypoints.gateway.server import GatewayServer
from packhouse.entrypoints.gateway.stamps import Stamps
from packhouse.settings import Settings
from packhouse.wiring.catalog import UPSTREAM_MODEL
from packhouse.wiring.data_plane import DataPlane, open_data_plane
from packhouse.wiring.gateway import routes
from tests.support.installation import Installation, install


@dataclass(frozen=True, slots=True)
class PackModels:
    """The models of the packs, by their ids in the catalog."""

    text: str = UPSTREAM_MODEL
    embeddings: str = "local-embeddings"


@dataclass(frozen=True, slots=True)
class Gateway:
    """`base_url` ends in `/v1`; `keys` open a text pack, an embeddings pack, or a knowledge base with both."""

    base_url: str
    keys: dict[str, str]
    installation: Installation
    plane: DataPlane
    clients: list[AsyncOpenAI] = field(default_factory=list[AsyncOpenAI])

    def client(self, key: str = "text") -> AsyncOpenAI:
        """The unmodified client with one of the keys, or any other text; closed with the gateway."""
        self.clients.append(AsyncOpenAI(base_url=self.base_url, api_key=self.keys.get(key, key), max_retries=0))
        return self.clients[-1]

    async def usage(self) -> list[tuple[object, ...]]:
        """Input, output, source and outcome of every call, oldest first."""
        await self.plane.upkeep.drain()
        return self.installation.sql(
            "SELECT input, output, source, outcome FROM usage_record ORDER BY started_at, call_id"
        )

    def held(self) -> int:
        """What running calls hold, on all meters."""
        return sum(meter.held for account in self.plane.meter.months.values() for meter in account.meters)


@asynccontextmanager
async def gateway(
    directory: Path,
    upstream_url: str = "",
    *,
    limits: dict[str, int] | None = None,
    oldest: str = "",
    packs: PackModels | None = None,
    settings: Mapping[str, Any] | None = None,
) -> AsyncGenerator[Gateway]:
    """With quotas as `limits` says, for the text pack. `settings` replaces an OpenAI upstream at `upstream_url`."""
    packs = packs or PackModels()
    installation = install(directory)
    installation.pack("res_text", "text_generation", limits or {"input": 100_000, "output": 50_000}, model=packs.text)
    installation.pack("res_embed", "embeddings", {"input": 100_000}, model=packs.embeddings)
    installation.pack("res_base", "knowledge_base", {}, model="")
    installation.sql("UPDATE resource SET embeddings_resource_id = 'res_embed' WHERE id = 'res_base'")
    keys = {
        "text": installation.key("key_text", "res_text", public_id="texttexttext"),
        "embeddings": installation.key("key_embed", "res_embed", public_id="embedembedem"),
        "all": installation.key("key_all", "res_base", public_id="allallallall"),
    }
    installation.sql("INSERT INTO key_opening VALUES ('key_all', 'res_text', 1)")
    given = settings or {"upstream": (f"openai={upstream_url}",), "upstream_model": "m"}
    plane = await open_data_plane(Settings(data=str(directory), **given), kind="gateway")
    app = GatewayApp({**routes(plane), **health(lambda: True)}, connectors=ConnectorGate(oldest))
    stamped = Stamps(app, meter=plane.meter, models=plane.models)
    server = GatewayServer(stamped, clock=plane.clock, refuse=app.refuse)
    await server.start("127.0.0.1", 0)
    running = Gateway(f"http://127.0.0.1:{server.port}/v1", keys, installation, plane)
    try:
        yield running
    finally:
        for each in running.clients:
            await each.close()
        await server.drain(1)
        await plane.close()
