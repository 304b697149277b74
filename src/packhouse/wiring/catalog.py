"""The catalog as this installation sells it: the file, with the upstream servers of the settings added."""

from pathlib import Path

import msgspec

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.domain.catalog import Catalog, Offering, Provider, openai_compatible_model
from packhouse.domain.errors import Refused
from packhouse.settings import Settings

UPSTREAM_MODEL = "upstream-openai"
"""The catalog's id of the text model behind `--upstream openai=URL`."""

UPSTREAM_KINDS = ("openai",)


class Upstream(msgspec.Struct, frozen=True):
    """A server of a text model, as the settings name it."""

    kind: str
    url: str


def upstreams_of(settings: Settings) -> tuple[Upstream, ...]:
    """Refused(setting_invalid) where one is not `kind=URL`."""
    found = list[Upstream]()
    for text in settings.upstream:
        kind, equals, url = text.partition("=")
        if not equals or kind not in UPSTREAM_KINDS or not url.startswith(("http://", "https://")):
            raise Refused(
                "setting_invalid",
                f"The upstream {text!r} is not of the form KIND=URL with KIND one of: {', '.join(UPSTREAM_KINDS)}. "
                "Example: --upstream openai=http://127.0.0.1:11434/v1",
            )
        found.append(Upstream(kind, url.rstrip("/")))
    return tuple(found)


def catalog_of(settings: Settings) -> Catalog:
    """Refused: catalog_invalid (file and line), setting_invalid."""
    catalog = read_catalog(Path(settings.catalog) if settings.catalog else None)
    known = {region.id for region in catalog.regions}
    strange = [region for region in settings.regions if region not in known]
    if strange:
        raise Refused(
            "setting_invalid",
            f"The catalog has no region {strange[0]!r}; it has: {', '.join(sorted(known))}. Mend --regions.",
        )
    if upstreams_of(settings):
        catalog = catalog.with_model(
            openai_compatible_model(
                UPSTREAM_MODEL,
                regions=settings.regions,
                provider_model=settings.upstream_model,
                endpoint="openai",
                name=f"{settings.upstream_model} (upstream server)",
            )
        )
    return catalog


def offering_of(settings: Settings) -> Offering:
    """What each region has an endpoint for."""
    providers: tuple[Provider, ...] = ("local",)
    if upstreams_of(settings):
        providers += ("openai_compatible",)
    return Offering(tuple((region, providers) for region in settings.regions))
