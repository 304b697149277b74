"""Stop sequences in a text that comes in pieces, wherever the pieces are cut.

llama.cpp knows stop sequences too, but does not say whether one of them or the model ended the answer.
"""


class Stops:
    """Lets text through until one of `sequences` comes; holds back what may turn out to begin one."""

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = sequences
        self._held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """What is certain to come before any stop sequence. After a hit: nothing."""
        if self.hit:
            return ""
        self._held += text
        found = [at for stop in self._sequences if (at := self._held.find(stop)) >= 0]
        if found:
            self.hit = True
            certain, self._held = self._held[: min(found)], ""
            return certain
        keep = max((self._begun(stop) for stop in self._sequences), default=0)
        cut = len(self._held) - keep
        certain, self._held = self._held[:cut], self._held[cut:]
        return certain

    def rest(self) -> str:
        """What was held back, once the text has ended."""
        held, self._held = self._held, ""
        return held

    def _begun(self, stop: str) -> int:
        """How many characters at the end may be the beginning of `stop`."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)
