"""Every setting: its name, its default, one sentence. A flag, `PACKHOUSE_<NAME>` and a line of a TOML file alike."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from packhouse.domain.errors import Refused

Port = Annotated[int, Meta(ge=0, le=65535)]

PartName = Literal["gateway", "control", "worker"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of an installation, checked. Strings that are empty mean: not set."""

    data: Annotated[
        str, Meta(description="The data directory; made on the first start, readable by its owner only.")
    ] = "packhouse-data"
    database: Annotated[
        str,
        Meta(
            description="PostgreSQL's URL, `postgresql://user:password@host:port/name`; empty: SQLite in the data"
            " directory. See docs/guide/postgresql.md."
        ),
    ] = ""
    parts: Annotated[
        tuple[PartName, ...],
        Meta(description="The parts that this process starts, separated by commas."),
    ] = ("gateway", "control", "worker")
    gateway_host: Annotated[str, Meta(description="The address that the gateway listens on.")] = "127.0.0.1"
    gateway_port: Annotated[Port, Meta(description="The gateway's port; 0 picks a free one.")] = 8710
    gateway_url: Annotated[
        str, Meta(description="The gateway's public URL, as connection strings carry it; empty: made of host and port.")
    ] = ""
    gateway_processes: Annotated[
        int, Meta(ge=1, le=64, description="How many processes the gateway has; one keeps one core busy.")
    ] = 1
    control_host: Annotated[str, Meta(description="The address that the management API and the portal listen on.")] = (
        "127.0.0.1"
    )
    control_port: Annotated[Port, Meta(description="Their port; 0 picks a free one.")] = 8711
    control_url: Annotated[str, Meta(description="Their public URL; empty: made of host and port.")] = ""
    worker_host: Annotated[str, Meta(description="The address of the worker's health pages.")] = "127.0.0.1"
    worker_port: Annotated[Port, Meta(description="The port of the worker's health pages; 0 picks a free one.")] = 8712
    catalog: Annotated[str, Meta(description="A catalog file (TOML) in the place of the built-in one.")] = ""
    regions: Annotated[tuple[str, ...], Meta(description="The regions that this installation offers, by commas.")] = (
        "eu-central-1",
        "ca-central-1",
    )
    endpoint: Annotated[
        tuple[str, ...],
        Meta(
            description="Endpoints of model providers, each `PROVIDER name=value ...`: bedrock, anthropic, cohere or"
            " openai_compatible, with region=, url=, key=, profile=, access_key=, secret_key=, session_token=, weight=,"
            " name=; a secret is given as env:VARIABLE or file:PATH. See docs/guide/providers.md."
        ),
    ] = ()
    upstream: Annotated[
        tuple[str, ...],
        Meta(
            description="The short form of an endpoint for all regions, `KIND=URL`: openai (any server that speaks the"
            " OpenAI dialect, its URL to `/v1`), bedrock, anthropic or cohere."
        ),
    ] = ()
    upstream_model: Annotated[str, Meta(description="The text model to ask for at an openai upstream.")] = "default"
    upstream_embeddings_model: Annotated[
        str, Meta(description="The embeddings model to ask for at an openai upstream; empty: it has none.")
    ] = ""
    upstream_embeddings_dimensions: Annotated[
        int, Meta(ge=1, le=65_536, description="How many dimensions that model's vectors have.")
    ] = 1_536
    upstream_key: Annotated[str, Meta(description="The key that the upstreams want; empty: none.")] = ""
    provider_attempts: Annotated[
        int, Meta(ge=1, le=10, description="How often a call is tried at its provider, where trying again is safe.")
    ] = 3
    provider_connect_seconds: Annotated[
        float, Meta(gt=0, le=600, description="How long connecting to a provider may take.")
    ] = 5.0
    provider_first_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="How long a provider may take to begin its answer.")
    ] = 300.0
    provider_between_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="The longest silence of a provider in the middle of an answer.")
    ] = 60.0
    provider_total_seconds: Annotated[
        float, Meta(gt=0, le=7200, description="How long a call to a provider may take in all.")
    ] = 900.0
    local_text_model: Annotated[
        str, Meta(description="A GGUF file for the local text model; empty: the one that is installed with Packhouse.")
    ] = ""
    connector_oldest: Annotated[str, Meta(description="The oldest connector version that still works; empty: any.")] = (
        ""
    )
    body_megabytes_max: Annotated[
        int, Meta(ge=1, le=1024, description="The largest request body that the gateway takes, uploads included.")
    ] = 64
    chunk_characters: Annotated[
        int, Meta(ge=100, le=20_000, description="How long the chunks of a document are about.")
    ] = 1_500
    chunk_overlap_characters: Annotated[
        int, Meta(ge=0, le=5_000, description="How much of a chunk the next one repeats.")
    ] = 150
    worker_jobs: Annotated[int, Meta(ge=1, le=64, description="How many jobs a worker runs at once.")] = 2
    meter_lease_seconds: Annotated[
        int,
        Meta(
            ge=10,
            le=86_400,
            description="How long after a gateway was last heard of its quota goes back to the others; without the"
            " database it takes calls for a sixth of that.",
        ),
    ] = 600
    meter_waiting_max: Annotated[
        int,
        Meta(
            ge=1_000,
            le=10_000_000,
            description="How many settled calls a process may keep for a database that is away.",
        ),
    ] = 100_000
    smtp_host: Annotated[
        str, Meta(description="The mail server that alerts go out by; empty: no e-mail. See docs/guide/alerts.md.")
    ] = ""
    smtp_port: Annotated[int, Meta(ge=1, le=65535, description="The mail server's port.")] = 587
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="How the mail server is spoken to: TLS after STARTTLS, TLS from the start, or in the clear."),
    ] = "starttls"
    smtp_user: Annotated[str, Meta(description="Who logs in at the mail server; empty: nobody does.")] = ""
    smtp_password: Annotated[
        str, Meta(description="The password for that: itself, `env:VARIABLE` or `file:PATH`; empty: none.")
    ] = ""
    smtp_from: Annotated[str, Meta(description="The address that e-mail comes from.")] = ""
    webhook_private_addresses: Annotated[
        bool,
        Meta(description="Whether webhooks may lead to addresses that are not public, and go by plain http there."),
    ] = False
    drain_seconds: Annotated[
        int, Meta(ge=0, le=8, description="How long running requests may go on after SIGTERM; all ends within 10 s.")
    ] = 7
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important line that is logged; of libraries never less than a warning."),
    ] = "info"


