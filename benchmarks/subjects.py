"""Something that is measured beside others: its runs by kind of call and number of connections."""

import statistics
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import load
import psutil
from installation import cpu_seconds
from load import Question
from peers.peer import NotRun, Peer, tree
from provider import PIECES, Provider
from served import Provisioned

QUIET_SECONDS, QUIET_SHARE, LOUD_SECONDS_MAX = 0.3, 0.15, 15.0
STREAMS = 5
PATIENT = 4
"""So many times as long is a run that would else end before each connection had an answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run; no latencies where no answer came. `busy`: how much of its core the gateway took; `cpu`: all, a call."""

    rate: float
    p50_milliseconds: float | None
    p99_milliseconds: float | None
    cpu_microseconds: float | None
    busy: float | None
    failed: int


@dataclass(slots=True)
class Subject:
    """`pid`: the root of its processes; `core_pid`: the one that has the gateway's core, None for the whole tree."""

    name: str
    url: str
    questions: dict[str, Question]
    pid: int | None = None
    core_pid: int | None = None
    leaves_out: str = ""
    start_seconds: float | None = None
    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict[tuple[str, int], list[Sample]])
    first_piece_milliseconds: float = 0.0
    _patient: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    def measure(self, kind: str, *, connections: int, seconds: float) -> None:
        place = (kind, connections)
        sample, answers = self._run(place, seconds * (PATIENT if place in self._patient else 1))
        if answers < connections and place not in self._patient:
            self._patient.add(place)
            self._settle()
            sample, _ = self._run(place, seconds * PATIENT)
        self.samples.setdefault(place, []).append(sample)
        self._settle()

    def prove(self) -> None:
        """It answers well: raises NotRun where a stream is not whole."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            plain, streamed = self.questions["plain"], self.questions["streaming"]
            answer = client.post(self.url + plain.path, content=plain.body, headers=plain.headers)
            if answer.status_code != 200 or "How can I help" not in answer.text:
                raise NotRun(f"it answers {answer.status_code}: {answer.text[:150]}")
            self.first_piece_milliseconds = min(_first_piece(client, self.url, streamed) for _ in range(STREAMS)) * 1000

    def median(self, place: tuple[str, int], figure: str) -> float | None:
        """Of the runs that have the figure; None where none has."""
        values = [getattr(sample, figure) for sample in self.samples.get(place, ())]
        measured = [value for value in values if value is not None]
        return statistics.median(measured) if measured else None

    def best_rate(self, place: tuple[str, int]) -> float | None:
        return max((sample.rate for sample in self.samples.get(place, ())), default=None)

    def failed(self, place: tuple[str, int]) -> int:
        return sum(sample.failed for sample in self.samples[place])

    def added(self, place: tuple[str, int], figure: str, *, over: "Subject") -> float | None:
        """The median of the rounds' differences."""
        pairs = zip(self.samples.get(place, ()), over.samples.get(place, ()), strict=False)
        figures = [(getattr(mine, figure), getattr(theirs, figure)) for mine, theirs in pairs]
        differences = [mine - theirs for mine, theirs in figures if mine is not None and theirs is not None]
        return statistics.median(differences) if differences and self is not over else None

    def memory_megabytes(self) -> float | None:
        """The most that each process of the tree has had in memory, added up."""
        return None if self.pid is None else sum(_peak(process) for process in tree(self.pid))

    def core_memory_megabytes(self) -> float | None:
        return None if self.core_pid is None else _peak(psutil.Process(self.core_pid))

    def _run(self, place: tuple[str, int], seconds: float) -> tuple[Sample, int]:
        kind, connections = place
        before, core_before = self._cpu(), self._core_cpu()
        run = load.run(self.url, self.questions[kind], connections=connections, seconds=seconds)
        cpu = core = None
        if before is not None and core_before is not None and run.requests:
            cpu = ((self._cpu() or 0) - before) / run.requests * 1e6
            core = ((self._core_cpu() or 0) - core_before) / run.seconds
        p50, p99 = (each / 1000 if run.requests else None for each in (run.p50_microseconds, run.p99_microseconds))
        return Sample(run.rate, p50, p99, cpu, core, run.failed), run.requests

    def _cpu(self) -> float | None:
        return None if self.pid is None else _cpu_of(self.pid)

    def _core_cpu(self) -> float | None:
        return self._cpu() if self.core_pid is None else cpu_seconds(self.core_pid)

    def _settle(self) -> None:
        """What clients left behind is worked off before another has the core."""
        began = time.monotonic()
        while self.pid is not None and time.monotonic() - began < LOUD_SECONDS_MAX:
            before = self._core_cpu() or 0.0
            time.sleep(QUIET_SECONDS)
            if (self._core_cpu() or 0.0) - before < QUIET_SECONDS * QUIET_SHARE:
                return


def of_provider(provider: Provider) -> Subject:
    """The provider with nothing before it."""
    questions = {kind: Question.chat({}, stream=kind == "streaming") for kind in ("plain", "streaming")}
    return Subject("bare", provider.url, questions)


@contextmanager
def of_peer(peer: Peer, provider: Provider, *, starts: int) -> Generator[Subject]:
    """Raises NotRun."""
    peer.install(peer.home)
    seconds = list[float]()
    for _ in range(starts - 1):
        with peer.running(provider.url) as running:
            seconds.append(running.start_seconds)
    with peer.running(provider.url) as running:
        seconds.append(running.start_seconds)
        subject = Subject(peer.name, running.url, running.questions, running.pid, leaves_out=peer.leaves_out)
        subject.start_seconds = statistics.median(seconds)
        yield subject


@contextmanager
def of_packhouse(packhouse: Provisioned, *, starts: int) -> Generator[tuple[Subject, Any]]:
    """With what is served, to count its records."""
    seconds = list[float]()
    for _ in range(starts - 1):
        with packhouse.serving() as served:
            seconds.append(served.start_seconds)
    with packhouse.serving() as served:
        seconds.append(served.start_seconds)
        questions = {kind: served.question(stream=kind == "streaming") for kind in ("plain", "streaming")}
        subject = Subject("packhouse", served.url, questions, served.pid, served.part("gateway").pid)
        subject.start_seconds = statistics.median(seconds)
        yield subject, served


def _first_piece(client: httpx.Client, url: str, question: Question) -> float:
    """Seconds until something of a stream is there. Raises NotRun where it is not whole."""
    began, first, text = time.perf_counter(), 0.0, ""
    with client.stream("POST", url + question.path, content=question.body, headers=question.headers) as answer:
        for piece in answer.iter_text():
            first = first or time.perf_counter() - began
            text += piece
    if text.count('" word"') != PIECES or "[DONE]" not in text:
        raise NotRun(f"its streams are not whole: {answer.status_code} {text[:150]}")
    return first


def _cpu_of(pid: int) -> float:
    total = 0.0
    for process in tree(pid):
        with suppress(FileNotFoundError):
            total += cpu_seconds(process.pid)
    return total


def _peak(process: psutil.Process) -> float:
    with suppress(FileNotFoundError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0
