"""The choice of objects is fixed, balanced and split without overlap."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotator.evaluation.objects import read_objects


def test_halves_are_disjoint_and_complete(measuring_folder: Path) -> None:
    halves = {
        half: read_objects(measuring_folder, ("discs",), half, 100) for half in ("tuning", "held", "all")
    }
    tuning, held = ({item.path for item in halves[half]} for half in ("tuning", "held"))
    assert tuning
    assert held
    assert not tuning & held
    assert len(halves["tuning"]) + len(halves["held"]) == len(halves["all"]) == 24


def test_the_choice_is_repeatable_and_ordered_by_image(measuring_folder: Path) -> None:
    first = read_objects(measuring_folder, ("discs",), "all", 7)
    assert first == read_objects(measuring_folder, ("discs",), "all", 7)
    assert len(first) == 7
    assert [item.path.name for item in first] == sorted(item.path.name for item in first)


def test_only_things_count(measuring_folder: Path) -> None:
    assert len(read_objects(measuring_folder, ("stuff",), "all", 10)) == 1


def test_masks_and_images_are_of_one_size(measuring_folder: Path) -> None:
    item = read_objects(measuring_folder, ("discs",), "all", 1)[0]
    assert item.image().shape == (60, 80, 3)
    assert item.mask().shape == (60, 80)
    assert int(item.mask().sum()) == item.area


def test_a_missing_set_is_named(measuring_folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_objects(measuring_folder, ("nowhere",), "all", 5)
