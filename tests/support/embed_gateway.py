"""A gateway in this process whose embeddings models are scripted: the real routes, checks and meter over them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cohere import AsyncClient, AsyncClientV2
from openai import AsyncOpenAI

from packhouse.adapters.models.cl100k import Cl100k
from packhouse.adapters.models.scripted import Scripted
from packhouse.entrypoints.gateway.app import GatewayApp, health
from packhouse.entrypoints.gateway.authorise import ConnectorGate
from packhouse.entrypoints.gateway.server import GatewayServer
from packhouse.entrypoints.gateway.stamps import Stamps
from packhouse.services.embeddings import Embeddings
from packhouse.services.models import Adapters, Models
from packhouse.settings import Settings
from packhouse.wiring.catalog import UPSTREAM_EMBEDDINGS_MODEL, catalog_of
from packhouse.wiring.data_plane import DataPlane, open_data_plane
from packhouse.wiring.endpoints import UPSTREAM
from packhouse.wiring.gateway import routes
from tests.support.installation import Installation, install

REGION = "eu-central-1"
MODELS = {
    "v4": "cohere-embed-v4",
    "v3": "cohere-embed-english-v3",
    "local": "local-embeddings",
    "upstream": UPSTREAM_EMBEDDINGS_MODEL,
}
"""The packs by the name of their key, with their models."""


@dataclass(frozen=True, slots=True)
class EmbedGateway:
    """`url` is what Cohere's clients take. `keys` by the names of `MODELS`, and `text`."""

    url: str
    keys: dict[str, str]
    installation: Installation
    plane: DataPlane
    openai_clients: list[AsyncOpenAI] = field(default_factory=list[AsyncOpenAI])

    def cohere(self, key: str = "v4") -> AsyncClientV2:
        return AsyncClientV2(self.keys.get(key, key), base_url=self.url, max_retries=0)

    def cohere_v1(self, key: str = "v4") -> AsyncClient:
        return AsyncClient(self.keys.get(key, key), base_url=self.url, max_retries=0)

    def openai(self, key: str = "v4") -> AsyncOpenAI:
        """Closed with the gateway."""
        client = AsyncOpenAI(base_url=f"{self.url}/v1", api_key=self.keys.get(key, key), max_retries=0)
        self.openai_clients.append(client)
        return client

    async def usage(self) -> list[tuple[object, ...]]:
        """Input tokens, source and outcome of every call, oldest first."""
        await self.plane.upkeep.drain()
        return self.installation.sql("SELECT input, source, outcome FROM usage_record ORDER BY started_at, call_id")

    def held(self) -> int:
        return sum(meter.held for account in self.plane.meter.months.values() for meter in account.meters)


def _scripted(plane: DataPlane, settings: Settings, model: Scripted) -> DataPlane:
    """The plane with `model` in every place."""
    small = Scripted(dimensions=512)
    places = {(UPSTREAM, REGION): small, ("local", REGION): small, ("bedrock", REGION): model}
    models = Models(catalog_of(settings), plane.clock, adapters=Adapters(embeddings=places))
    return replace(plane, models=models, embeddings=Embeddings(plane.gate, models, reader=Cl100k()))


@asynccontextmanager
async def embed_gateway(
    directory: Path, model: Scripted | None = None, *, limit: int = 5_000_000
) -> AsyncGenerator[EmbedGateway]:
    """`model` is behind Cohere's models; `limit` is the input quota of every pack."""
    installation = install(directory)
    keys = dict[str, str]()
    for name, model_id in MODELS.items():
        installation.pack(f"res_{name}", "embeddings", {"input": limit}, model=model_id)
        keys[name] = installation.key(f"key_{name}", f"res_{name}", public_id=(name * 12)[:12])
    installation.pack("res_text", "text_generation", {"input": limit, "output": limit})
    keys["text"] = installation.key("key_text", "res_text", public_id="texttexttext")
    settings = Settings(
        data=str(directory), upstream=("openai=http://127.0.0.1:9",), upstream_model="m", upstream_embeddings_model="e"
    )
    plane = await open_data_plane(settings, kind="gateway")
    plane = _scripted(plane, settings, model or Scripted(dimensions=1536))
    app = GatewayApp({**routes(plane), **health(lambda: True)}, connectors=ConnectorGate(""))
    stamped = Stamps(app, meter=plane.meter, models=plane.models)
    server = GatewayServer(stamped, clock=plane.clock, refuse=app.refuse)
    await server.start("127.0.0.1", 0)
    running = EmbedGateway(f"http://127.0.0.1:{server.port}", keys, installation, plane)
    try:
        yield running
    finally:
        for client in running.openai_clients:
            await client.close()
        await server.drain(1)
        await plane.close()
