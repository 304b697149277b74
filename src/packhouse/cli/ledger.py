"""`packhouse contract`, `grant`, `balance`, `transactions`: entitlements in cloud tokens."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.client import Api, Reply
from packhouse.cli.command import Options, instant, with_api
from packhouse.cli.show import show

contracts = typer.Typer(
    help="Contracts, which cloud tokens are granted on.", no_args_is_help=True, add_completion=False
)
grants = typer.Typer(help="Grants of cloud tokens, and their corrections.", no_args_is_help=True, add_completion=False)

CONTRACT = typer.Argument(..., help="The contract's id (con_…).")
COMPANY = typer.Option(None, help="The company (default: your own).")


class Contract(msgspec.Struct):
    id: str
    company_id: str
    reference: str
    start_at: datetime
    end_at: datetime


class Balance(msgspec.Struct):
    granted: int
    allocated: int
    available: int
    expired: int


class Standing(msgspec.Struct):
    id: str
    reference: str
    start_at: datetime
    end_at: datetime
    running: bool
    granted: int
    allocated: int
    available: int
    expired: int


class Transaction(msgspec.Struct):
    id: str
    kind: str
    effective_at: datetime
    subject_id: str
    cloud_tokens: int
    note: str


class Line(msgspec.Struct):
    effective_at: datetime
    subject: str
    kind: str
    pack: str
    cloud_tokens: int
    remaining_cloud_tokens: int
    note: str


class NewContract(Options, frozen=True):
    start: Annotated[str, Meta(description="Its first instant: a date or an instant.")]
    end: Annotated[str, Meta(description="Its end, which is no longer part of it.")]
    company: Annotated[str | None, Meta(description="Whose it is.")] = None


class _Standing(msgspec.Struct):
    id: str
    reference: str
    start_at: datetime
    end_at: datetime
    running: bool
    balance: Balance


@contracts.command("list")
@with_api
def list_contracts(api: Api, *, company: str = COMPANY) -> None:
    """List a company's contracts with what became of their grants."""
    reply = api.many(f"/companies/{api.company(company)}/contracts", kind=_Standing)
    show(api, Reply(reply.raw, [_flat(one) for one in reply.value]))


@contracts.command("create")
@with_api
def create_contract(
    api: Api, *, reference: str = typer.Argument(..., help="What it is called in your books."), new: NewContract
) -> None:
    """Create a contract."""
    body = {"reference": reference, "start_at": instant(new.start), "end_at": instant(new.end)}
    show(api, api.one("POST", f"/companies/{api.company(new.company)}/contracts", kind=Contract, body=body))


@grants.command("create")
@with_api
def create_grant(
    api: Api,
    *,
    contract: str = CONTRACT,
    cloud_tokens: int = typer.Argument(..., help="How many.", min=1),
    note: str = typer.Option("", help="Why, for the books."),
) -> None:
    """Grant cloud tokens on a contract."""
    body = {"cloud_tokens": cloud_tokens, "note": note}
    show(api, api.one("POST", f"/contracts/{contract}/grants", kind=Transaction, body=body))


@grants.command("correct")
@with_api
def correct_grant(
    api: Api,
    *,
    contract: str = CONTRACT,
    by: int = typer.Option(..., "--by", help="More, or with a minus fewer, cloud tokens."),
    note: str = typer.Option(..., help="Why."),
) -> None:
    """Correct what a contract granted."""
    body = {"cloud_tokens": by, "note": note}
    show(api, api.one("POST", f"/contracts/{contract}/corrections", kind=Transaction, body=body))


@with_api
def balance(api: Api, *, company: str = COMPANY) -> None:
    """Show a company's balance of cloud tokens."""
    show(api, api.one("GET", f"/companies/{api.company(company)}/balance", kind=Balance))


@with_api
def transactions(api: Api, *, company: str = COMPANY) -> None:
    """List a company's transactions, oldest first: where every cloud token went."""
    show(api, api.many(f"/companies/{api.company(company)}/transactions", kind=Line))


def _flat(one: _Standing) -> Standing:
    balance = one.balance
    return Standing(
        one.id,
        one.reference,
        one.start_at,
        one.end_at,
        one.running,
        balance.granted,
        balance.allocated,
        balance.available,
        balance.expired,
    )
