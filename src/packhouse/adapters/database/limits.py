"""The limits of a pack as they were in a bundle month, for whoever reads them without SQLAlchemy."""

from packhouse.adapters.database.connection import Connection
from packhouse.domain.quota import MeterLimit, Weights

_LIMITS = (
    "SELECT meter, input_weight, output_weight, cache_read_weight, cache_write_weight, limit_amount"
    " FROM resource_limit l WHERE resource_id = ?1 AND from_at ="
    " (SELECT max(from_at) FROM resource_limit WHERE resource_id = ?1 AND meter = l.meter AND from_at <= ?2)"
    " ORDER BY meter"
)


def limits_of(sql: Connection, resource_id: str, *, month_start: int) -> list[MeterLimit]:
    """The meters of a pack with their limits in the bundle month that starts then (microseconds), by name."""
    rows = sql.run(_LIMITS, (resource_id, month_start))
    return [MeterLimit(meter, Weights(*weights), limit) for meter, *weights, limit in rows]
