"""Entitlements: contracts, grants, the balance, the transactions."""

from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from packhouse.domain import ledger
from packhouse.domain.units import CompanyId, ContractId
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Instant, Services, utc
from packhouse.services.ledger import ContractView, NewContract

CLOUD_TOKENS_MAX = 1_000_000_000_000


class CreateContract(Body, frozen=True):
    """From `start_at` (inclusive) to `end_at` (exclusive)."""

    reference: str
    start_at: Instant
    end_at: Instant


class Grant(Body, frozen=True):
    cloud_tokens: Annotated[int, Meta(ge=1, le=CLOUD_TOKENS_MAX)]
    note: str = ""


class Correction(Body, frozen=True):
    """More, or (negative) fewer, cloud tokens; `note` says why."""

    cloud_tokens: Annotated[int, Meta(ge=-CLOUD_TOKENS_MAX, le=CLOUD_TOKENS_MAX)]
    note: str


class Balance(Answer, frozen=True):
    """In cloud tokens: granted = available + allocated + expired, total = available + allocated."""

    granted: int
    allocated: int
    available: int
    expired: int
    total: int


class Contract(Answer, frozen=True):
    id: str
    company_id: str
    reference: str
    start_at: Instant
    end_at: Instant


class ContractStanding(Contract, frozen=True):
    running: bool
    balance: Balance


class Contracts(Answer, frozen=True):
    contracts: list[ContractStanding]


class Transaction(Answer, frozen=True):
    """`effective_at` is the instant from which it counts, `recorded_at` when it was written."""

    id: str
    number: int
    kind: ledger.EntryKind
    effective_at: Instant
    recorded_at: Instant
    recorded_by: str
    subject_id: str
    pack: str
    note: str
    cloud_tokens: int


class TransactionLine(Transaction, frozen=True):
    """`cloud_tokens` is what it added to what is available, `remaining_cloud_tokens` what was available after."""

    subject: str
    remaining_cloud_tokens: int


class Transactions(Answer, frozen=True):
    transactions: list[TransactionLine]


@post(
    "/companies/{company_id:str}/contracts",
    summary="Create a contract",
    opt=refuses("forbidden", "not_found", "contract_over"),
)
async def create_contract(
    *, control: Services, actor: Caller, company_id: FromPath[str], data: JSONBody[CreateContract]
) -> Contract:
    new = NewContract(reference=data.reference, start_at=utc(data.start_at), end_at=utc(data.end_at))
    return Contract.of(await control.entitlements.create_contract(actor, CompanyId(company_id), new=new))


@get(
    "/companies/{company_id:str}/contracts",
    summary="List a company's contracts with what became of their grants",
    opt=refuses("not_found", "forbidden"),
)
async def list_contracts(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Contracts:
    views = await control.entitlements.contracts(actor, CompanyId(company_id))
    return Contracts(contracts=[_standing(view) for view in views])


@post(
    "/contracts/{contract_id:str}/grants",
    summary="Grant cloud tokens on a contract",
    opt=refuses("forbidden", "not_found", "contract_over"),
)
async def grant(*, control: Services, actor: Caller, contract_id: FromPath[str], data: JSONBody[Grant]) -> Transaction:
    contract = ContractId(contract_id)
    return _transaction(
        await control.entitlements.grant(actor, contract, cloud_tokens=data.cloud_tokens, note=data.note)
    )


@post(
    "/contracts/{contract_id:str}/corrections",
    summary="Correct what a contract granted",
    opt=refuses("forbidden", "not_found", "contract_over", "balance_short"),
)
async def correct(
    *, control: Services, actor: Caller, contract_id: FromPath[str], data: JSONBody[Correction]
) -> Transaction:
    contract = ContractId(contract_id)
    return _transaction(
        await control.entitlements.correct(actor, contract, cloud_tokens=data.cloud_tokens, note=data.note)
    )


@get(
    "/companies/{company_id:str}/balance",
    summary="Read a company's balance of cloud tokens",
    opt=refuses("not_found", "forbidden"),
)
async def read_balance(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Balance:
    return Balance.of(await control.entitlements.balance(actor, CompanyId(company_id)))


@get(
    "/companies/{company_id:str}/transactions",
    summary="List a company's transactions, oldest first",
    opt=refuses("not_found", "forbidden"),
)
async def list_transactions(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Transactions:
    views = await control.entitlements.transactions(actor, CompanyId(company_id))
    lines = [
        TransactionLine(
            subject=view.subject,
            remaining_cloud_tokens=view.line.remaining_cloud_tokens,
            **_transaction(view.line.transaction).fields(),
        )
        for view in views
    ]
    return Transactions(transactions=lines)


def _standing(view: ContractView) -> ContractStanding:
    balance = Balance.of(view.balance)
    return ContractStanding(running=view.running, balance=balance, **Contract.of(view.contract).fields())


def _transaction(made: ledger.Transaction) -> Transaction:
    entry = made.entry
    return Transaction(
        id=made.id,
        number=made.number,
        kind=entry.kind,
        effective_at=entry.effective_at,
        recorded_at=made.recorded_at,
        recorded_by=made.recorded_by,
        subject_id=entry.subject_id,
        pack=entry.pack,
        note=entry.note,
        cloud_tokens=entry.change("available"),
    )


ROUTES = (create_contract, list_contracts, grant, correct, read_balance, list_transactions)
