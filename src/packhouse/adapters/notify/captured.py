"""Mail that goes nowhere: kept in memory, for tests and trials."""

from packhouse.ports.notify import Failed, Letter


class CapturedMail:
    """See `ports.notify.Mail`. `letters` are all that were taken; the first `failures` are given back instead."""

    def __init__(self, *failures: Failed) -> None:
        self.letters = list[Letter]()
        self._failures = list(failures)

    async def send(self, letter: Letter) -> Failed | None:
        if self._failures:
            return self._failures.pop(0)
        self.letters.append(letter)
        return None
