"""Users: created or invited, given a role, let in once by a link."""

from datetime import timedelta

import msgspec

from packhouse.domain.activity import INSTALLATION, Deed
from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, UserId
from packhouse.domain.user import SYSTEM, Actor, Role, Secret, User, checked_email, checked_password
from packhouse.services.access import company_administered, not_found, require_operator
from packhouse.services.context import Act, Context
from packhouse.services.secrets import check_password, token_hash

LINK_CHARACTERS = 40
LINK_LIFETIME = timedelta(days=7)


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """`company_id` None with role `operator` only. `password` None: the user gets a one-time link instead."""

    email: str
    name: str
    role: Role
    company_id: CompanyId | None = None
    password: str | None = None


class CreatedUser(msgspec.Struct, frozen=True):
    """`link_token` opens the page where the password is set, once, for a limited time; None with a password."""

    user: User
    link_token: Secret | None


class Users:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, actor: Actor, new: NewUser) -> CreatedUser:
        """Operators anywhere, company admins admins and members of their own company.

        Refused: forbidden, not_found (company), conflict (the e-mail is taken), invalid_request.
        """
        user = self._user(new)
        hashed = await self._hashed(new.password)
        async with self._context.writing(actor) as act:
            if new.role == "operator" or new.company_id is None:
                require_operator(actor)
            else:
                await company_administered(act, new.company_id)
            return await self._add(act, user, hashed=hashed)

    async def list(self, actor: Actor, *, company_id: CompanyId | None) -> list[User]:
        """A company's people by e-mail; None: the operators (for operators). Refused: not_found, forbidden."""
        async with self._context.reading(actor) as act:
            if company_id is None:
                require_operator(actor)
            else:
                await company_administered(act, company_id)
            return await act.work.users.of_company(company_id)

    async def get(self, actor: Actor, user_id: UserId) -> User:
        """Oneself, or someone whom the actor administers. Refused: not_found."""
        async with self._context.reading(actor) as act:
            return await _seen(act, user_id)

    async def change_role(self, actor: Actor, user_id: UserId, *, role: Role) -> User:
        """Between `admin` and `member`. Refused: not_found, forbidden, conflict (one's own role)."""
        async with self._context.writing(actor) as act:
            user = await _other(act, user_id)
            if user.role == "operator" or role == "operator":
                raise Refused("conflict", "Operators are made and stay operators; make another user instead.")
            if user.company_id is None and role == "admin":
                raise Refused("conflict", "Someone without a company cannot be an admin of one.")
            changed = msgspec.structs.replace(user, role=role)
            await act.work.users.replace(changed)
            await _log(act, "user.role_changed", user=changed)
        return changed

    async def disable(self, actor: Actor, user_id: UserId) -> User:
        """Ends the user's sessions and tokens at once; keys stay. Refused: not_found, conflict (oneself)."""
        async with self._context.writing(actor) as act:
            user = await _other(act, user_id)
            changed = msgspec.structs.replace(user, disabled_at=user.disabled_at or self._context.clock.now())
            await act.work.users.replace(changed)
            await act.work.sign_in.end_sessions(user_id)
            await _log(act, "user.disabled", user=changed)
        return changed

    async def new_link(self, actor: Actor, user_id: UserId) -> Secret:
        """A new one-time link token; older ones end. Refused: not_found, conflict (disabled)."""
        async with self._context.writing(actor) as act:
            user = await _seen(act, user_id)
            if user.disabled_at is not None:
                raise Refused("conflict", "The user is disabled.")
            await _log(act, "user.link_made", user=user)
            return await self._link(act, user)

    async def redeem_link(self, token: str, password: str) -> User:
        """Set the password with a link; ends all sessions. Refused: not_found (unknown, used or too old),
        invalid_request (password)."""
        hashed = await self._context.passwords.hash(checked_password(password))
        async with self._context.writing(SYSTEM) as act:
            user_id = await act.work.sign_in.take_link(token_hash(token), self._context.clock.now())
            user = await act.work.users.get(user_id) if user_id else None
            if user is None or user.disabled_at is not None:
                raise Refused("not_found", "This link was used already, or is too old. Ask for a new one.", id="link")
            await self._set_password(act, user, hashed=hashed)
        return msgspec.structs.replace(user, has_password=True)

    async def change_password(self, actor: Actor, *, old: str, new: str) -> None:
        """One's own; every session ends. Refused: sign_in_failed, sign_in_throttled, invalid_request."""
        async with self._context.reading(actor) as act:
            user = await _seen(act, actor.user_id)
            current = await act.work.users.password_hash(actor.user_id)
        checked_password(new)
        await check_password(self._context, user.email, password=old, hashed=current)
        hashed = await self._context.passwords.hash(new)
        async with self._context.writing(actor) as act:
            await self._set_password(act, user, hashed=hashed)

    async def bootstrap(self, *, email: str, name: str, password: str | None = None) -> CreatedUser | None:
        """The first operator; None where there is an operator already. For wiring, never for a route."""
        user = self._user(NewUser(email=email, name=name, role="operator"))
        hashed = await self._hashed(password)
        async with self._context.writing(SYSTEM) as act:
            if await act.work.users.of_company(None):
                return None
            return await self._add(act, user, hashed=hashed)

    def _user(self, new: NewUser) -> User:
        if (new.role == "operator") != (new.company_id is None):
            raise Refused(
                "invalid_request", "Operators have no company; admins and members have one.", field="company_id"
            )
        return User(
            id=UserId(self._context.ids.new("usr")),
            email=checked_email(new.email),
            name=checked_name(new.name, "name"),
            role=new.role,
            company_id=new.company_id,
            created_at=self._context.clock.now(),
            has_password=new.password is not None,
        )

    async def _hashed(self, password: str | None) -> str | None:
        return None if password is None else await self._context.passwords.hash(checked_password(password))

    async def _add(self, act: Act, user: User, *, hashed: str | None) -> CreatedUser:
        await act.work.users.add(user, hashed)
        await _log(act, "user.created", user=user)
        return CreatedUser(user, None if hashed else await self._link(act, user))

    async def _link(self, act: Act, user: User) -> Secret:
        token = self._context.ids.secret(LINK_CHARACTERS)
        expires_at = self._context.clock.now() + LINK_LIFETIME
        await act.work.sign_in.add_link(user.id, token_hash(token), expires_at=expires_at)
        return Secret(token)

    async def _set_password(self, act: Act, user: User, *, hashed: str) -> None:
        await act.work.users.set_password(user.id, hashed)
        await act.work.sign_in.end_sessions(user.id)
        own = act.by(Actor(user.id, user.role, user.company_id))
        await _log(own, "user.password_set", user=user)


async def _log(act: Act, verb: str, *, user: User) -> None:
    facts = (("role", user.role),)
    company_id = user.company_id or INSTALLATION
    await act.log(Deed(company_id=company_id, verb=verb, subject_id=user.id, facts=facts))


async def _seen(act: Act, user_id: UserId) -> User:
    """Oneself, or someone whom the actor administers. Refused(not_found)."""
    user = await act.work.users.get(user_id)
    if user is not None and user.id != act.actor.user_id and not act.actor.is_operator:
        is_theirs = user.company_id is not None and act.actor.administers(user.company_id)
        user = user if is_theirs else None
    if user is None:
        raise not_found("user", user_id)
    return user


async def _other(act: Act, user_id: UserId) -> User:
    """Someone else whom the actor administers. Refused: not_found, conflict (oneself)."""
    user = await _seen(act, user_id)
    if user.id == act.actor.user_id:
        raise Refused("conflict", "This cannot be done to oneself; ask someone else with the same role.")
    return user
