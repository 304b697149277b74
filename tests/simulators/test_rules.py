"""Rules: which applies, how long, and how a file of them reads."""

from pathlib import Path

import pytest

from packhouse.simulators import Fault, Rule, RulesUnreadable, ToolCall, Usage, load_rules
from packhouse.simulators.answer import Model, split
from packhouse.simulators.asked import Asked
from packhouse.simulators.rules import Script, fault_of

TOML = """
[[rules]]
when = "weather"
stop = "tool_use"

[[rules.tool_calls]]
name = "weather"
arguments = { city = "Bonn" }

[[rules]]
text = "Anything else."
usage = { input = 10, output = 5 }
fault = { kind = "status", status = 429, retry_after = "1", times = 1 }
"""


def test_a_file_of_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(TOML)
    first, second = load_rules(file)
    assert first == Rule(when="weather", stop="tool_use", tool_calls=(ToolCall("weather", {"city": "Bonn"}),))
    assert second.usage == Usage(input=10, output=5)
    assert second.fault == Fault(kind="status", status=429, retry_after="1", times=1)
    as_json = tmp_path / "rules.json"
    as_json.write_text('{"rules": [{"text": "Anything else.", "times": 2}]}')
    assert load_rules(as_json) == (Rule(text="Anything else.", times=2),)


@pytest.mark.parametrize(
    "text",
    [
        "[[rules]]\nwhne = 'a'\n",
        "rules = 3",
        "[[",
        "[[rules]]\nfault = {kind = 'x'}\n",
        "[[rules]]\nfault = {kind = 'status', status = 200}\n",
        "[[rules]]\nfault = {kind = 'stall', seconds = nan}\n",
        "[[rules]]\nfirst_delay_seconds = -1.0\n",
        "[[rules]]\nusage = {input = -1}\n",
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(RulesUnreadable, match=r"rules\.toml"):
        load_rules(file)


def test_the_first_that_fits_as_long_as_it_lasts() -> None:
    rules = [
        Rule(when="a", times=1, text="once"),
        Rule(when="a", model="big", text="big"),
        Rule(when="a", fault=Fault(kind="close", times=1), text="a"),
        Rule(path="/other", text="other"),
    ]
    script = Script(rules)

    def chosen(text: str, *, model: str = "m", path: str = "/p") -> tuple[str | None, bool]:
        rule, fault = script.choose(path, model=model, text=text)
        return rule.text, fault is not None

    assert chosen("say a") == ("once", False)
    assert chosen("say a", model="very-big") == ("big", False)
    assert chosen("say a") == ("a", True)
    assert chosen("say a") == ("a", False)
    assert chosen("b", path="/other/x") == ("other", False)
    assert chosen("b") == (None, False)


def test_faults_wait_for_their_path() -> None:
    script = Script()
    script.fail(Fault(kind="close", path="/stream", times=2))
    script.fail(Fault(kind="reset"))
    kinds = [fault.kind if (fault := script.fault(path)) else "" for path in ("/a", "/stream", "/stream", "/stream")]
    assert kinds == ["reset", "close", "close", "reset"]
    script.clear()
    assert script.fault("/a") is None


def test_a_fault_in_a_line() -> None:
    assert fault_of("status=429 retry_after=3") == Fault(kind="status", status=429, retry_after="3")
    assert fault_of("kind=stall at=head seconds=0.5") == Fault(kind="stall", at="head", seconds=0.5)
    assert fault_of('{"kind": "event", "code": "x y"}') == Fault(kind="event", code="x y")
    for wrong in ("429", "kind=storm", "{"):
        with pytest.raises(RulesUnreadable):
            fault_of(wrong)


@pytest.mark.parametrize("text", ["", "a", "ab", "one two three", " x ", "ä" * 7, "a\n\nb\n"])
@pytest.mark.parametrize("pieces", [0, 1, 3, 50])
def test_pieces_are_the_whole(text: str, pieces: int) -> None:
    found = list(split(text, pieces))
    assert "".join(found) == text
    assert all(found)
    assert not pieces or len(found) <= pieces


def test_the_output_cap_counts_all_of_the_answer() -> None:
    model = Model()
    rule = Rule(thinking="t" * 40, text="x" * 40, tool_calls=(ToolCall("f", {"a": "b" * 40}),))
    free = model.answer(Asked(model="m", text="", input_tokens=1), rule)
    assert free.stop == "tool_use"
    for limit in range(1, free.usage.output + 1):
        cut = model.answer(Asked(model="m", text="", input_tokens=1, output_tokens_max=limit), rule)
        assert cut.usage.output <= max(limit, 10)  # the thinking alone
        assert (cut.stop == "max_tokens") == (limit < free.usage.output)
