"""One streamed turn of a model, put together again, so that it goes back to the model as it was said."""

from packhouse.domain.chat import (
    ChatPiece,
    CitationDelta,
    ForeignPiece,
    PartEnd,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Part, Text, Thinking, ToolUse


class Turn:
    """Takes the pieces of a turn; `parts` is what they come to."""

    __slots__ = ("_calls", "_growing", "_parts")

    def __init__(self) -> None:
        self._parts = list[_Growing]()
        self._calls = dict[int, _Growing]()
        self._growing: _Growing | None = None

    def add(self, piece: ChatPiece) -> None:
        match piece:
            case TextDelta(text=text):
                self._in(Text("")).words.append(text)
            case CitationDelta(citation=citation):
                self._in(Text("")).citations.append(citation)
            case ThinkingDelta(redacted=redacted) if redacted:
                self._begin(Thinking("", redacted=redacted), whole=True)
            case ThinkingDelta(text=text, signature=signature):
                self._think(text, signature)
            case ToolUseStart(index=index, id=id_, name=name):
                self._calls[index] = self._begin(ToolUse(id_, name, ""), whole=True)
            case ToolUseDelta(index=index, arguments=arguments):
                if call := self._calls.get(index):
                    call.words.append(arguments)
            case ForeignPiece(part=part):
                self._begin(part, whole=True)
            case PartEnd() | StreamEnd():
                self._growing = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """In order, without texts that say nothing."""
        return tuple(part for part in (each.part() for each in self._parts) if part != Text(""))

    def _think(self, text: str, signature: str) -> None:
        """What comes behind a signature is another thought."""
        if text and self._growing is not None and self._growing.signature:
            self._growing = None
        thought = self._in(Thinking(""))
        thought.words.append(text)
        thought.signature += signature

    def _in(self, kind: Text | Thinking) -> "_Growing":
        growing = self._growing
        return growing if growing is not None and type(growing.begun) is type(kind) else self._begin(kind)

    def _begin(self, part: Part, *, whole: bool = False) -> "_Growing":
        growing = _Growing(part)
        self._parts.append(growing)
        self._growing = None if whole else growing
        return growing


class _Growing:
    """A part whose words still come."""

    __slots__ = ("begun", "citations", "signature", "words")

    def __init__(self, begun: Part) -> None:
        self.begun = begun
        self.words = list[str]()
        self.signature = ""
        self.citations = list[Citation]()

    def part(self) -> Part:
        match self.begun:
            case Text():
                return Text("".join(self.words), tuple(self.citations))
            case Thinking(redacted=""):
                return Thinking("".join(self.words), self.signature)
            case ToolUse(id=id_, name=name):
                return ToolUse(id_, name, "".join(self.words))
            case begun:
                return begun
