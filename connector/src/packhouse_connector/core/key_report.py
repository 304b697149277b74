"""What a key opens."""

import msgspec

from packhouse_connector.core.call import Operation, get, reader
from packhouse_connector.core.content import Content
from packhouse_connector.core.knowledge import KnowledgeBaseState


class Model(msgspec.Struct, frozen=True):
    """A model that calls with the key may name. `default`: the one that is used where none is named."""

    id: str
    name: str = ""
    type: str = ""
    default: bool = False
    owned_by: str = ""


class KeyReport(Content, frozen=True):
    """The models and knowledge bases that the key opens. `str(report)` says it in a sentence."""

    models: tuple[Model, ...] = ()
    knowledge_bases: tuple[KnowledgeBaseState, ...] = ()

    def __str__(self) -> str:
        models = ", ".join(model.id for model in self.models) or "none"
        bases = ", ".join(f"{base.name} ({base.chunks:,} chunks)" for base in self.knowledge_bases) or "none"
        return f"The key works. Models: {models}. Knowledge bases: {bases}."


class _Models(msgspec.Struct):
    data: tuple[Model, ...]


_models = reader(_Models)


def models() -> Operation[tuple[Model, ...]]:
    """The models that the key opens."""
    return Operation(get("/v1/models"), lambda response: _models(response).data)
