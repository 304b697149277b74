"""Entitlements: contracts, grants, the balance and the list of transactions."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.ledger import Balance, Books, Contract, Entry, Line, Transaction, corrected, granted, statement
from packhouse.domain.units import CompanyId, ContractId
from packhouse.domain.user import Actor
from packhouse.services.access import company_administered, company_seen, not_found, require_operator
from packhouse.services.context import Context
from packhouse.services.dues import post, settle
from packhouse.services.lifecycle import Lifecycle


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

    async def create_contract(self, actor: Actor, company_id: CompanyId, *, new: NewContract) -> Contract:
        """Operators only. Refused: forbidden, not_found, invalid_request, contract_over."""
        require_operator(actor)
        now = self._context.clock.now()
        if new.start_at >= new.end_at:
            raise Refused("invalid_request", "A contract ends after it starts.", field="end_at")
        if new.end_at <= now:
            raise Refused("contract_over", "The contract would be over already.")
        contract = Contract(
            id=ContractId(self._context.ids.new("con")),
            company_id=company_id,
            reference=checked_name(new.reference, "reference"),
            start_at=new.start_at.astimezone(UTC),
            end_at=new.end_at.astimezone(UTC),
        )
        async with self._context.writing(actor) as act:
            await company_seen(act, company_id)
            await act.work.ledger.add_contract(contract)
            facts = (("start_at", contract.start_at.isoformat()), ("end_at", contract.end_at.isoformat()))
            deed = Deed(company_id=company_id, verb="contract.created", subject_id=contract.id, facts=facts)
            await act.log(deed)
        return contract

    async def contracts(self, actor: Actor, company_id: CompanyId) -> list[ContractView]:
        """For the company's admins and operators, by start. Refused: not_found, forbidden."""
        now = self._context.clock.now()
        await Lifecycle(self._context).settle(company_id)
        async with self._context.reading(actor) as act:
            await company_administered(act, company_id)
            books = await act.work.ledger.books(company_id, None)
        return [ContractView(one, books.balance(one.id), one.runs(now)) for one in books.contracts]

    async def grant(self, actor: Actor, contract_id: ContractId, *, cloud_tokens: int, note: str = "") -> Transaction:
        """Operators only. Refused: forbidden, not_found, contract_over, invalid_request."""

        def entry(books: Books, contract: Contract) -> Entry:
            return granted(contract, cloud_tokens, now=self._context.clock.now(), note=note.strip())

        return await self._book(actor, contract_id, make=entry)

    async def correct(self, actor: Actor, contract_id: ContractId, *, cloud_tokens: int, note: str) -> Transaction:
        """More or (negative) less granted. Refused: as `grant`, and balance_short."""

        def entry(books: Books, contract: Contract) -> Entry:
            return corrected(books, contract, cloud_tokens=cloud_tokens, now=self._context.clock.now(), note=note)

        return await self._book(actor, contract_id, make=entry)

    async def balance(self, actor: Actor, company_id: CompanyId) -> Balance:
        """For the company's admins and operators. Refused: not_found, forbidden."""
        await Lifecycle(self._context).settle(company_id)
        async with self._context.reading(actor) as act:
            await company_administered(act, company_id)
            return (await act.work.ledger.books(company_id, self._context.clock.now())).balance()

    async def transactions(self, actor: Actor, company_id: CompanyId) -> list[TransactionView]:
        """All, oldest first. For the company's admins and operators. Refused: not_found, forbidden."""
        await Lifecycle(self._context).settle(company_id)
        async with self._context.reading(actor) as act:
            await company_administered(act, company_id)
            transactions = await act.work.ledger.transactions(company_id)
            resources = await act.work.resources.of_company(company_id)
            names: dict[str, str] = {one.id: one.display_name for one in resources}
            contracts = (await act.work.ledger.books(company_id, None)).contracts
        names.update((one.id, one.reference) for one in contracts)
        return [TransactionView(line, names[line.transaction.entry.subject_id]) for line in statement(transactions)]

    async def _book(
        self, actor: Actor, contract_id: ContractId, *, make: Callable[[Books, Contract], Entry]
    ) -> Transaction:
        require_operator(actor)
        async with self._context.writing(actor) as act:
            contract = await act.work.ledger.contract(contract_id)
            if contract is None:
                raise not_found("contract", contract_id)
            company_id = contract.company_id
            await act.work.companies.lock(company_id)
            await settle(act, company_id)
            # everything written, so that a correction cannot take what a later grant still holds back
            entry = make(await act.work.ledger.books(company_id, None), contract)
            transaction = await post(act, company_id, entry=entry)
            facts = (("cloud_tokens", str(entry.change("available"))),)
            deed = Deed(company_id=company_id, verb=f"grant.{entry.kind}", subject_id=contract_id, facts=facts)
            await act.log(deed)
        return transaction
