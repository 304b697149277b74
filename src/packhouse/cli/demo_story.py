"""The demo's story: documents in, questions asked, every token accounted for."""

import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from packhouse.cli import demo_report
from packhouse.cli.demo_company import Api, DemoCompany
from packhouse.cli.demo_questions import QUESTIONS, DemoQuestion
from packhouse_connector import Packhouse, PackhouseError

DOCUMENTS = Path(__file__).with_name("demo_documents")
SETTLED_SECONDS = 0.3
"""Usage is in the database within a twentieth of a second; the table shall show the last call too."""


class Refusal(msgspec.Struct, frozen=True):
    """`step` is `ingest` or a question."""

    step: str
    code: str
    message: str


def tell_story(
    console: Console,
    *,
    connection: str,
    company: DemoCompany,
    admin: Api,
    urls: tuple[str, str],
    patience_seconds: float,
) -> list[Refusal]:
    """Each wait shows its progress. A provider in trouble or a pack that is too small is no reason to take the rest
    down: what was refused is said, and returned, and the demo goes on."""
    refusals = list[Refusal]()
    with Packhouse(connection) as packhouse:
        try:
            _ingest(console, packhouse, patience_seconds=patience_seconds)
        except PackhouseError as error:
            console.print(f"Not ingested: {error.message}", markup=False, highlight=False, style="red")
            refusals.append(Refusal("ingest", error.code, error.message))
        for question in QUESTIONS:
            try:
                _ask(console, packhouse, question=question)
            except PackhouseError as error:
                console.print(f"No answer: {error.message}", markup=False, highlight=False, style="red")
                refusals.append(Refusal(question.question, error.code, error.message))
    time.sleep(SETTLED_SECONDS)
    console.print()
    demo_report.consumption(console, admin, company=company)
    demo_report.transactions(console, admin, company=company)
    demo_report.next_steps(console, company, gateway_url=urls[0], control_url=urls[1])
    return refusals


def _ingest(console: Console, packhouse: Packhouse, *, patience_seconds: float) -> None:
    collection = packhouse.knowledge.collection("default")
    columns = (TextColumn("Ingesting {task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=console) as progress:
        for path in sorted(DOCUMENTS.iterdir()):
            if path.suffix not in {".pdf", ".md", ".txt"}:
                continue
            task = progress.add_task(path.name, total=None, state="waiting")
            document = collection.upload(path).wait(
                patience_seconds,
                progress=lambda seen, task=task: progress.update(
                    task, total=max(1, seen.total), completed=seen.done, state=f"{seen.done} chunks"
                ),
            )
            progress.update(task, total=1, completed=1, state=f"{document.chunks} chunks")


def _ask(console: Console, packhouse: Packhouse, *, question: DemoQuestion) -> None:
    console.print()
    console.print(f"Question: {question.question}", style="bold", markup=False, highlight=False)
    with console.status("Asking ..."):
        answer = packhouse.chat(question.question, knowledge="default", temperature=0.0)
    console.print(f"Answer:   {answer.text.strip()}", markup=False, highlight=False)
    for number, reference in enumerate(answer.references, 1):
        page = f", page {reference.page}" if reference.page else ""
        console.print(f"          [{number}] {reference.title}{page}", markup=False, highlight=False, style="dim")
    used = answer.usage
    console.print(
        f"          {used.input_tokens} input and {used.output_tokens} output tokens", style="dim", highlight=False
    )