class Setting(msgspec.Struct, frozen=True):
    """One setting, for the reference and for the command line."""

    name: str
    sentence: str
    default: str
    several: bool
    number: bool

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "PACKHOUSE_" + self.name.upper()


def _settings() -> tuple[Setting, ...]:
    hints = get_type_hints(Settings, include_extras=True)
    found = list[Setting]()
    for field in msgspec.structs.fields(Settings):
        metas = [meta for meta in hints[field.name].__metadata__ if isinstance(meta, Meta)]
        sentence = next(meta.description for meta in reversed(metas) if meta.description)
        several = isinstance(field.default, tuple)
        default = ",".join(field.default) if several else str(field.default)
        found.append(Setting(field.name, sentence, default, several, isinstance(field.default, int | float)))
    return tuple(found)


SETTINGS = _settings()


def load(
    flags: Mapping[str, str | Sequence[str]],
    *,
    environment: Mapping[str, str] = os.environ,
    file: Path | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Settings:
    """The settings: a flag before a variable before a line of the file before the default.

    `defaults` are a command's own, before the setting's. The file is `file`, or what `PACKHOUSE_CONFIG` names.
    Refused(setting_invalid) says which source to mend.
    """
    if file is None and environment.get("PACKHOUSE_CONFIG"):
        file = Path(environment["PACKHOUSE_CONFIG"])
    values = dict[str, Any]()
    sources = dict[str, str]()
    for source, layer in (
        ("the command's own defaults", defaults or {}),
        (str(file), _from_file(file) if file else {}),
        ("the environment", _from_environment(environment)),
        ("the command line", flags),
    ):
        for name, value in layer.items():
            values[name] = value
            sources[name] = source
    return _checked(values, sources)


def _checked(values: dict[str, Any], sources: Mapping[str, str]) -> Settings:
    several = {setting.name for setting in SETTINGS if setting.several}
    for name in several & values.keys():
        given = [values[name]] if isinstance(values[name], str) else values[name]
        values[name] = [part.strip() for text in given for part in str(text).split(",") if part.strip()]
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`").split("[")[0]
        raise _mistake(name, str(error), sources=sources) from error
    for name, sentence in _contradictions(settings):
        raise _mistake(name, sentence, sources=sources)
    return settings


def _mistake(name: str, sentence: str, *, sources: Mapping[str, str]) -> Refused:
    where = f" (from {sources[name]})" if name in sources else ""
    return Refused("setting_invalid", f"A setting is not right{where}: {sentence}. See `packhouse serve --help`.")


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """What each value by itself does not show."""
    if not settings.parts:
        yield "parts", f"`parts` names none; there are: {', '.join(get_args(PartName))}"
    for name in ("gateway_url", "control_url"):
        url = getattr(settings, name)
        if url and not _is_base_url(url):
            yield name, f"`{name}` is {url!r}, which is no URL such as https://genai.example.com"
    if settings.database and not _is_database_url(settings.database):
        # never the value itself: it may hold a password
        yield "database", "`database` is no URL such as postgresql://packhouse@db.example.com:5432/packhouse"
    if settings.smtp_host and not _is_address(settings.smtp_from):
        yield "smtp_from", "`smtp_from` must be an e-mail address such as packhouse@example.com, to go with `smtp_host`"
    if settings.chunk_overlap_characters >= settings.chunk_characters:
        yield (
            "chunk_overlap_characters",
            f"`chunk_overlap_characters` ({settings.chunk_overlap_characters}) must be smaller than `chunk_characters` "
            f"({settings.chunk_characters}): a chunk cannot repeat more than the one before has",
        )


def _is_address(text: str) -> bool:
    user, _, domain = text.rpartition("@")
    return bool(user and domain) and text.isascii() and text.isprintable() and not set(' <>,"') & set(text)


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        return False


def _is_database_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.port is None or bool(parts.hostname)
        return parts.scheme == "postgresql" and named and len(parts.path) > 1 and not parts.fragment
    except ValueError:
        return False


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {setting.name: environment[setting.variable] for setting in SETTINGS if setting.variable in environment}


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused("setting_invalid", f"The settings file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("setting_invalid", f"The settings file {file} is not TOML: {error}.") from error


def encode(settings: Settings) -> bytes:
    """For the process of a part."""
    return msgspec.json.encode(settings)


def decode(data: bytes) -> Settings:
    return msgspec.json.decode(data, type=Settings)
