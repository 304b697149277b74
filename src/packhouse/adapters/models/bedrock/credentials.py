"""How the installation proves to Bedrock who it is: keys that the settings hold, or the cloud's own chain of sources.

The chain is botocore's, which is loaded at its first use, in a thread: it costs most of a second. It asks files,
processes, container and instance roles and the token service, and renews in time what expires.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Protocol, cast

import msgspec
import structlog

from packhouse.adapters.models.bedrock.signature import StaticKeys
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

BEARER_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("packhouse.bedrock")


class BearerKey(Content, frozen=True):
    """An API key of Bedrock's own, which goes with each request as it is."""

    key: str


class Profile(msgspec.Struct, frozen=True):
    """A profile by name, from the shared files of the account that the process runs under."""

    name: str


class DefaultChain(msgspec.Struct, frozen=True):
    """Whatever the machine offers, in botocore's order; before all of it an API key in `BEARER_VARIABLE`."""


Credentials = StaticKeys | BearerKey | Profile | DefaultChain
"""How an endpoint is told its credentials."""

Keys = StaticKeys | BearerKey
"""What a request is authorised with."""


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """The chain is asked again after `look_again_seconds`, beside the calls; they wait for it after `stale_seconds`.

    botocore renews what has less than 15 minutes to live, so what it gave is good for longer than `stale_seconds`.
    """

    look_again_seconds: float = 60.0
    stale_seconds: float = 300.0


class Keyring:
    """The keys of one endpoint. Nothing here waits in the event loop's thread."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        freshness: Freshness | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        if isinstance(credentials, DefaultChain) and environment.get(BEARER_VARIABLE):
            credentials = BearerKey(environment[BEARER_VARIABLE])
        self._fixed = credentials if isinstance(credentials, StaticKeys | BearerKey) else None
        self._ask_chain = _Chain(credentials.name if isinstance(credentials, Profile) else None)
        self._freshness = freshness or Freshness()
        self._keys: Keys | None = None
        self._got_at = 0.0
        self._asked_at = 0.0
        self._asking: asyncio.Task[Keys] | None = None

    def at_hand(self) -> Keys | None:
        """Keys that may be used now; None where they must be waited for."""
        if self._fixed is not None:
            return self._fixed
        now = asyncio.get_running_loop().time()
        if self._keys is None or now - self._got_at >= self._freshness.stale_seconds:
            return None
        if now - self._asked_at >= self._freshness.look_again_seconds:
            self._ask()
        return self._keys

    async def keys(self) -> Keys:
        """Refused(provider_failed): the chain has none."""
        return self.at_hand() or await asyncio.shield(self._ask())

    def doubt(self) -> None:
        """The provider took the keys for expired: the next call waits for new ones."""
        self._keys = None

    def _ask(self) -> "asyncio.Task[Keys]":
        if self._asking is None or self._asking.done():
            loop = asyncio.get_running_loop()
            self._asked_at = loop.time()
            self._asking = loop.create_task(self._renew())
            self._asking.add_done_callback(_note)
        return self._asking

    async def _renew(self) -> Keys:
        self._keys = await asyncio.to_thread(self._ask_chain)
        self._got_at = asyncio.get_running_loop().time()
        return self._keys


def _note(asked: "asyncio.Task[Keys]") -> None:
    """A refusal that no call waits for is still seen."""
    if not asked.cancelled() and asked.exception() is not None:
        _log.warning("credentials_not_renewed", reason=str(asked.exception()))


class _Frozen(Protocol):
    access_key: str
    secret_key: str
    token: str | None


class _Found(Protocol):
    def get_frozen_credentials(self) -> _Frozen: ...


class _Chain:
    """Blocks: to be called in a thread, one call at a time. What was found is kept, and renewed when it is due."""

    def __init__(self, profile: str | None) -> None:
        self._profile = profile
        self._freeze: Callable[[], _Frozen] | None = None

    def __call__(self) -> StaticKeys:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if self._freeze is None:
                self._freeze = self._found()
            frozen = self._freeze()
        except (BotoCoreError, ClientError, OSError, ValueError, KeyError, RuntimeError) as error:
            raise _none_found(type(error).__name__) from error
        return StaticKeys(frozen.access_key, frozen.secret_key, frozen.token or "")

    def _found(self) -> Callable[[], _Frozen]:
        from botocore.exceptions import NoCredentialsError
        from botocore.session import Session

        found = cast("_Found | None", Session(profile=self._profile).get_credentials())
        if found is None:
            raise NoCredentialsError
        return found.get_frozen_credentials


def _none_found(why: str) -> Refused:
    message = "The installation has no credentials for the model's provider. Ask the operator to look at them."
    return Refused("provider_failed", message, reason=why)
