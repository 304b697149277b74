"""The worker part: takes documents in and sends alerts out, beside a small server that says how it is."""

import asyncio

from packhouse.adapters.documents.extract import DocumentExtractor
from packhouse.adapters.documents.split import PassageSplitter
from packhouse.entrypoints.worker.health import WorkerHealth
from packhouse.entrypoints.worker.loop import WorkerLoop
from packhouse.services.document import INGEST
from packhouse.services.dues import ERASE
from packhouse.services.erasure import Erase
from packhouse.services.ingestion import Ingest, Reading
from packhouse.services.unstaging import UNSTAGE, Unstage
from packhouse.wiring.alerts import open_alerts
from packhouse.wiring.data_plane import open_data_plane
from packhouse.wiring.part import Part


async def run(part: Part) -> None:
    """Until `part.stop`; jobs that do not end within the drain time are resumed by the next worker."""
    settings = part.settings
    plane = await open_data_plane(settings, kind="worker")
    try:
        reading = Reading(
            DocumentExtractor(), PassageSplitter(), settings.chunk_characters, settings.chunk_overlap_characters
        )
        ingest = Ingest(plane.bases, plane.chunks, jobs=plane.jobs, meter=plane.meter, reading=reading)
        erase = Erase(plane.bases, plane.jobs)
        unstage = Unstage(plane.bases, plane.jobs, meter=plane.meter)
        handlers = {INGEST: ingest.run, ERASE: erase.run, UNSTAGE: unstage.run}
        given_up = {INGEST: ingest.give_up}
        loop = WorkerLoop(plane.jobs, handlers, at_once=settings.worker_jobs, given_up=given_up)
        health = WorkerHealth(ready=lambda: not part.stop.is_set())
        server = await asyncio.start_server(health.answer, sock=part.socket)
        part.ready()
        with open_alerts(part, plane) as alerts:
            async with server:
                await asyncio.gather(loop.run(part.stop), alerts.run(part.stop))
                await asyncio.gather(loop.drain(settings.drain_seconds), alerts.drain(settings.drain_seconds))
    finally:
        await plane.close()
