"""The chains of the activity log in the database: entries are added, never changed."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, insert, or_, select, update

from packhouse.adapters.sql.repository import Repository
from packhouse.adapters.sql.tables import activity_chain as chains
from packhouse.adapters.sql.tables import activity_entry as entries
from packhouse.domain.activity import Deed, Entry, Head, linked
from packhouse.domain.units import CompanyId, ResourceId, UserId


class SqlActivity(Repository):
    async def append(self, deed: Deed, *, at: datetime, actor_id: UserId) -> None:
        theirs = chains.c.company_id == deed.company_id
        query = select(chains.c.number, chains.c.hash).where(theirs)
        known = await self._one(query, Head)
        entry = linked(known or Head(), deed, at=at, actor_id=actor_id)
        await self._sql.execute(insert(entries).values(**_row(entry)))
        end: dict[str, Any] = {"number": entry.number, "hash": entry.hash}
        if known is None:
            await self._sql.execute(insert(chains).values(company_id=deed.company_id, **end))
        else:
            await self._sql.execute(update(chains).where(theirs).values(**end))

    async def head(self, company_id: CompanyId) -> Head:
        query = select(chains.c.number, chains.c.hash).where(chains.c.company_id == company_id)
        return await self._one(query, Head) or Head()

    async def chain(self, company_id: CompanyId) -> list[Entry]:
        query = select(entries).where(entries.c.company_id == company_id).order_by(entries.c.number)
        return await self._entries(query)

    async def newest(
        self,
        company_id: CompanyId,
        resource_id: ResourceId | None,
        *,
        verb: str,
        before: int | None,
        limit: int,
    ) -> list[Entry]:
        query = select(entries).where(entries.c.company_id == company_id)
        if resource_id is not None:
            query = query.where(entries.c.resource_id == resource_id)
        if verb:
            of_noun = entries.c.verb.startswith(verb + ".", autoescape=True)
            query = query.where(or_(entries.c.verb == verb, of_noun))
        if before is not None:
            query = query.where(entries.c.number < before)
        return await self._entries(query.order_by(entries.c.number.desc()).limit(limit))

    async def _entries(self, query: Select[Any]) -> list[Entry]:
        return [_entry(row) for row in (await self._sql.execute(query)).mappings()]


def _row(entry: Entry) -> dict[str, Any]:
    deed = entry.deed
    return {
        "company_id": deed.company_id,
        "number": entry.number,
        "at": entry.at,
        "actor_id": entry.actor_id,
        "verb": deed.verb,
        "subject_id": deed.subject_id,
        "resource_id": deed.resource_id,
        "facts": msgspec.json.encode(deed.facts).decode(),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def _entry(row: RowMapping) -> Entry:
    facts = msgspec.json.decode(row["facts"], type=tuple[tuple[str, str], ...])
    deed = Deed(
        company_id=row["company_id"],
        verb=row["verb"],
        subject_id=row["subject_id"],
        resource_id=row["resource_id"],
        facts=facts,
    )
    return Entry(
        number=row["number"],
        at=row["at"],
        actor_id=row["actor_id"],
        deed=deed,
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )
