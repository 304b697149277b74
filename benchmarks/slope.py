"""How fast something grows, with a bound that holds although what is measured one after the other hangs together."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HOUR_SECONDS = 3600
BLOCKS_MAX, BLOCKS_MIN = 45, 4
METHOD = (
    "Samples of the last three quarters are averaged over blocks; least squares over the blocks' means; the standard"
    " error is widened by what is left of lag-1 autocorrelation in the residuals (n(1-r)/(1+r) independent blocks);"
    " one-sided 95 % bounds from Student's t."
)


@dataclass(frozen=True, slots=True)
class Slope:
    """An hour's growth with the bounds between which it lies; each may be passed in one case of twenty."""

    an_hour: float
    lower: float
    upper: float
    mean: float
    blocks: int
    block_seconds: float

    @property
    def grows_by_half_its_mean(self) -> bool:
        """Surely upwards, and by no trifle, over the time that was looked at."""
        span = self.blocks * self.block_seconds / HOUR_SECONDS
        return self.lower > 0 and self.an_hour * span > 0.5 * abs(self.mean)


def slope(times: Sequence[float], values: Sequence[float]) -> Slope | None:
    """Over the last three quarters of the time; None where that is too short to tell."""
    if len(times) < 2:
        return None
    start = times[0] + (times[-1] - times[0]) / 4
    kept = [(at, value) for at, value in zip(times, values, strict=True) if at >= start]
    between = (times[-1] - times[0]) / (len(times) - 1)
    wanted = min(BLOCKS_MAX, len(kept))
    size = -(-len(kept) // wanted) if wanted >= BLOCKS_MIN else 0
    if not size:
        return None
    blocks = [kept[i : i + size] for i in range(0, len(kept) - size + 1, size)]
    if len(blocks) < BLOCKS_MIN:
        return None
    at = [statistics.fmean(time for time, _ in block) / HOUR_SECONDS for block in blocks]
    means = [statistics.fmean(value for _, value in block) for block in blocks]
    return _fitted(at, means, block_seconds=size * between)


def _fitted(at: Sequence[float], means: Sequence[float], *, block_seconds: float) -> Slope:
    count = len(at)
    middle, mean = statistics.fmean(at), statistics.fmean(means)
    spread = sum((x - middle) ** 2 for x in at)
    growth = sum((x - middle) * (y - mean) for x, y in zip(at, means, strict=True)) / spread
    residuals = [y - mean - growth * (x - middle) for x, y in zip(at, means, strict=True)]
    squares = sum(r * r for r in residuals)
    lag = sum(a * b for a, b in itertools.pairwise(residuals)) / squares if squares else 0.0
    lag = min(max(lag, 0.0), 0.9)
    independent = max(count * (1 - lag) / (1 + lag), 3.0)
    error = math.sqrt(squares / (count - 2) / spread * (count / independent))
    reach = student_95(independent - 2) * error
    return Slope(growth, growth - reach, growth + reach, mean, count, block_seconds)


def student_95(freedom: float) -> float:
    """The one-sided 95 % point of Student's t, exact for 1 and 2 degrees, within 0.5 % from 3 on."""
    if freedom < 2:
        return 6.3138 - (6.3138 - 2.92) * (max(freedom, 1.0) - 1)
    if freedom < 3:
        return 2.92 - (2.92 - 2.3534) * (freedom - 2)
    z = statistics.NormalDist().inv_cdf(0.95)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
