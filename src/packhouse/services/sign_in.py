"""Sign-in: sessions for browsers, personal access tokens for programs, and who stands behind either."""

from datetime import datetime, timedelta
from typing import TypeGuard

import msgspec

from packhouse.domain.activity import INSTALLATION, Deed
from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.user import (
    EMAIL_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MAX,
    Actor,
    PersonalToken,
    Secret,
    Session,
    User,
)
from packhouse.services.access import not_found
from packhouse.services.context import Act, Context
from packhouse.services.secrets import check_password, token_hash

SESSION_LIFETIME = timedelta(days=7)
TOKEN_PREFIX = "php_"
TOKEN_PUBLIC_CHARACTERS = 8
TOKEN_CHARACTERS = 40
USE_NOTED_EVERY = timedelta(hours=1)
"""A token's last use is written down this often, so that reading does not write each time."""


class SignedIn(msgspec.Struct, frozen=True):
    """`token` goes into the cookie and nowhere else."""

    session: Session
    token: Secret
    user: User


class MintedToken(msgspec.Struct, frozen=True):
    """`text` (`php_…`) is shown this once."""

    token: PersonalToken
    text: Secret


class SignIn:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """Refused: sign_in_failed (the same for unknown, disabled and wrong), sign_in_throttled."""
        email = email.strip().lower()[:EMAIL_CHARACTERS_MAX]
        async with self._context.store.reading() as work:
            user = await work.users.by_email(email)
            usable = user is not None and user.disabled_at is None
            hashed = await work.users.password_hash(user.id) if user is not None and usable else None
        password = password[:PASSWORD_CHARACTERS_MAX]
        await check_password(self._context, email, password=password, hashed=hashed)
        assert user is not None, "a password was right"
        now = self._context.clock.now()
        token = self._context.ids.secret(TOKEN_CHARACTERS)
        session = Session(
            id=self._context.ids.new("ses"), user_id=user.id, created_at=now, expires_at=now + SESSION_LIFETIME
        )
        async with self._context.store.writing() as work:
            await work.sign_in.end_sessions(user.id, expired_before=now)
            await work.sign_in.add_session(session, token_hash(token))
        return SignedIn(session, Secret(token), user)

    async def sign_out(self, token: str) -> None:
        """Signing out twice is fine."""
        async with self._context.store.writing() as work:
            await work.sign_in.end_session(token_hash(token))

    async def session(self, token: str) -> tuple[Session, User]:
        """Refused: not_signed_in."""
        async with self._context.store.reading() as work:
            session = await work.sign_in.session(token_hash(token))
            user = await work.users.get(session.user_id) if session else None
        if session is None or session.expires_at <= self._context.clock.now() or not _usable(user):
            raise Refused("not_signed_in", "The session has ended. Sign in again.")
        return session, user

    async def actor(self, credential: str) -> Actor:
        """Of a session's token or of a personal access token (`php_…`). Refused: not_signed_in."""
        if not credential.startswith(TOKEN_PREFIX):
            _, user = await self.session(credential)
            return _actor(user)
        now = self._context.clock.now()
        async with self._context.store.reading() as work:
            token = await work.sign_in.token(token_hash(credential))
            user = await work.users.get(token.user_id) if token else None
        if token is None or token.revoked_at is not None or not _usable(user):
            raise Refused("not_signed_in", "The personal access token is unknown or was revoked.")
        if token.expires_at is not None and token.expires_at <= now:
            raise Refused("not_signed_in", "The personal access token has expired. Make a new one.")
        if token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY:
            async with self._context.store.writing() as work:
                await work.sign_in.replace_token(msgspec.structs.replace(token, last_used_at=now))
        return _actor(user)

    async def create_token(self, actor: Actor, description: str, *, expires_at: datetime | None = None) -> MintedToken:
        """For oneself. Refused: invalid_request."""
        now = self._context.clock.now()
        if expires_at is not None and expires_at <= now:
            raise Refused("invalid_request", "The expiry lies in the past.", field="expires_at")
        prefix = TOKEN_PREFIX + self._context.ids.secret(TOKEN_PUBLIC_CHARACTERS)
        text = prefix + self._context.ids.secret(TOKEN_CHARACTERS)
        token = PersonalToken(
            id=self._context.ids.new("pat"),
            user_id=actor.user_id,
            prefix=prefix,
            description=checked_name(description, "description"),
            created_at=now,
            expires_at=expires_at,
        )
        async with self._context.writing(actor) as act:
            await act.work.sign_in.add_token(token, token_hash(text))
            await _log(act, "token.created", token=token)
        return MintedToken(token, Secret(text))

    async def tokens(self, actor: Actor) -> list[PersonalToken]:
        """One's own, newest first, revoked ones included."""
        async with self._context.reading(actor) as act:
            return await act.work.sign_in.tokens(actor.user_id)

    async def revoke_token(self, actor: Actor, token_id: str) -> PersonalToken:
        """One's own; twice is fine. Refused: not_found."""
        async with self._context.writing(actor) as act:
            own = await act.work.sign_in.tokens(actor.user_id)
            token = next((one for one in own if one.id == token_id), None)
            if token is None:
                raise not_found("personal access token", token_id)
            if token.revoked_at is not None:
                return token
            revoked = msgspec.structs.replace(token, revoked_at=self._context.clock.now())
            await act.work.sign_in.replace_token(revoked)
            await _log(act, "token.revoked", token=revoked)
        return revoked


def _usable(user: User | None) -> TypeGuard[User]:
    return user is not None and user.disabled_at is None


def _actor(user: User) -> Actor:
    return Actor(user.id, user.role, user.company_id)


async def _log(act: Act, verb: str, *, token: PersonalToken) -> None:
    await act.log(Deed(company_id=act.actor.company_id or INSTALLATION, verb=verb, subject_id=token.id))
