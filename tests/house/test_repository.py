"""What may lie in the repository: nothing of one machine, no registry's address, every package by hash."""

import re

import pytest

from tests.support.needs import ROOT
from tests.support.sources import tracked_files, tracked_text

# Put together here, so that this file does not find itself.
REGISTRIES = (
    "pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com", "crates" + ".io",
    "proxy.golang" + ".org", "repo.maven" + ".apache.org", "repo1.maven" + ".org", "deb.debian" + ".org",
    "ghcr" + ".io", "quay" + ".io",
)  # fmt: skip
MACHINE = re.compile("|".join((r"/wor" + r"k/", r"/roo" + r"t/", r"/op" + "t/wheels", r"/home/\w+/", r"\.py" + "env/")))
WORDS = re.compile(
    r"\b(" + "|".join(("sub-?agen" + "ts?", "coding agen" + "t", "AI assistan" + "t", "co-authored-b" + "y")) + r")\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "wanted", [re.compile("|".join(map(re.escape, REGISTRIES))), MACHINE, WORDS], ids=["registry", "machine", "words"]
)
def test_nothing_tells_where_it_was_made(wanted: re.Pattern[str]) -> None:
    found = [
        f"{path}:{number}: {match.group()}"
        for path in tracked_files()
        for number, line in enumerate((tracked_text(path) or "").splitlines(), 1)
        if (match := wanted.search(line))
    ]
    assert found == []


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_locks_name_versions_and_hashes_only(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "//" not in text
    assert not re.search(r"^\s*-(?!-hash)", text, re.MULTILINE), "an option, such as an index"
    for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert re.match(r"[a-z0-9][a-z0-9.-]*(\[[a-z0-9,-]+\])?==\S+( ;[^\n]+)? \\\n", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_dev_and_base_agree() -> None:
    base, dev = (set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
                 for name in ("base.txt", "dev.txt"))  # fmt: skip
    assert base - dev == set()
