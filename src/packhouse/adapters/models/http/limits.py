"""How long a provider is waited for, and how much of it is taken."""

import msgspec


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `first_byte` counts from sending: an answer that is not streamed comes when it is complete.

    `between_bytes` is the longest silence inside an answer, `total` the longest call. All but `connect` are
    noticed up to the pool's tick (a quarter of a second) late.
    """

    connect_seconds: float = 5.0
    first_byte_seconds: float = 300.0
    between_bytes_seconds: float = 60.0
    total_seconds: float = 900.0


class PoolLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one origin's connections. `connections_max` is also the number of calls under way at once."""

    connections_max: int = 1024
    idle_seconds: float = 30.0
    head_bytes_max: int = 64 * 1024
    answer_bytes_max: int = 64 * 1024 * 1024
    unread_bytes_max: int = 64 * 1024
    tick_seconds: float = 0.25
