"""The endpoints of model providers as the settings name them, checked, their secrets looked up."""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from packhouse.domain.errors import Refused
from packhouse.settings import Settings

EndpointProvider = Literal["bedrock", "anthropic", "cohere", "openai_compatible"]

UPSTREAM = "openai"
"""The name of the endpoint that `--upstream openai=URL` makes."""

_UPSTREAM_KINDS: dict[str, EndpointProvider] = {
    "openai": "openai_compatible",
    "bedrock": "bedrock",
    "anthropic": "anthropic",
    "cohere": "cohere",
}
_DEFAULT_URLS = {"anthropic": "https://api.anthropic.com", "cohere": "https://api.cohere.com"}
_KEY_VARIABLES = {
    "bedrock": "AWS_BEARER_TOKEN_BEDROCK",
    "anthropic": "ANTHROPIC_API_KEY",
    "cohere": "CO_API_KEY",
    "openai_compatible": "",
}
_SECRETS = frozenset({"key", "access_key", "secret_key", "session_token"})
_SIMULATED_AWS = ("AKIASIMULATED0000000", "simulated-secret-key-that-opens-nothing")
_SIMULATED_KEYS = {"anthropic": "sk-ant-simulated-key", "cohere": "simulated-key"}
_CHAIN_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Where the credential chain is told that there is something for it."""

_EVERYWHERE = ("region", "url", "weight")
_WORDS: dict[str, tuple[str, ...]] = {
    "bedrock": (*_EVERYWHERE, "key", "access_key", "secret_key", "session_token", "profile"),
    "anthropic": (*_EVERYWHERE, "key"),
    "cohere": (*_EVERYWHERE, "key"),
    "openai_compatible": (*_EVERYWHERE, "key", "name", "auth", "cap_field", "asks_usage", "takes_thinking"),
}
"""What an endpoint of each provider can be told: another word would change nothing there, unnoticed."""

_PLAIN = frozenset({"region", "url", "name", "profile", "weight", "auth", "cap_field"})
"""Words that a message may repeat; of a URL its scheme, host and path."""

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:.*@)?(?P<place>[^?#]*)", re.ASCII | re.IGNORECASE)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a provider is reached. `regions` empty: all that the installation offers. `url` empty: the provider's own.

    Bedrock: `key` is a bearer key; else `access_key` and `secret_key`; else the AWS credential chain, under `profile`.
    `name` is what the catalog's models call an OpenAI-compatible endpoint, `auth` the header that takes its key,
    `cap_field` the only name that it takes for the output cap, `asks_usage` whether its streams are to be asked for
    usage, `takes_thinking` whether it takes back what a model thought.
    """

    provider: EndpointProvider
    regions: tuple[str, ...] = ()
    url: str = ""
    name: str = ""
    key: str = ""
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""
    profile: str = ""
    weight: float = 1.0
    auth: str = "authorization"
    cap_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    asks_usage: bool = True
    takes_thinking: bool = False

    def __repr__(self) -> str:
        return f"<Endpoint {self.provider}>"  # the rest may be secret

    def serves(self, region: str) -> bool:
        return not self.regions or region in self.regions


