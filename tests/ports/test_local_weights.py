"""Which weights the local text model runs on, and that they are what they should be."""

import hashlib
from pathlib import Path

import pytest

from packhouse.adapters.models.local.weights import SHA256, Weights, checked, installed_weights, own_weights
from packhouse.domain.errors import Refused


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF and more")
    return path


def pinned(path: Path) -> Weights:
    return Weights(path, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.needs("weights")
def test_the_installed_weights_are_the_pinned_ones(tmp_path: Path) -> None:
    weights = installed_weights()
    assert weights.sha256 == SHA256
    assert checked(weights, tmp_path) == weights.path


def test_a_file_is_read_once_and_again_when_it_has_changed(file: Path, tmp_path: Path) -> None:
    stamps = tmp_path / "stamps"
    weights = pinned(file)
    assert checked(weights, stamps) == file
    (stamp,) = stamps.iterdir()
    stamp.write_text(stamp.read_text().replace(weights.sha256, "0" * 64))  # a stamp for another hash counts for nothing
    assert checked(weights, stamps) == file
    file.write_bytes(b"GGUF but not the same")
    with pytest.raises(Refused, match="damaged") as caught:
        checked(weights, stamps)
    assert caught.value.code == "unavailable"


def test_weights_that_are_gone(file: Path) -> None:
    weights = pinned(file)
    file.unlink()
    with pytest.raises(Refused) as caught:
        checked(weights)
    assert caught.value.code == "unavailable"


def test_a_file_of_ones_own(file: Path, tmp_path: Path) -> None:
    assert checked(own_weights(file)) == file
    (tmp_path / "b.gguf").write_bytes(b"PK")
    for wrong in (tmp_path / "b.gguf", tmp_path / "none.gguf", tmp_path):
        with pytest.raises(Refused) as caught:
            own_weights(wrong)
        assert caught.value.code == "setting_invalid"
