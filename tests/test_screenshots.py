"""The picture-taking tool speaks of photographs, labels and pages that exist."""

from __future__ import annotations

from annotator.services.demo import CATEGORIES, PHOTOGRAPHS
from tools.screenshots.documentation import SCENES
from tools.screenshots.modes import MODES
from tools.screenshots.pages import PAGES

NAMES = {name for _, name in PHOTOGRAPHS}


def test_every_mode_is_shown_on_a_demo_image() -> None:
    assert {image for image, _ in MODES.values()} <= NAMES
    assert {scene.image for scene in SCENES} <= NAMES


def test_labels_are_those_of_the_demo() -> None:
    assert {wanted.label for scene in SCENES for wanted in scene.objects} <= set(CATEGORIES)


def test_a_picture_has_one_meaning() -> None:
    assert not MODES.keys() & PAGES.keys()
