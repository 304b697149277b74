"""Contracts and the journal of cloud tokens in the database: entries are added, never changed."""

from datetime import datetime
from itertools import groupby

import msgspec
from sqlalchemy import RowMapping, func, insert, select

from packhouse.adapters.sql.repository import Repository, columns, plain
from packhouse.adapters.sql.tables import contract as contracts
from packhouse.adapters.sql.tables import ledger_entry as entries
from packhouse.adapters.sql.tables import ledger_posting as postings
from packhouse.domain.ledger import Account, Books, Contract, Posting, Transaction
from packhouse.domain.units import CompanyId, ContractId


class SqlLedger(Repository):
    async def add_contract(self, contract: Contract) -> None:
        await self._sql.execute(insert(contracts).values(**columns(contract)))

    async def contract(self, contract_id: ContractId) -> Contract | None:
        return await self._one(select(contracts).where(contracts.c.id == contract_id), Contract)

    async def books(self, company_id: CompanyId, at: datetime | None) -> Books:
        theirs = select(contracts).where(contracts.c.company_id == company_id)
        account = (postings.c.account, postings.c.contract_id, postings.c.resource_id)
        query = (
            select(*account, func.sum(postings.c.cloud_tokens).label("sum"))
            .join_from(entries, postings)
            .where(entries.c.company_id == company_id)
            .group_by(*account)
        )
        if at is not None:
            query = query.where(entries.c.effective_at <= at)
        rows = await self._sql.execute(query)
        sums = {Account(row.account, ContractId(row.contract_id), row.resource_id): int(row.sum) for row in rows}
        ordered = theirs.order_by(contracts.c.start_at, contracts.c.id)
        return Books(tuple(await self._all(ordered, Contract)), sums)

    async def post(self, transaction: Transaction) -> Transaction:
        last = select(func.max(entries.c.number)).where(entries.c.company_id == transaction.company_id)
        number = (await self._sql.scalar(last) or 0) + 1
        entry = transaction.entry
        await self._sql.execute(
            insert(entries).values(
                **columns(transaction, "entry", "number"), number=number, **columns(entry, "postings")
            )
        )
        rows = [
            {
                "entry_id": transaction.id,
                "position": position,
                "account": posting.account.name,
                "contract_id": posting.account.contract_id,
                "resource_id": posting.account.resource_id,
                "cloud_tokens": posting.cloud_tokens,
            }
            for position, posting in enumerate(entry.postings)
        ]
        await self._sql.execute(insert(postings), rows)
        return msgspec.structs.replace(transaction, number=number)

    async def transactions(self, company_id: CompanyId) -> list[Transaction]:
        query = (
            select(entries, postings)
            .join_from(entries, postings)
            .where(entries.c.company_id == company_id)
            .order_by(entries.c.number, postings.c.position)
        )
        rows = list((await self._sql.execute(query)).mappings())
        return [_transaction(list(group)) for _, group in groupby(rows, key=lambda row: row["number"])]


def _transaction(rows: list[RowMapping]) -> Transaction:
    first = plain(rows[0])
    first["postings"] = [
        Posting(Account(row["account"], row["contract_id"], row["resource_id"]), row["cloud_tokens"]) for row in rows
    ]
    return msgspec.convert({**first, "entry": first}, Transaction)