def endpoints_of(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[Endpoint, ...]:
    """All of them, the short forms included. Refused(setting_invalid) names the one to mend."""
    named = [_endpoint(text, settings=settings, environment=environment) for text in settings.endpoint]
    return (*named, *(_upstream(text, settings=settings, environment=environment) for text in settings.upstream))


def _endpoint(text: str, *, settings: Settings, environment: Mapping[str, str]) -> Endpoint:
    provider, *words = text.split()
    if provider not in _UPSTREAM_KINDS.values():
        raise _mistake(text, f"its first word must be one of: {', '.join(_UPSTREAM_KINDS.values())}")
    values = dict[str, str]()
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value or name in values:
            known = equals and name in Endpoint.__struct_fields__
            which = f"`{name}=`" if known else f"word number {len(values) + 1} behind the provider"
            raise _mistake(text, f"{which} is not of the form name=value, once each")
        values[name] = _secret(value, text, environment=environment) if name in _SECRETS else value
    regions = values.pop("region", "").split("+")
    fields = {**values, "provider": provider, "regions": [region for region in regions if region]}
    unknown = fields.keys() - set(Endpoint.__struct_fields__)
    if unknown:
        name = min(unknown)
        raise _mistake(text, f"there is no `{name}=`" if name.isidentifier() else "a word of it is unknown")
    _check_words(provider, tuple(values) + (("region",) if regions else ()), text=text)
    try:
        endpoint = msgspec.convert(fields, Endpoint, strict=False)
    except msgspec.ValidationError as error:
        raise _mistake(text, str(error)) from error
    return _checked(endpoint, text, settings=settings, environment=environment)


def _check_words(provider: str, names: tuple[str, ...], *, text: str) -> None:
    works = _WORDS[provider]
    if idle := [name for name in names if name not in works]:
        taken = ", ".join(f"{name}=" for name in works)
        raise _mistake(text, f"`{idle[0]}=` does nothing for {provider}, which takes: {taken}")


def _upstream(text: str, *, settings: Settings, environment: Mapping[str, str]) -> Endpoint:
    kind, equals, url = text.partition("=")
    if not equals or kind not in _UPSTREAM_KINDS or not _is_address(url):
        shown = f"{kind}=…" if equals and kind in _UPSTREAM_KINDS else "…"  # the rest may hold a key
        raise Refused(
            "setting_invalid",
            f"The upstream `{shown}` is not of the form KIND=URL with KIND one of: {', '.join(_UPSTREAM_KINDS)}, and "
            "a URL that begins with http:// or https://. Example: --upstream openai=http://127.0.0.1:11434/v1",
        )
    name = UPSTREAM if kind == "openai" else ""
    endpoint = Endpoint(provider=_UPSTREAM_KINDS[kind], url=url.rstrip("/"), name=name, key=settings.upstream_key)
    return _checked(endpoint, text, settings=settings, environment=environment)


def _checked(endpoint: Endpoint, text: str, *, settings: Settings, environment: Mapping[str, str]) -> Endpoint:
    provider = endpoint.provider
    if strange := [region for region in endpoint.regions if region not in settings.regions]:
        raise _mistake(text, f"the installation offers no region {strange[0]!r}; it has: {', '.join(settings.regions)}")
    if endpoint.url and not _is_address(endpoint.url):
        raise _mistake(text, "its url= must be an address that begins with http:// or https://")
    if not 0 < endpoint.weight < math.inf:
        raise _mistake(text, "weight must be a number that is more than 0")
    if bool(endpoint.access_key) != bool(endpoint.secret_key):
        raise _mistake(text, "access_key and secret_key belong together")
    if provider == "openai_compatible" and not (endpoint.url and endpoint.name):
        raise _mistake(text, "it needs url= and name=, which the catalog's models name as their endpoint")
    key = endpoint.key
    if not (key or endpoint.access_key or endpoint.profile) and _KEY_VARIABLES[provider]:
        key = environment.get(_KEY_VARIABLES[provider], "")
    changed = msgspec.structs.replace(endpoint, key=key, url=endpoint.url or _DEFAULT_URLS.get(provider, ""))
    return changed if _has_credentials(changed, environment) else _simulated(changed, text)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an open bracket
        return False


def _has_credentials(endpoint: Endpoint, environment: Mapping[str, str]) -> bool:
    if endpoint.key or endpoint.provider == "openai_compatible" or endpoint.access_key:
        return True
    if endpoint.provider != "bedrock":
        return False
    chain = any(environment.get(name) for name in _CHAIN_VARIABLES)
    return bool(endpoint.profile) or chain or not _on_this_machine(endpoint)


def _simulated(endpoint: Endpoint, text: str) -> Endpoint:
    """A server on this machine is a simulator: it gets the credentials that `packhouse simulate` lets in."""
    if not _on_this_machine(endpoint):
        variable = _KEY_VARIABLES[endpoint.provider]
        raise _mistake(text, f"it needs a key: set {variable}, or give key=env:VARIABLE or key=file:PATH")
    if endpoint.provider == "bedrock":
        return msgspec.structs.replace(endpoint, access_key=_SIMULATED_AWS[0], secret_key=_SIMULATED_AWS[1])
    return msgspec.structs.replace(endpoint, key=_SIMULATED_KEYS[endpoint.provider])


def _on_this_machine(endpoint: Endpoint) -> bool:
    return urlsplit(endpoint.url).hostname in _LOOPBACK


def _secret(value: str, text: str, *, environment: Mapping[str, str]) -> str:
    """Looked up where it says `env:` or `file:`; a secret on a command line is seen by every process."""
    kind, colon, place = value.partition(":")
    if colon and kind == "env":
        if not environment.get(place):
            raise _mistake(text, f"the environment has no {place}")
        return environment[place]
    if colon and kind == "file":
        try:
            return Path(place).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _mistake(text, f"the file {place} cannot be read") from error
    return value


def _mistake(text: str, sentence: str) -> Refused:
    """Says which endpoint, without what may be secret in it: a word that is not known may be a misspelt key."""
    shown = " ".join(filter(None, map(_shown, text.split())))
    return Refused("setting_invalid", f"The endpoint `{shown}` is not right: {sentence}.")


def _shown(word: str) -> str:
    name, equals, value = word.partition("=")
    if not equals:
        return word if word in _UPSTREAM_KINDS.values() else ""
    if name not in _PLAIN:
        return ""
    if name != "url":
        return f"{name}={value}"
    address = _ADDRESS.fullmatch(value)
    return f"url={address['scheme']}{address['place']}" if address else "url="
