"""Reads a catalog from a TOML file; every mistake is named with its file and line."""

import re
import tomllib
from datetime import UTC, datetime, time
from pathlib import Path as FilePath

import msgspec

from packhouse.adapters.catalog.file import CatalogFile, ModelTable, PlanTable, TermsTable
from packhouse.adapters.catalog.fit import mistakes
from packhouse.adapters.catalog.lines import Path, line_of
from packhouse.domain.catalog import Catalog, Model, Offer, Plan, Region
from packhouse.domain.errors import Refused
from packhouse.domain.quota import MeterLimit, Weights
from packhouse.domain.terms import Terms

DEFAULT = FilePath(__file__).with_name("default.toml")

_PLACE = re.compile(r" - at `(key in )?\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_FIELD = re.compile(r"(?:unknown|required) field `([^`]+)`")
_SYNTAX_LINE = re.compile(r"\(at line (\d+),")


def read_catalog(path: FilePath | None = None) -> Catalog:
    """The catalog in the file; None: the one that Packhouse comes with. Refused(catalog_invalid)."""
    if path is None:
        return parse_catalog(DEFAULT.read_text("utf-8"), DEFAULT.name)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Refused(
            "catalog_invalid", f"The catalog file {path} cannot be read: {reason}.", file=str(path)
        ) from error
    return parse_catalog(text, str(path))


def parse_catalog(text: str, name: str) -> Catalog:
    """The catalog in the text of a file of that name. Refused(catalog_invalid)."""
    try:
        file = msgspec.convert(tomllib.loads(text), CatalogFile)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(text, error, name=name) from error
    except msgspec.ValidationError as error:
        raise _value(text, error, name=name) from error
    for path, sentence in mistakes(file):
        raise _mistake(sentence, name=name, line=line_of(text, path))
    return Catalog(
        regions=tuple(Region(one.id, one.name) for one in file.region),
        models=tuple(_model(file, one) for one in file.model),
        plans=tuple(_plan(file, one) for one in file.plan),
        terms=tuple(_terms(one) for one in file.terms),
    )


def _model(file: CatalogFile, table: ModelTable) -> Model:
    if table.everywhere:
        offers = tuple(
            Offer(region=region.id, provider_model=table.provider_model or table.id) for region in file.region
        )
    else:
        offers = tuple(msgspec.convert(one, Offer, from_attributes=True) for one in table.offer)
    fields = msgspec.structs.asdict(table)
    for only_in_file in ("everywhere", "provider_model", "offer"):
        del fields[only_in_file]
    return Model(**fields, offers=offers)


def _plan(file: CatalogFile, table: PlanTable) -> Plan:
    limits = tuple(
        MeterLimit(name, msgspec.convert(file.meters[name], Weights, from_attributes=True), limit)
        for name, limit in table.limits.items()
    )
    return Plan(
        name=table.name,
        type=table.type,
        families=table.families,
        price_cloud_tokens=table.price_cloud_tokens,
        limits=limits,
        disk_bytes=table.disk_bytes,
    )


def _terms(table: TermsTable) -> Terms:
    return Terms(
        id=table.id,
        name=table.name,
        version=table.version,
        link=table.link,
        since_at=datetime.combine(table.since, time(), UTC),
        grace_days=table.grace_days,
    )


def _mistake(sentence: str, *, name: str, line: int) -> Refused:
    return Refused("catalog_invalid", f"{name}, line {line}: {sentence}.", file=name, line=line)


def _syntax(text: str, error: tomllib.TOMLDecodeError, *, name: str) -> Refused:
    found = _SYNTAX_LINE.search(str(error))
    line = int(found[1]) if found else len(text.splitlines()) or 1
    said = str(error).split(" (at ")[0]
    return _mistake(f"this is not TOML: {said}; correct the line or the one before it", name=name, line=line)


def _value(text: str, error: msgspec.ValidationError, *, name: str) -> Refused:
    said = str(error)
    place = _PLACE.search(said)
    path: Path = ()
    if place is not None:
        said = said[: place.start()]
        steps = _STEP.finditer(place["path"])
        path = tuple(int(step[2]) if step[2] else step[1] for step in steps)
    if field := _FIELD.search(said):
        path = (*path, field[1])
    where = ".".join(str(step) for step in path if isinstance(step, str))
    said = said.removeprefix("Object ").replace("contains unknown field", "unknown field")
    said = said.replace("Invalid RFC3339 encoded date", "must be a date such as 2026-01-31")
    sentence = f"{where or 'the file'}: {said}; correct or complete it"
    return _mistake(sentence, name=name, line=line_of(text, path))
