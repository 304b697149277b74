"""Content-blind: what applications send and get must not be written anywhere but in a knowledge base's own storage."""

import json
import os
import resource
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.canary import content_of, seen_below, seen_in, written_in_all_forms
from tests.support.running import Running, demo
from tests.support.upstream import upstream

CANARY = "Qz7canaryÖ93kmx41vw"
CONTENT = frozenset({"knowledge"})
"""The folder of the data directory that holds knowledge bases: content belongs there."""

pytestmark = [pytest.mark.needs("embeddings"), pytest.mark.needs("weights"), pytest.mark.needs("linux")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary")


@pytest.fixture(scope="module")
def running(place: Path) -> Generator[Running]:
    """With core dumps allowed by the system, and every log line on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with upstream() as (url, _), demo(place, "--upstream", f"openai={url}", "--log-level", "debug") as up:
            yield up
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def test_the_search_finds_a_planted_leak_in_every_form(tmp_path: Path) -> None:
    planted = written_in_all_forms(tmp_path, CANARY)
    missed = [name for name, path in planted.items() if seen_in(path.read_bytes(), CANARY) is None]
    assert missed == []
    assert len(seen_below(tmp_path, CANARY)) == len(planted)


@pytest.mark.needs("core files")
def test_the_search_finds_a_leak_in_a_core_dump(tmp_path: Path) -> None:
    program = f"import os; text = {CANARY!r} * 3; os.abort()"
    limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, limit)),
    )
    assert any("core" in hit for hit in seen_below(tmp_path, CANARY))


def test_nothing_is_written_of_what_passes_through(running: Running, place: Path) -> None:
    vector = _every_route(running)
    time.sleep(1.0)
    crash_every_part(running)
    assert seen_below(place, CANARY, apart_from=CONTENT) == []
    assert _files_with(place, vector) == []


def _every_route(running: Running) -> bytes:
    """Sends the canary through every route and into each of its errors; the vector of it, in bytes."""
    local = _local_text_key(running)
    with running.client() as gateway:
        _chat(gateway, running.report["keys"]["all"])
        _chat(gateway, local)
        _messages(gateway, running.report["keys"]["all"])
        _messages(gateway, local)
        _embed(gateway)
        _knowledge(gateway)
        answer = gateway.post("/v1/embeddings", json={"input": CANARY, "encoding_format": "float"}).json()
        assert len(answer["data"][0]["embedding"]) == 512
        gateway.post("/v1/embeddings", json={"input": [CANARY], "dimensions": 7})
        gateway.post("/v1/embeddings", json={"input": {"no": CANARY}})
        gateway.get(f"/v1/models/{CANARY}")
        gateway.get("/v1/models", headers={"authorization": f"Bearer {CANARY.encode().hex()}"})
        gateway.post(f"/v1/none/{CANARY}", content=CANARY.encode())
    _control(running)
    return struct.pack("<8f", *answer["data"][0]["embedding"][:8])


def _chat(gateway: httpx.Client, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"}

    def ask(text: str, **more: Any) -> httpx.Response:
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": 24, **more}
        return gateway.post("/v1/chat/completions", json=body, headers=headers)

    assert ask(CANARY).status_code == 200
    assert ask(CANARY, stream=True).text.rstrip().endswith("data: [DONE]")
    assert ask(CANARY, packhouse={"knowledge": [{"collection": "default"}]}).status_code == 200
    assert ask(CANARY, packhouse={"knowledge": [{"collection": CANARY}]}).status_code in {200, 404}
    for trouble in ("STATUS 400", "STATUS 401", "STATUS 429", "STATUS 500", "GARBAGE", "CUT", "SILENT"):
        ask(f"{CANARY} {trouble}")
        ask(f"{CANARY} {trouble}", stream=True)
    assert ask(CANARY, model=CANARY).status_code == 404
    assert ask(CANARY, max_tokens=-1).status_code == 400
    assert ask(CANARY, temperature=99, tools=[{"type": CANARY}]).status_code in {200, 400}
    assert ask(CANARY * 300_000).status_code in {200, 400, 429}
    broken = json.dumps({"messages": [{"role": "user", "content": CANARY}]}).encode()[:-4]
    assert gateway.post("/v1/chat/completions", content=broken, headers=headers).status_code == 400
    leaving = {"messages": [{"role": "user", "content": CANARY}], "max_tokens": 500, "stream": True}
    with gateway.stream("POST", "/v1/chat/completions", json=leaving, headers=headers) as left:
        next(left.iter_raw(), None)


def _messages(gateway: httpx.Client, key: str) -> None:
    """Anthropic's dialect."""
    headers = {"authorization": f"Bearer {key}", "anthropic-beta": CANARY.encode().hex()}

    def ask(text: str, **more: Any) -> httpx.Response:
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": 24, "system": CANARY} | more
        return gateway.post("/v1/messages", json=body, headers=headers)

    assert ask(CANARY).status_code in {200, 400}
    assert ask(CANARY, stream=True).status_code in {200, 400}
    plain = {"authorization": f"Bearer {key}"}
    said = {"messages": [{"role": "user", "content": CANARY}], "max_tokens": 24}
    assert gateway.post("/v1/messages", json=said, headers=plain).status_code == 200
    assert "message_stop" in gateway.post("/v1/messages", json={**said, "stream": True}, headers=plain).text
    for trouble in ("STATUS 400", "STATUS 401", "STATUS 429", "STATUS 500", "GARBAGE", "CUT", "SILENT"):
        turn = [{"role": "user", "content": f"{CANARY} {trouble}"}]
        for stream in (False, True):
            gateway.post("/v1/messages", json={**said, "messages": turn, "stream": stream}, headers=plain)
    assert ask(CANARY, model=CANARY).status_code == 404
    assert ask(CANARY, max_tokens=CANARY).status_code == 400
    assert ask(CANARY, messages=[{"role": "user", "content": [{"type": CANARY, "text": CANARY}]}]).status_code == 400
    assert ask(CANARY, container=CANARY).status_code == 400
    gateway.post("/v1/messages/count_tokens", json=said, headers=plain)
    gateway.get(f"/v1/models/{CANARY}", headers={**plain, "anthropic-version": CANARY.encode().hex()})


def _embed(gateway: httpx.Client) -> None:
    """Cohere's dialect."""
    for path in ("/v1/embed", "/v2/embed"):
        assert gateway.post(path, json={"texts": [CANARY], "input_type": "search_query"}).status_code == 200
        assert gateway.post(path, json={"texts": [CANARY], "input_type": CANARY}).status_code in {400, 422}
        assert gateway.post(path, json={"images": [CANARY], "input_type": "image"}).status_code in {400, 422}
        assert (
            gateway.post(path, json={"model": CANARY, "texts": [CANARY], "input_type": "clustering"}).status_code == 404
        )


def _knowledge(gateway: httpx.Client) -> None:
    base = "/v1/knowledge/collections/default"
    assert gateway.post(f"{base}/chunks", json={"chunks": [{"text": CANARY}]}).status_code == 200
    assert gateway.post(f"{base}/chunks", json={"chunks": [{"text": CANARY, "x": 1}]}).status_code == 400
    assert gateway.post("/v1/knowledge/search", json={"text": CANARY}).status_code == 200
    assert gateway.post("/v1/knowledge/search", json={"text": CANARY, "mode": "hybrid"}).status_code == 200
    assert gateway.post("/v1/knowledge/search", json={"text": CANARY, "filter": {"$no": CANARY}}).status_code == 400
    assert gateway.get(f"{base}/chunks", params={"filter": json.dumps({"a": CANARY})}).status_code == 200
    for name, data in ((f"{CANARY}.txt", CANARY.encode()), (f"{CANARY}.pdf", b"%PDF-" + CANARY.encode())):
        taken = gateway.post(
            f"{base}/documents", params={"name": name, "metadata": f'{{"a": "{CANARY}"}}'}, content=data
        )
        assert taken.status_code == 202
        _settled(gateway, taken.json()["document"]["id"])


def _settled(gateway: httpx.Client, document_id: str) -> None:
    deadline = time.monotonic() + 60
    while gateway.get(f"/v1/knowledge/documents/{document_id}").json()["document"]["state"] in {"waiting", "running"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _control(running: Running) -> None:
    with running.api() as api:
        api.post("/sessions", json={"email": f"{CANARY}@demo.example", "password": CANARY})
        api.post("/sessions", json={"email": running.report["logins"]["admin"]["email"], "password": CANARY})
        api.post("/tokens", content=CANARY.encode())
    with httpx.Client(base_url=running.control) as portal:
        portal.get("/", params={"q": CANARY})
        portal.post("/sign-in", data={"email": CANARY, "password": CANARY})


def _local_text_key(running: Running) -> str:
    """A key of a second text pack, on the local model."""
    with running.api() as api:
        home = api.get(f"/resources/{running.report['resources']['text']}").json()
        order = {
            "type": "text_generation",
            "display_name": "Local",
            "region": home["region"],
            "plan": "S",
            "model": "local-text",
        }
        made = api.post(f"/companies/{home['company_id']}/resources", json=order)
        assert made.status_code == 201, made.text
        body = {"description": "", "open_to": [running.report["resources"]["knowledge"]]}
        return api.post(f"/resources/{made.json()['id']}/keys", json=body).json()["key"]


def crash_every_part(running: Running) -> None:
    """As a fault in a library would: no core dump may be left of a process that handled content."""
    for part in running.parts().values():
        part.send_signal(signal.SIGSEGV)
        part.wait(10)
    deadline = time.monotonic() + 30
    while len(running.parts()) < 3:
        assert time.monotonic() < deadline, "the supervisor starts every part again"
        time.sleep(0.1)


def _files_with(folder: Path, form: bytes) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not CONTENT & set(path.relative_to(folder).parts)]
    return [os.fspath(path) for path in files if form in content_of(path)]
