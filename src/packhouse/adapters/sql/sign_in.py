"""Sessions, personal access tokens, one-time links and failed sign-ins in the database; tokens as hashes only."""

from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update

from packhouse.adapters.sql.repository import Repository, columns
from packhouse.adapters.sql.tables import link_token, personal_token, sign_in_failure
from packhouse.adapters.sql.tables import session as sessions
from packhouse.domain.units import UserId
from packhouse.domain.user import PersonalToken, Session
from packhouse.ports.store import Failures

_SESSION = select(sessions.c.id, sessions.c.user_id, sessions.c.created_at, sessions.c.expires_at)
_TOKEN = select(*(column for column in personal_token.c if column.name != "token_hash"))


class SqlSignIn(Repository):
    async def add_session(self, session: Session, token_hash: bytes) -> None:
        await self._sql.execute(insert(sessions).values(**columns(session), token_hash=token_hash))

    async def session(self, token_hash: bytes) -> Session | None:
        return await self._one(_SESSION.where(sessions.c.token_hash == token_hash), Session)

    async def end_session(self, token_hash: bytes) -> None:
        await self._sql.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    async def end_sessions(self, user_id: UserId, expired_before: datetime | None = None) -> None:
        ended = delete(sessions).where(sessions.c.user_id == user_id)
        if expired_before is not None:
            ended = ended.where(sessions.c.expires_at < expired_before)
        await self._sql.execute(ended)

    async def add_token(self, token: PersonalToken, token_hash: bytes) -> None:
        await self._sql.execute(insert(personal_token).values(**columns(token), token_hash=token_hash))

    async def token(self, token_hash: bytes) -> PersonalToken | None:
        return await self._one(_TOKEN.where(personal_token.c.token_hash == token_hash), PersonalToken)

    async def tokens(self, user_id: UserId) -> list[PersonalToken]:
        theirs = _TOKEN.where(personal_token.c.user_id == user_id)
        newest_first = theirs.order_by(personal_token.c.created_at.desc(), personal_token.c.id.desc())
        return await self._all(newest_first, PersonalToken)

    async def replace_token(self, token: PersonalToken) -> None:
        await self._sql.execute(
            update(personal_token).where(personal_token.c.id == token.id).values(**columns(token, "id"))
        )

    async def add_link(self, user_id: UserId, token_hash: bytes, *, expires_at: datetime) -> None:
        await self._sql.execute(delete(link_token).where(link_token.c.user_id == user_id))
        await self._sql.execute(
            insert(link_token).values(token_hash=token_hash, user_id=user_id, expires_at=expires_at)
        )

    async def take_link(self, token_hash: bytes, now: datetime) -> UserId | None:
        taken = delete(link_token).where(link_token.c.token_hash == token_hash)
        row = (await self._sql.execute(taken.returning(link_token.c.user_id, link_token.c.expires_at))).one_or_none()
        return UserId(row.user_id) if row is not None and row.expires_at > now else None

    async def failures(self, email: str) -> Failures | None:
        table = sign_in_failure
        query = select(table.c.failures.label("count"), table.c.since_at).where(table.c.email == email)
        return await self._one(query, Failures)

    async def set_failures(self, email: str, failures: Failures | None, *, stale_before: datetime) -> None:
        table = sign_in_failure
        gone = or_(table.c.email == email, table.c.since_at < stale_before)
        await self._sql.execute(delete(table).where(gone))
        if failures is not None:
            values = {"email": email, "failures": failures.count, "since_at": failures.since_at}
            await self._sql.execute(insert(table).values(**values))
