"""Entitlements: contracts, grants, the balance and the list of transactions."""

from datetime import datetime

import msgspec

from packhouse.domain.ledger import Balance, Contract, Line, Transaction
from packhouse.domain.units import CompanyId, ContractId
from packhouse.domain.user import Actor
from packhouse.services.context import Context


class ContractView(msgspec.Struct, frozen=True):
    """A contract with what it has brought and what became of it."""

    contract: Contract
    balance: Balance
    running: bool


class TransactionView(msgspec.Struct, frozen=True):
    """`subject` is the resource's display name or the contract's reference."""

    line: Line
    subject: str


class NewContract(msgspec.Struct, frozen=True, kw_only=True):
    """From `start_at` (inclusive) to `end_at` (exclusive)."""

    reference: str
    start_at: datetime
    end_at: datetime


class Entitlements:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def create_contract(self, actor: Actor, company_id: CompanyId, new: NewContract) -> Contract:
        """Operators only. Refused: forbidden, not_found, invalid_request, contract_over."""
        raise NotImplementedError

    async def contracts(self, actor: Actor, company_id: CompanyId) -> list[ContractView]:
        """For the company's admins and operators, by start. Refused: not_found, forbidden."""
        raise NotImplementedError

    async def grant(self, actor: Actor, contract_id: ContractId, cloud_tokens: int, *, note: str = "") -> Transaction:
        """Operators only. Refused: forbidden, not_found, contract_over, invalid_request."""
        raise NotImplementedError

    async def correct(self, actor: Actor, contract_id: ContractId, cloud_tokens: int, *, note: str) -> Transaction:
        """More or (negative) less granted. Refused: as `grant`, and balance_short."""
        raise NotImplementedError

    async def balance(self, actor: Actor, company_id: CompanyId) -> Balance:
        """For the company's admins and operators. Refused: not_found, forbidden."""
        raise NotImplementedError

    async def transactions(self, actor: Actor, company_id: CompanyId) -> list[TransactionView]:
        """All, oldest first. For the company's admins and operators. Refused: not_found, forbidden."""
        raise NotImplementedError
