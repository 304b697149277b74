"""The size budget: a file is read in one sitting, a function at one glance, a call without counting."""

import ast
from collections.abc import Iterator

from tests.house.exceptions import hold
from tests.support.sources import Function, Source, sources

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
PARAMETERS_MAX = 6
POSITIONAL_MAX = 2

ASGI = ("scope", "receive", "send")
"""The one signature that others call by position and that we have not chosen."""


def test_files() -> None:
    long = ((s.path, f"{n} lines") for s in sources() if (n := len(s.text.splitlines())) > FILE_LINES_MAX)
    hold("file-size", long)


def test_functions() -> None:
    def long() -> Iterator[tuple[str, str]]:
        for place, function in every_function():
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield place, f"{lines} lines"

    hold("function-size", long())


def test_parameters() -> None:
    def many() -> Iterator[tuple[str, str]]:
        for place, function in every_function():
            count = len(positional(function)) + len(function.args.kwonlyargs)
            if count > PARAMETERS_MAX:
                yield place, f"{count} parameters"

    hold("parameters", many())


def test_keyword_only_after_two() -> None:
    def many() -> Iterator[tuple[str, str]]:
        for place, function in every_function():
            names = positional(function)
            if len(names) > POSITIONAL_MAX and tuple(names) != ASGI and not is_protocol_of_python(function):
                yield place, f"{len(names)} positional parameters: {', '.join(names)}"

    hold("positional", many())


def every_function() -> Iterator[tuple[str, Function]]:
    for source in sources():
        for name, function in source.functions():
            yield f"{source.path}:{name}", function


def positional(function: Function) -> list[str]:
    """Names of the parameters that can be given by position, `self` and `cls` left out."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def is_protocol_of_python(function: Function) -> bool:
    """`__aexit__` and its like: Python says how they are called."""
    return function.name.startswith("__") and function.name.endswith("__") and function.name != "__init__"


def test_the_yardstick_measures() -> None:
    tree = ast.parse("class A:\n def f(self, a, /, b, c, *, d): ...\n async def __aexit__(self, a, b, c): ...\n")
    measured = dict(Source("a.py", "a", "", tree).functions())
    assert positional(measured["A.f"]) == ["a", "b", "c"]
    assert is_protocol_of_python(measured["A.__aexit__"])
