"""Parts of a stream that the neutral chat does not know: gathered from their deltas, handed on whole."""

import msgspec

from packhouse.adapters.models.bedrock import wire_in
from packhouse.domain.chat_part import Foreign

_raw_delta = msgspec.json.Decoder(wire_in.InRawDelta)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


class Gathered:
    """A block of one `kind`: the fields that it began with, and what each delta brought."""

    __slots__ = ("_deltas", "_fields", "_kind")

    def __init__(self, kind: str, fields: msgspec.Raw) -> None:
        self._kind = kind
        self._fields = _object.decode(fields)
        self._deltas: list[msgspec.Raw] = []

    def add(self, payload: bytes) -> None:
        """The payload of a delta's event."""
        delta = _raw_delta.decode(payload).delta.get(self._kind)
        if delta is not None:
            self._deltas.append(delta)

    def part(self) -> Foreign:
        """The block as a whole answer would have it. Raises `msgspec.DecodeError` where it cannot be read."""
        fields = self._fields | self._filled()
        block = msgspec.json.encode({self._kind: fields})
        return Foreign("bedrock", self._kind, msgspec.Raw(block))

    def _filled(self) -> dict[str, msgspec.Raw]:
        match self._kind:
            case "toolUse":
                fragments = "".join(_text.decode(_object.decode(delta)["input"]) for delta in self._deltas)
                msgspec.json.decode(fragments or "{}")
                return {"input": msgspec.Raw((fragments or "{}").encode())}
            case "toolResult":
                content = [entry for delta in self._deltas for entry in _list.decode(delta)]
                return {"content": msgspec.Raw(msgspec.json.encode(content))}
            case _:
                filled = dict[str, msgspec.Raw]()
                for delta in self._deltas:
                    filled |= _object.decode(delta)
                return filled
