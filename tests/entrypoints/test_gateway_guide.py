"""The gateway's guide: every example is sent as the page has it, and answered as the page says."""

import base64
import json
import re
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from packhouse.adapters.documents.extract import DocumentExtractor
from packhouse.adapters.documents.split import PassageSplitter
from packhouse.entrypoints.gateway.routes import ROUTES
from packhouse.services.document import INGEST
from packhouse.services.ingestion import LEASE, Ingest, Reading
from tests.support.gateway import Gateway, gateway
from tests.support.needs import ROOT
from tests.support.upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.needs("embeddings")]

PAGE = ROOT / "docs" / "guide" / "gateway.md"
FENCE = re.compile(r"^```(http|json|text)(?: (\d+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BYTES_APART = 2_000_000
"""What a knowledge base takes on disk depends on the disk."""


async def test_the_examples_are_true(tmp_path: Path) -> None:
    with upstream() as (url, _):
        async with gateway(tmp_path, url) as running, httpx.AsyncClient(timeout=60) as http:
            document, answer = "", None
            for kind, status, body in FENCE.findall(PAGE.read_text()):
                if kind == "http":
                    if "GET /v1/knowledge/documents/" in body:
                        await _work(running)
                    answer = await http.send(_request(http, body.replace("doc_…", document), running))
                    assert answer.is_success or "max_results" in body, answer.text
                    document = re.search(r"doc_\w+", answer.text)[0] if "doc_" in answer.text else document  # type: ignore[index]
                    continue
                assert answer is not None
                assert answer.status_code == int(status), answer.text
                if kind == "json":
                    assert_like(answer.json(), json.loads(body), "$")
                else:
                    assert answer.text.strip() == body.strip()


def test_every_route_for_applications_is_named() -> None:
    text = PAGE.read_text()
    wanted = [route.pattern.replace("/collections/{collection}", "") for route in ROUTES if route.key]
    others = ("/messages", "/embed", "/v1/models/")
    tails = {path.rpartition("/")[2] for path in wanted if not any(other in path for other in others)}
    assert [tail for tail in tails if tail not in text] == []


async def _work(running: Gateway) -> None:
    """What a worker does meanwhile."""
    plane = running.plane
    reading = Reading(DocumentExtractor(), PassageSplitter(), 1_500, 150)
    ingest = Ingest(plane.bases, plane.chunks, jobs=plane.jobs, meter=plane.meter, reading=reading)
    while (job := await plane.jobs.claim((INGEST,), lease=LEASE)) is not None:
        await ingest.run(job)


def _request(http: httpx.AsyncClient, fence: str, running: Gateway) -> httpx.Request:
    head, _, body = fence.strip().partition("\n\n")
    first, *lines = head.split("\n")
    method, path = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    headers["authorization"] = f"Bearer {running.keys['all']}"
    url = running.base_url.removesuffix("/v1") + path
    return http.build_request(method, url, headers=headers, content=body.encode() or None)


def numbers(text: str) -> list[float]:
    """The whole numbers of four bytes at the start of a base64 text; their last bits are the processor's own."""
    data = base64.b64decode(text[: len(text) // 4 * 4])
    return list(struct.unpack_from(f"<{len(data) // 4}f", data))


def assert_like(given: Any, said: Any, place: str) -> None:
    """The same, but that an ellipsis stands for the rest of a text; instants, disks, similarities may differ."""
    match said:
        case dict():
            assert given.keys() == said.keys(), place
            for name, value in said.items():
                assert_like(given[name], value, f"{place}.{name}")
        case list():
            assert len(given) == len(said), place
            for number, value in enumerate(said):
                assert_like(given[number], value, f"{place}[{number}]")
        case str() if place.endswith("_at"):
            assert datetime.fromisoformat(given).tzinfo is not None, place
        case str() if place.endswith(".embedding"):
            start = said.removesuffix("…")
            assert numbers(given)[: len(numbers(start))] == pytest.approx(numbers(start), abs=0.01), place
        case str() if "…" in said:
            start, _, end = said.partition("…")
            assert given.startswith(start), (place, given)
            assert given.endswith(end), (place, given)
        case int() if place.endswith(".created"):
            assert isinstance(given, int), place
        case int() if place.endswith("disk_used_bytes"):
            assert abs(given - said) < BYTES_APART, place
        case float():
            assert given == pytest.approx(said, abs=0.01), place
        case _:
            assert given == said, place
