"""Questions to the person at the terminal, asked on standard error: standard output is for answers."""

import sys
from getpass import getpass

from packhouse.cli.ending import REFUSED, Ended


def confirm(question: str) -> None:
    """Goes on after a yes only. Ended: a no, and where nobody answers."""
    answer = line(f"{question} [y/N]: ")
    if not answer:
        raise Ended("Nobody said yes, so nothing was done.", REFUSED)
    if answer.strip().lower() not in {"y", "yes"}:
        raise Ended("Nothing was done.", REFUSED)


def line(prompt: str) -> str:
    """With its end of line; empty where nothing comes any more."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline()


def secret(prompt: str, *, twice: bool = False) -> str:
    """Without an echo; from a pipe one line, once. Ended: the second is not the first."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    text = getpass(f"{prompt}: ")
    if twice and getpass(f"{prompt} again: ") != text:
        raise Ended("The two are not the same, so nothing was done.", REFUSED)
    return text
