"""What gateway and worker share: the meter, models, and knowledge bases over this installation's data."""

from dataclasses import dataclass

from packhouse.adapters.jobs.queue import JobQueue
from packhouse.adapters.metering.fence import Terms
from packhouse.adapters.metering.meter import LeasedMeter
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.models.cl100k import Cl100k
from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.services.chunk import Chunks
from packhouse.services.embeddings import Embeddings
from packhouse.services.gate import Gate
from packhouse.services.knowledge import KnowledgeBases
from packhouse.services.models import Models
from packhouse.services.pump import Pumps
from packhouse.settings import Settings
from packhouse.wiring.catalog import catalog_of
from packhouse.wiring.layout import database_of, layout_of
from packhouse.wiring.providers import Providers


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
    jobs: JobQueue

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
    meter = LeasedMeter(
        database=database_of(settings),
        journals=layout.journals,
        clock=clock,
        ids=ids,
        waiting_max=settings.meter_waiting_max,
    )
    upkeep = Upkeep(meter, clock, kind=kind, terms=Terms(settings.meter_lease_seconds * 1_000_000))
    await upkeep.start()
    providers = Providers(settings, layout, clock=clock)
    models = Models(
        catalog_of(settings),
        clock,
        adapters=providers.adapters,
    )
    gate = Gate(meter)
    embeddings = Embeddings(gate, models, reader=Cl100k())
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
        jobs=JobQueue(database_of(settings), clock, ids=ids),
    )
