"""When to try again, and after how long: pure decisions, the dice come from the caller."""

import msgspec

from packhouse_connector.core.call import Call
from packhouse_connector.core.refusal import problem_of
from packhouse_connector.core.response import Response
from packhouse_connector.errors import ConnectionFailed, NotReached


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how patiently the connector tries again. `Retries(attempts_max=1)` never does.

    Tried again is only what is safe: a call that never left; one that the server put off (408, 429, or 503
    with `retry-after`), an exhausted quota apart; and one that changes and spends nothing. Waits double from
    `wait_seconds_first`, with jitter; where the server asks for more than `wait_seconds_max` the error is
    raised at once.
    """

    attempts_max: int = 3
    wait_seconds_first: float = 0.5
    wait_seconds_max: float = 30.0

    def wait_seconds(
        self, call: Call, outcome: Response | ConnectionFailed, *, attempt: int, dice: float
    ) -> float | None:
        """How long to wait before the next attempt; None: the outcome stands.

        `attempt` counts from 1, `dice` is in [0, 1).
        """
        if attempt >= self.attempts_max or not _may_repeat(call, outcome):
            return None
        asked = outcome.retry_after_seconds
        if asked is not None:
            return asked + dice * self.wait_seconds_first if asked <= self.wait_seconds_max else None
        backoff = min(self.wait_seconds_max, self.wait_seconds_first * 2 ** (attempt - 1))
        return backoff * (1 + dice) / 2


SENSIBLE = Retries()


def _may_repeat(call: Call, outcome: Response | ConnectionFailed) -> bool:
    if isinstance(outcome, ConnectionFailed):
        return call.safe_to_retry or isinstance(outcome, NotReached)
    match outcome.status:
        case 429:
            problem = problem_of(outcome)
            return problem is None or problem.code != "quota_exhausted"
        case 408:  # the request did not arrive whole
            return True
        case 503:
            return call.safe_to_retry or outcome.retry_after_seconds is not None
        case 502 | 504:
            return call.safe_to_retry
        case _:
            return False
