"""What the gateway's HTTP server bears from a client before it says no."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. A time is noticed up to `tick_seconds` late.

    `unasked_body_bytes_max`: a body above it is read only after its sender was found to be one of ours.
    """

    body_bytes_max: int = 32 * 1024 * 1024
    head_bytes_max: int = 64 * 1024
    unasked_body_bytes_max: int = 64 * 1024
    pipelined_max: int = 16
    unsent_bytes_max: int = 64 * 1024
    idle_seconds: float = 75.0
    head_seconds: float = 15.0
    body_stall_seconds: float = 30.0
    send_stall_seconds: float = 60.0
    linger_seconds: float = 3.0
    tick_seconds: float = 0.5
