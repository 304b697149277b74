"""Mail and messages that go nowhere: kept in memory, for tests and trials."""

from packhouse.ports.notify import Failed, Letter, Message


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


class CapturedWebhooks:
    """See `ports.notify.Webhooks`. `messages` are all that were taken, or none where each is to `fail`."""

    def __init__(self, *, fail: Failed | None = None) -> None:
        self.messages = list[Message]()
        self._fail = fail

    async def post(self, message: Message) -> Failed | None:
        if self._fail is None:
            self.messages.append(message)
        return self._fail
