"""`packhouse activity`: who did what, and whether the log is intact."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.client import Api, Reply
from packhouse.cli.command import Options, with_api
from packhouse.cli.ending import REFUSED, Ended
from packhouse.cli.show import show

app = typer.Typer(help="The activity log.", no_args_is_help=True, add_completion=False)

COMPANY = typer.Option(None, help="Its log (default: your own company's; `installation`: the operators').")


class Row(msgspec.Struct):
    """A line of the log."""

    number: int
    at: datetime
    actor: str
    verb: str
    subject_id: str
    facts: str


class Verification(msgspec.Struct):
    entries: int
    intact: bool
    broken_at: int | None


class Filter(Options, frozen=True):
    resource: Annotated[str | None, Meta(description="What concerns this resource.")] = None
    verb: Annotated[str | None, Meta(description="A verb such as key.created, or its first word.")] = None
    before: Annotated[int | None, Meta(description="Entries before this number.")] = None
    limit: Annotated[int, Meta(description="At most so many.")] = 50


class _Entry(msgspec.Struct):
    number: int
    at: datetime
    actor: str
    verb: str
    subject_id: str
    facts: dict[str, str]


@app.command("list")
@with_api
def list_activity(api: Api, *, company: str = COMPANY, chosen: Filter) -> None:
    """List what was done, newest first."""
    query = {"resource_id": chosen.resource, "verb": chosen.verb, "before": chosen.before, "limit": chosen.limit}
    reply = api.many(f"/companies/{api.company(company)}/activity", kind=_Entry, query=query)
    show(api, Reply(reply.raw, [_row(entry) for entry in reply.value]))


@app.command("verify")
@with_api
def verify_activity(api: Api, *, company: str = COMPANY) -> None:
    """Walk the whole log and say whether anybody tampered with it; ends with 1 where somebody did."""
    reply = api.one("GET", f"/companies/{api.company(company)}/activity/verification", kind=Verification)
    show(api, reply)
    if not reply.value.intact:
        raise Ended(f"Entry {reply.value.broken_at} is not what was written.", REFUSED)


def _row(entry: _Entry) -> Row:
    facts = ", ".join(f"{name}={value}" for name, value in entry.facts.items())
    return Row(entry.number, entry.at, entry.actor, entry.verb, entry.subject_id, facts)
