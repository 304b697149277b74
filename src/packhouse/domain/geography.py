"""Where a provider may work on a call: cross-region profiles never lead out of the region's own geography."""

import re

_ID = re.compile(r"[a-z0-9][a-z0-9.:_-]*")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z]+:([a-z0-9-]*):[0-9]*:([a-z-]+)/(.+)")

_PROFILES: dict[str, frozenset[str]] = {
    "us": frozenset({"us", "global"}),
    "us-gov": frozenset({"us-gov"}),
    "eu": frozenset({"eu"}),
    "ca": frozenset[str](),
    "ap": frozenset({"apac", "jp", "au", "global"}),
}
"""Geography of a region: the prefixes of the profiles that it may call. One that is not named here may call none."""

_PREFIXES = frozenset({"apac", "global", "us-gov", "amer", "emea"})
"""Prefixes of profiles with more than two letters. A maker's name never has as few as two."""

_IN_REGION = frozenset(
    {"foundation-model", "custom-model", "custom-model-deployment", "imported-model", "provisioned-model", "endpoint"}
)
"""What an ARN may name that works in its own region alone."""


def profile_stays_in(region: str, model_id: str) -> bool:
    """Whether a call to the model, made in the region, is worked on inside the region's geography.

    `model_id` is a plain id (`maker.model`), a profile (`eu.maker.model`) or an ARN. A plain id stays in the region.
    What does not tell by its name where it leads (an application's profile, a router) may be called from geographies
    that may call global ones.
    """
    if model_id.startswith("arn:"):
        return _arn_stays_in(region, model_id)
    prefix = profile_prefix(model_id)
    return _ID.fullmatch(model_id.lower()) is not None and (not prefix or prefix in _allowed(region))


def profile_prefix(model_id: str) -> str:
    """The geography that a profile's id begins with (`eu`, `global`); empty for a plain id."""
    first, dot, _ = model_id.lower().partition(".")
    return first if dot and (len(first) <= 2 or first in _PREFIXES) else ""


def without_profile(model_id: str) -> str:
    """The plain id of the model behind a profile's id or ARN; what names no model stays as it is."""
    arn = _ARN.fullmatch(model_id)
    if arn is not None and arn[2] in ("inference-profile", "foundation-model"):
        model_id = arn[3]
    prefix = profile_prefix(model_id)
    return model_id[len(prefix) + 1 :] if prefix else model_id


def _allowed(region: str) -> frozenset[str]:
    geography = "us-gov" if region.startswith("us-gov-") else region.partition("-")[0]
    return _PROFILES.get(geography, frozenset())


def _arn_stays_in(region: str, arn: str) -> bool:
    parts = _ARN.fullmatch(arn)
    if parts is None or parts[1] != region:
        return False
    kind, name = parts[2], parts[3]
    if kind == "inference-profile":
        return profile_prefix(name) in _allowed(region)
    return kind in _IN_REGION or "global" in _allowed(region)
