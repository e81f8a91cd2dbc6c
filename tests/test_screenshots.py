"""The picture-taking tool speaks of photographs, labels and pages that exist."""

from __future__ import annotations

from annotator.services.demo import CATEGORIES, PHOTOGRAPHS
from tools.screenshots import clicked
from tools.screenshots.documentation import SCENES
from tools.screenshots.hand import box, brush, in_words, include
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


def test_what_was_done_by_hand_lies_on_its_photograph() -> None:
    assert len({photograph.name for photograph in clicked.PHOTOGRAPHS}) == 10
    for photograph in clicked.PHOTOGRAPHS:
        assert 3 <= len(photograph.objects) <= 5
        for _label, acts in photograph.objects:
            spots = [axis for act in acts for spot in act.spots for axis in spot]
            assert min(spots) >= 0
            assert max(spots) <= 1
            assert all(act.size > 0 for act in acts if act.kind in ("brush", "erase"))


def test_what_was_done_is_counted_in_words() -> None:
    done = (box(0, 0, 1, 1), include(0.5, 0.5), include(0.4, 0.5), brush(3, (0.1, 0.1), (0.2, 0.2)))
    assert in_words(done) == "1 box, 2 points, 1 brush stroke"
