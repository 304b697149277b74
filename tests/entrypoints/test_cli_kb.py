"""`packhouse kb` against a gateway: collections, chunks, search, uploads, and how it ends."""

import json
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from packhouse.cli.main import main
from tests.connector.gateway import Gateway, running

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gateway() -> Generator[Gateway]:
    with running() as double:
        yield double


@pytest.fixture
def run(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("PACKHOUSE_CONNECTION_STRING", gateway.connection_string)

    def ran(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["packhouse", "kb", *arguments])
        capsys.readouterr()
        try:
            main()
            code: int | str | None = 0
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return int(code or 0), captured.out, captured.err

    return ran


def answer(ran: tuple[int, str, str]) -> Any:
    assert ran[0] == 0, ran
    return json.loads(ran[1])


def test_chunks_go_in_are_found_and_go(run: Run) -> None:
    inserted = answer(run("insert", "The gate opens at nine.", "Tea is served at four.", "--json"))
    assert inserted["chunks"] == 2
    found = answer(run("search", "when does the gate open", "--max-results", "1", "--json"))
    assert found["results"][0]["text"] == "The gate opens at nine."
    assert "The gate opens at nine." in run("search", "gate", "--mode", "keyword")[1]
    assert "Tea is served at four." in run("chunks")[1]
    assert "1 chunks deleted." in run("delete", "--id", inserted["ids"][0])[1]
    assert len(answer(run("chunks", "--json"))["chunks"]) == 1


def test_collections(run: Run) -> None:
    assert run("create", "handbook")[0] == 0
    assert {one["name"] for one in answer(run("collections", "--json"))["collections"]} == {"default", "handbook"}
    code, _, err = run("create", "handbook")
    assert (code, "[conflict]" in err) == (1, True)
    assert run("drop", "handbook", "--yes")[0] == 0
    assert "handbook" not in run("collections")[1]
    assert run("list")[0] == 0


def test_files_are_uploaded_and_a_failure_is_told(run: Run, tmp_path: Path) -> None:
    good, empty = tmp_path / "tea.txt", tmp_path / "empty.txt"
    good.write_text("Tea is served at four in the library.")
    empty.write_text("")
    code, out, _ = run("upload", str(good), "--meta", "lang=en", "--meta", "lang=de")
    assert (code, "tea.txt: doc_" in out) == (0, True)
    assert "was there already" in run("upload", str(good))[1]
    code, out, err = run("upload", str(empty), str(good))
    assert code == 1
    assert "empty.txt: " in err
    assert "1 of 2 files were not taken in." in err
    documents = answer(run("documents", "--json"))["documents"]
    assert {one["name"] for one in documents} >= {"tea.txt"}
    assert run("remove", documents[0]["id"])[0] == 0


def test_chunks_from_a_file_of_lines(run: Run, tmp_path: Path) -> None:
    lines = tmp_path / "chunks.jsonl"
    first = '{"text": "one", "object": {"id": "42"}, "metadata": {"lang": "en"}}'
    lines.write_text(first + '\n{"text": "two", "id": "b"}\n')
    assert answer(run("insert", "--jsonl", str(lines), "--json"))["chunks"] == 2
    assert len(answer(run("chunks", "--filter", '{"lang": "en"}', "--json"))["chunks"]) == 1
    lines.write_text('{"text": "one"}\n{"txt": 1}\n')
    code, _, err = run("insert", "--jsonl", str(lines))
    assert (code, "line 2" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("collections", "--connection", "nonsense"), 2),
        (("upload", "/nowhere/at/all.txt"), 2),
        (("delete",), 2),
        (("search", "x", "--filter", "{"), 2),
        (("insert",), 2),
        (("upload", __file__, "--meta", "nonsense"), 2),
        (("chunks", "--collection", "nowhere"), 1),
    ],
)
def test_how_it_ends(run: Run, arguments: tuple[str, ...], code: int) -> None:
    ended, out, err = run(*arguments)
    assert (ended, out) == (code, "")
    assert err.startswith("packhouse: ")


def test_nobody_answers(run: Run, gateway: Gateway) -> None:
    text = gateway.connection_string.partition("@")[0]
    code, _, err = run("collections", "--connection", f"{text}@http://127.0.0.1:9")
    assert code == 3
    assert err.startswith("packhouse: ")
