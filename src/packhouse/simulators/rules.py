"""What a simulator is told to answer: rules, read from a file or given in Python, and faults to inject."""

import tomllib
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any, Literal

import msgspec

Stop = str
"""`end`, `tool_use`, `max_tokens`, `stop_sequence`, `refusal`, `context_window`, `pause`, or the provider's word."""

FaultKind = Literal["status", "stall", "close", "reset", "malformed", "crc", "truncated", "event"]
Place = Literal["head", "first", "middle"]


_ERRORS = range(400, 600)


def check_amounts(whose: str, **amounts: float) -> None:
    """Raises `ValueError` for what is less than nothing, or no number."""
    for name, amount in amounts.items():
        if not 0 <= amount < inf:
            raise ValueError(f"{whose} {name} must be a number from 0 on, not {amount}")


class Usage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Token counts as they are reported. `input` is what was neither read from a cache nor written to it."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in self.__struct_fields__}
        check_amounts("usage:", **counts)


class ToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool that the answer makes. An empty `id` is given a fresh one."""

    name: str
    arguments: dict[str, Any] = {}
    id: str = ""


class Citation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A passage of a document that the answer's text rests on. `start` and `end` are characters in the document."""

    text: str
    title: str = ""
    document: int = 0
    start: int = 0
    end: int = 0


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that goes wrong.

    - `status`: the provider's own error with that `status` (and `code`, `message`, `retry_after` where given);
    - `stall`: silence for `seconds`, then it goes on; `close`, `reset`: the connection ends (FIN, RST), all three
      at `head` (before the status line), at `first` (before the first piece) or in the `middle` (after
      `after_pieces` pieces; of a plain body: after its half);
    - `malformed`: a frame (of a plain answer: the body) that is none; `crc`: a Bedrock frame whose checksum is
      wrong; `truncated`: JSON that ends too early in a well-formed frame or body;
    - `event`: the provider's in-stream error with `code`; a plain answer is that error as a status.

    `times` is how many calls fail before they succeed again; 0: all. `path`: only paths that contain it. What cannot
    happen (a status that is no error's, seconds below 0) is a `ValueError` that says so.
    """

    kind: FaultKind
    status: int = 500
    code: str = ""
    message: str = ""
    retry_after: str = ""
    at: Place = "middle"
    after_pieces: int = 1
    seconds: float = 3600.0
    times: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        if not _ERRORS[0] <= self.status <= _ERRORS[-1]:
            text = f"a fault's status must be that of an error, {_ERRORS[0]} to {_ERRORS[-1]}, not {self.status}"
            raise ValueError(text)
        check_amounts("a fault's", seconds=self.seconds, after_pieces=self.after_pieces, times=self.times)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to answer when the last turn's text contains `when` (empty: always).

    The last turn's text is the text of the last message, results of tools among it. `model` and `path` narrow the
    rule to ids and paths that contain them. `times` is how often the rule applies; 0: always. What is left out
    is as without a rule: the last turn's text again, token counts by the documented count.
    """

    when: str = ""
    model: str = ""
    path: str = ""
    times: int = 0
    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: str = ""
    signature: str = ""
    redacted_thinking: str = ""
    citations: tuple[Citation, ...] = ()
    stop: Stop = ""
    usage: Usage | None = None
    pieces: int = 0
    piece_delay_seconds: float = 0.0
    first_delay_seconds: float = 0.0
    stamps: bool = False
    fault: Fault | None = None

    def __post_init__(self) -> None:
        check_amounts(
            "a rule's",
            times=self.times,
            pieces=self.pieces,
            piece_delay_seconds=self.piece_delay_seconds,
            first_delay_seconds=self.first_delay_seconds,
        )


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rules file: `[[rules]]` in TOML, `{"rules": [...]}` in JSON. The first that fits is taken."""

    rules: tuple[Rule, ...] = ()


class RulesUnreadable(ValueError):
    """A rules file that is none; the message says what is wrong with it."""


ECHO = Rule()


def load_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a TOML or JSON file. Raises `RulesUnreadable`."""
    try:
        data = path.read_bytes()
        if path.suffix == ".toml":
            return msgspec.convert(tomllib.loads(data.decode()), Rules).rules
        return msgspec.json.decode(data, type=Rules).rules
    except (OSError, ValueError) as error:
        raise RulesUnreadable(f"{path}: {error}") from error


def fault_of(text: str) -> Fault:
    """A fault as a header or a query writes it: JSON, or `status=429 retry_after=3`, `kind=stall at=head`.

    Without a kind it is a status. Raises `RulesUnreadable`.
    """
    try:
        if text.lstrip().startswith("{"):
            return msgspec.json.decode(text, type=Fault)
        fields = {"kind": "status"} | dict(pair.split("=", 1) for pair in text.split())
        return msgspec.convert(fields, Fault, strict=False)
    except ValueError as error:
        raise RulesUnreadable(f"not a fault: {error}") from error


class _Counted:
    """How often something still happens; 0 at first: always."""

    __slots__ = ("_left",)

    def __init__(self, times: int) -> None:
        self._left = times or -1

    def take(self) -> bool:
        """Whether it happens once more."""
        if self._left > 0:
            self._left -= 1
            return True
        return self._left < 0


class Script:
    """The rules of one simulator and the faults that wait to happen."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules: list[tuple[Rule, _Counted, _Counted]] = []
        self._faults: list[tuple[Fault, _Counted]] = []
        self.play(rules)

    def play(self, rules: Sequence[Rule]) -> None:
        """From now on these rules, in this order."""
        self._rules = [(it, _Counted(it.times), _Counted(it.fault.times if it.fault else 0)) for it in rules]

    def fail(self, fault: Fault) -> None:
        """Lets calls fail, beginning with the next."""
        self._faults.append((fault, _Counted(fault.times)))

    def clear(self) -> None:
        """Forgets the faults that wait."""
        self._faults.clear()

    def fault(self, path: str) -> Fault | None:
        """What goes wrong with this call, whatever it asks."""
        for fault, left in self._faults:
            if fault.path in path and left.take():
                return fault
        return None

    def choose(self, path: str, *, model: str, text: str) -> tuple[Rule, Fault | None]:
        """The first rule that fits, and its own fault as long as that lasts."""
        for rule, left, fault_left in self._rules:
            if rule.when in text and rule.model in model and rule.path in path and left.take():
                return rule, rule.fault if rule.fault and fault_left.take() else None
        return ECHO, None
