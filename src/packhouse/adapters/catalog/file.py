"""A catalog file as it is written; every field is named as in the file."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from packhouse.domain.catalog import Cri, Provider
from packhouse.domain.units import ResourceType

Id = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:-]*$", max_length=100)]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Positive = Annotated[int, Meta(ge=1, le=2**53)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A misspelt field is a mistake, not a silent default."""


class RegionTable(_Strict, frozen=True, kw_only=True):
    id: Id
    name: Name


class TermsTable(_Strict, frozen=True, kw_only=True):
    id: Id
    name: Name
    version: Name
    link: Annotated[str, Meta(pattern="^https?://")]
    since: date
    grace_days: Count = 30


class MeterTable(_Strict, frozen=True, kw_only=True):
    input: Count = 0
    output: Count = 0
    cache_read: Count = 0
    cache_write: Count = 0


class PlanTable(_Strict, frozen=True, kw_only=True):
    name: Id
    type: ResourceType
    families: tuple[Id, ...] = ()
    price_cloud_tokens: Positive
    limits: dict[Id, Positive] = {}
    disk_bytes: Count = 0


class OfferTable(_Strict, frozen=True, kw_only=True):
    region: Id
    cri: Cri = "no"
    provider_model: str = ""
    cri_profile: str = ""
    serving_regions: tuple[Id, ...] = ()


class ModelTable(_Strict, frozen=True, kw_only=True):
    id: Id
    name: Name
    type: ResourceType
    family: Id
    provider: Provider
    everywhere: bool = False
    provider_model: str = ""
    offer: tuple[OfferTable, ...] = ()
    context_tokens: Positive
    output_tokens_max: Count = 0
    output_tokens_default: Count = 4096
    dimensions: tuple[Positive, ...] = ()
    any_dimensions: bool = False
    modalities: tuple[str, ...] = ("text",)
    tools: bool = False
    terms: tuple[Id, ...] = ()
    endpoint: str = ""
    direct_provider: Provider | None = None
    direct_model: str = ""
    announced_on: date | None = None
    legacy_on: date | None = None
    end_of_life_on: date | None = None


class CatalogFile(_Strict, frozen=True, kw_only=True):
    region: Annotated[tuple[RegionTable, ...], Meta(min_length=1)]
    terms: tuple[TermsTable, ...] = ()
    meters: dict[Id, MeterTable] = {}
    plan: Annotated[tuple[PlanTable, ...], Meta(min_length=1)]
    model: Annotated[tuple[ModelTable, ...], Meta(min_length=1)]
