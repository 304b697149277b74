"""What gateway and worker share: the meter, models, and knowledge bases over this installation's data."""

from dataclasses import dataclass
from pathlib import Path

from packhouse.adapters.jobs.sqlite import SqliteJobs
from packhouse.adapters.metering.meter import LeasedMeter
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.models.http.client import UpstreamClient
from packhouse.adapters.models.local.embeddings import LocalEmbeddingsModel
from packhouse.adapters.models.local.llama import Llama
from packhouse.adapters.models.local.text import LocalTextModel
from packhouse.adapters.models.local.weights import Weights, installed_weights, own_weights
from packhouse.adapters.models.openai_compatible.adapter import OpenAICompatible
from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.domain.chat_part import Dialect
from packhouse.ports.models import EmbeddingsModel, Relay, TextModel
from packhouse.services.chunk import Chunks
from packhouse.services.embeddings import Embeddings
from packhouse.services.gate import Gate
from packhouse.services.knowledge import KnowledgeBases
from packhouse.services.models import Adapters, Models, Place
from packhouse.services.pump import Pumps
from packhouse.settings import Settings
from packhouse.wiring.catalog import catalog_of, upstreams_of
from packhouse.wiring.layout import Layout, layout_of


class Providers:
    """The adapters of models; the local ones load at their first call."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self._client = UpstreamClient()
        self._local_text = LocalTextModel(Llama(lambda: weights_of(settings), stamps=layout.models))
        self._local_embeddings = LocalEmbeddingsModel()
        text: dict[Place, TextModel] = {("local", region): self._local_text for region in settings.regions}
        embeddings: dict[Place, EmbeddingsModel] = {
            ("local", region): self._local_embeddings for region in settings.regions
        }
        relays: dict[tuple[Dialect, Place], Relay] = {}
        for upstream in upstreams_of(settings):
            adapter = OpenAICompatible(upstream.url, client=self._client, api_key=settings.upstream_key or None)
            for region in settings.regions:
                text[upstream.kind, region] = adapter
                relays["openai", (upstream.kind, region)] = adapter
        self.adapters = Adapters(text=text, embeddings=embeddings, relays=relays)

    def close(self) -> None:
        self._client.close()
        self._local_text.close()
        self._local_embeddings.close()


def weights_of(settings: Settings) -> Weights:
    """Refused: unavailable, setting_invalid."""
    return own_weights(Path(settings.local_text_model)) if settings.local_text_model else installed_weights()


@dataclass(frozen=True, slots=True)
class DataPlane:
    """Made by `open_data_plane`, ended by `close`."""

    clock: SystemClock
    ids: SystemIds
    meter: LeasedMeter
    upkeep: Upkeep
    providers: Providers
    models: Models
    embeddings: Embeddings
    gate: Gate
    pumps: Pumps
    engine: EmbeddedVectorEngine
    bases: KnowledgeBases
    chunks: Chunks
    jobs: SqliteJobs

    async def close(self) -> None:
        """After the last call: everything settled is in the database when this returns."""
        await self.pumps.close()
        self.providers.close()
        await self.engine.close()
        self.jobs.close()
        await self.upkeep.stop()


async def open_data_plane(settings: Settings, *, kind: str) -> DataPlane:
    """Registers the process with the meter and recovers what a dead one left."""
    layout = layout_of(settings)
    clock = SystemClock()
    ids = SystemIds(clock)
    meter = LeasedMeter(database=layout.database, journals=layout.journals, clock=clock, ids=ids)
    upkeep = Upkeep(meter, clock, kind=kind)
    await upkeep.start()
    providers = Providers(settings, layout)
    models = Models(
        catalog_of(settings),
        clock,
        adapters=providers.adapters,
    )
    gate = Gate(meter)
    embeddings = Embeddings(gate, models)
    engine = EmbeddedVectorEngine(layout.knowledge)
    bases = KnowledgeBases(engine, models, clock=clock, ids=ids)
    return DataPlane(
        clock=clock,
        ids=ids,
        meter=meter,
        upkeep=upkeep,
        providers=providers,
        models=models,
        embeddings=embeddings,
        gate=gate,
        pumps=Pumps(),
        engine=engine,
        bases=bases,
        chunks=Chunks(bases, embeddings, meter=meter, ids=ids),
        jobs=SqliteJobs(layout.database, clock, ids=ids),
    )
