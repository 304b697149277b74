"""The exceptions to the house rules: at most ten, each with its reason, none kept for nothing."""

from collections.abc import Iterable
from functools import cache

import pytest

from tests.support.needs import ROOT

FILE = ROOT / "tests" / "house" / "exceptions.txt"
RULES = frozenset({"file-size", "function-size", "parameters", "positional", "late-import", "broad-except", "name"})


@cache
def exceptions() -> dict[tuple[str, str], str]:
    """(rule, place) → reason. A place is a path, or `path:qualified.name`."""
    found: dict[tuple[str, str], str] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            head, _, reason = line.partition(": ")
            rule, _, place = head.partition(" ")
            found[rule, place] = reason.strip()
    return found


def hold(rule: str, breaches: Iterable[tuple[str, str]]) -> None:
    """Fails, naming every place, where one breaks `rule` without an exception, or an exception is not needed.

    `breaches` are (place, what is wrong).
    """
    assert rule in RULES
    found = dict(breaches)
    excused = {place for named, place in exceptions() if named == rule}
    broken = [f"{place}: {wrong}" for place, wrong in sorted(found.items()) if place not in excused]
    broken += [f"{place}: needs no exception to {rule}" for place in sorted(excused - found.keys())]
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)
