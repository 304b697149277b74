"""The simulator's own pages under `/_simulator/`: what it saw, new rules, faults, a closed port."""

from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from packhouse.simulators.http import Reply, Request, json_reply
from packhouse.simulators.replay import Replay
from packhouse.simulators.rules import Fault, Rules, Script, check_amounts
from packhouse.simulators.seen import Seen

PREFIX = "/_simulator/"


class Listening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new connections are met: taken, refused, or broken in the TLS handshake; after `seconds` taken again."""

    mode: Literal["accept", "refuse", "break_tls"] = "accept"
    seconds: float = 0.0

    def __post_init__(self) -> None:
        check_amounts("how it listens:", seconds=self.seconds)


class Exchanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Recorded exchanges by their ids."""

    ids: tuple[str, ...]


class Control:
    """Answers those pages. Anything wrong in a request is a 400 that says what."""

    def __init__(
        self, script: Script, seen: Seen, *, listen: Callable[[Listening], None], replay: Replay | None
    ) -> None:
        self._script = script
        self._seen = seen
        self._listen = listen
        self._replay = replay

    def answer(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except ValueError as error:
            return json_reply({"error": str(error)}, status=400)

    def _answer(self, request: Request) -> Reply:
        match request.method, request.path.removeprefix(PREFIX):
            case "GET", "seen":
                said = parse_qs(request.query)
                last = int(said.get("last", ["100"])[0])
                return json_reply(self._seen.summary(bodies="bodies" in said, last=last))
            case "POST", "seen" | "reset":
                self._seen.reset()
            case "POST", "rules":
                self._script.play(msgspec.json.decode(request.body, type=Rules).rules)
            case "POST", "fault":
                self._script.fail(msgspec.json.decode(request.body, type=Fault))
            case "POST", "clear":
                self._script.clear()
            case "POST", "replay" if self._replay is not None:
                self._replay.next(*msgspec.json.decode(request.body, type=Exchanges).ids)
            case "POST", "listen":
                self._listen(msgspec.json.decode(request.body, type=Listening))
            case _:
                return json_reply({"error": "no such page"}, status=404)
        return json_reply({"done": True})
