"""From the neutral request to an embed body."""

from packhouse.adapters.models import cohere_embed
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.errors import Refused

_OLDER = ("-v2", "-v3")
_DIMENSIONS, _DIMENSIONS_LIGHT = 1024, 384


def inputs_max(request: EmbedRequest) -> int:
    """How many inputs go into one call."""
    return cohere_embed.inputs_max(request, older=_is_older(request.model))


def embed_body(request: EmbedRequest) -> bytes:
    """A batch's body. Refused: unsupported."""
    older = _is_older(request.model)
    dimensions = _dimensions_of_older(request) if older else request.dimensions
    return cohere_embed.body_of(
        request, older=older, input_type=request.input_type, dimensions=dimensions, model=request.model
    )


def _is_older(model: str) -> bool:
    """Up to the third version: vectors of one size, and no mixed inputs."""
    return any(version in model for version in _OLDER)


def _dimensions_of_older(request: EmbedRequest) -> None:
    """They have one size, and take no wish for it."""
    fixed = _DIMENSIONS_LIGHT if "-light-" in request.model else _DIMENSIONS
    if "-v3" in request.model and request.dimensions not in (None, fixed):
        raise Refused("unsupported", f"This model's vectors have {fixed} dimensions.", field="dimensions")
