"""Knowledge services over a real meter, a real queue and the embedded engine; embeddings come from a script."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.documents.extract import DocumentExtractor
from packhouse.adapters.documents.split import PassageSplitter
from packhouse.adapters.jobs.queue import JobQueue
from packhouse.adapters.metering.meter import LeasedMeter
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.models.scripted import Script, Scripted
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.ports.jobs import Job
from packhouse.services.chunk import Chunks
from packhouse.services.document import INGEST, Documents
from packhouse.services.embeddings import Embeddings
from packhouse.services.gate import Gate
from packhouse.services.ingestion import Ingest, Reading
from packhouse.services.knowledge import KnowledgeBase, KnowledgeBases
from packhouse.services.models import Adapters, Models
from packhouse.services.search import Search
from packhouse.services.unstaging import UNSTAGE, Unstage
from tests.support.installation import NOW, Installation, install

LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class KnowledgeHouse:
    """`base` is the knowledge base `res_base` with its embeddings pack `res_embed`."""

    installation: Installation
    clock: SetClock
    model: Scripted
    engine: EmbeddedVectorEngine
    meter: LeasedMeter
    upkeep: Upkeep
    jobs: JobQueue
    bases: KnowledgeBases
    chunks: Chunks
    search: Search
    documents: Documents
    base: KnowledgeBase

    def ingest(self, characters: int = 120) -> Ingest:
        reading = Reading(DocumentExtractor(), PassageSplitter(), characters, characters // 10)
        return Ingest(self.bases, self.chunks, jobs=self.jobs, meter=self.meter, reading=reading)

    async def claim(self) -> Job:
        job = await self.jobs.claim((INGEST,), lease=LEASE)
        assert job is not None
        return job

    async def work(self) -> None:
        """What a worker does until nothing is due."""
        handlers = {INGEST: self.ingest().run, UNSTAGE: Unstage(self.bases, self.jobs, meter=self.meter).run}
        while (job := await self.jobs.claim(tuple(handlers), lease=LEASE)) is not None:
            await handlers[job.kind](job)

    async def counted(self) -> tuple[int, ...]:
        """Searches, inserts, chunks, bytes in the database."""
        await self.upkeep.drain()
        columns = "sum(searches), sum(inserts), sum(chunks), sum(bytes)"
        return tuple(int(str(value)) for value in self.installation.sql(f"SELECT {columns} FROM knowledge_hour")[0])

    async def tokens(self) -> int:
        """Booked on the embeddings pack."""
        await self.upkeep.drain()
        return self.installation.count("SELECT coalesce(sum(input), 0) FROM usage_record")


@asynccontextmanager
async def knowledge_house(directory: Path, *scripts: Script, tokens: int = 1_000_000) -> AsyncGenerator[KnowledgeHouse]:
    installation = install(directory)
    installation.pack("res_embed", "embeddings", {"input": tokens}, model="local-embeddings")
    installation.pack("res_base", "knowledge_base", {}, model="")
    installation.sql("UPDATE resource SET embeddings_resource_id = 'res_embed' WHERE id = 'res_base'")
    key = installation.key("key_1", "res_base")
    clock = SetClock(NOW)
    ids = SystemIds(clock)
    meter = LeasedMeter(database=installation.database, journals=installation.journals, clock=clock, ids=ids)
    upkeep = Upkeep(meter, clock, kind="gateway")
    await upkeep.start()
    model = Scripted(*scripts, dimensions=512)
    regions = ("eu-central-1", "ca-central-1")
    adapters = Adapters(embeddings={(route, region): model for route in ("local", "bedrock") for region in regions})
    models = Models(read_catalog(None), clock, adapters=adapters)
    engine = EmbeddedVectorEngine(directory / "knowledge")
    jobs = JobQueue(installation.database, clock, ids=ids)
    bases = KnowledgeBases(engine, models, clock=clock, ids=ids)
    embeddings = Embeddings(Gate(meter), models)
    yield KnowledgeHouse(
        installation=installation,
        clock=clock,
        model=model,
        engine=engine,
        meter=meter,
        upkeep=upkeep,
        jobs=jobs,
        bases=bases,
        chunks=Chunks(bases, embeddings, meter=meter, ids=ids),
        search=Search(bases, embeddings, meter=meter),
        documents=Documents(bases, jobs, clock=clock, ids=ids),
        base=await bases.chosen(await meter.access(key), ""),
    )
    await engine.close()
    jobs.close()
    await upkeep.stop()
