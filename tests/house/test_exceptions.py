"""The list of exceptions stays short and says why."""

from tests.house.exceptions import RULES, exceptions


def test_at_most_ten() -> None:
    assert len(exceptions()) <= 10


def test_each_names_its_rule_and_its_reason() -> None:
    wrong = [key for key, reason in exceptions().items() if key[0] not in RULES or len(reason) < 15]
    assert wrong == []
