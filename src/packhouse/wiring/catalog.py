"""The catalog as this installation sells it: the file, with the upstream servers of the settings added."""

from pathlib import Path

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.domain.catalog import Catalog, Offering, Provider, openai_compatible_model
from packhouse.domain.errors import Refused
from packhouse.settings import Settings
from packhouse.wiring.endpoints import UPSTREAM, endpoints_of

UPSTREAM_MODEL = "upstream-openai"
"""The catalog's id of the text model behind `--upstream openai=URL`."""

UPSTREAM_EMBEDDINGS_MODEL = "upstream-openai-embeddings"
"""The same for its embeddings model."""


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
    return _with_upstream(_routed(catalog, settings), settings)


def _routed(catalog: Catalog, settings: Settings) -> Catalog:
    """Each model by its maker's own route in regions that have an endpoint for that and none for the model's."""
    endpoints = endpoints_of(settings)

    def reached(provider: Provider | None, region: str) -> bool:
        return any(each.provider == provider and each.serves(region) for each in endpoints)

    for model in catalog.models:
        direct = {
            region
            for region in settings.regions
            if reached(model.direct_provider, region) and not reached(model.provider, region)
        }
        catalog = catalog.with_model(model.directly(direct)) if direct else catalog
    return catalog


def _with_upstream(catalog: Catalog, settings: Settings) -> Catalog:
    if not any(each.name == UPSTREAM for each in endpoints_of(settings)):
        return catalog
    wanted = (
        (UPSTREAM_MODEL, settings.upstream_model, 0),
        (UPSTREAM_EMBEDDINGS_MODEL, settings.upstream_embeddings_model, settings.upstream_embeddings_dimensions),
    )
    for model_id, name, dimensions in wanted:
        if name:
            model = openai_compatible_model(
                model_id,
                dimensions=dimensions,
                regions=settings.regions,
                provider_model=name,
                endpoint=UPSTREAM,
                name=f"{name} (upstream server)",
            )
            catalog = catalog.with_model(model)
    return catalog


def offering_of(settings: Settings) -> Offering:
    """What each region has an endpoint for."""
    endpoints = endpoints_of(settings)
    regions = list[tuple[str, tuple[Provider, ...]]]()
    for region in settings.regions:
        providers: set[Provider] = {each.provider for each in endpoints if each.serves(region)}
        regions.append((region, ("local", *sorted(providers))))
    return Offering(tuple(regions))
