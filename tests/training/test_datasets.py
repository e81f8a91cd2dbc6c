"""Batches are repeatable, and every prompt fits its mask."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from annotator.training.datasets import (
    MASK_STRIDE,
    Batch,
    BatchShape,
    TrainingData,
    choose_objects,
    innermost,
)
from annotator.training.materials import TextureBank
from annotator.training.pool import ScenePool
from annotator.training.scenes import Scene, draw_scene
from annotator.training.views import PADDING_COLOUR, fitted_view, make_view, mosaic, paste, warp

SHAPE = BatchShape(size=96, images=3, objects=2)


@pytest.fixture
def data(tmp_path: Path, labelled_folder: Path) -> TrainingData:
    pool = ScenePool(tmp_path / "scenes", 96, max_shards=1, shard_scenes=4)
    pool.draw_shard(0, TextureBank.make())
    return TrainingData(pool, labelled_folder, seed=3, photo_share=0.5)


def two_squares() -> Scene:
    """A 40 × 40 scene: a square with a smaller one as its part."""
    nodes = np.zeros((40, 40), np.int16)
    nodes[4:24, 6:30] = 1
    nodes[8:16, 10:20] = 2
    image = np.repeat((nodes[..., None] * 80).astype(np.uint8), 3, axis=-1)
    return Scene(image, nodes, np.array([[0, 0, 0], [1, 0, 0], [1, 2, 0]], np.int16))


def test_a_batch_is_a_function_of_its_step(data: TrainingData) -> None:
    first, again, other = (data.batch(step, SHAPE) for step in (5, 5, 6))
    for name in vars(first):
        assert torch.equal(getattr(first, name), getattr(again, name)), name
    assert not torch.equal(first.images, other.images)


def test_prompts_fit_their_targets(data: TrainingData) -> None:
    for step in range(4):
        check_prompts(data.batch(step, SHAPE))


def check_prompts(batch: Batch) -> None:
    count, side = SHAPE.images * SHAPE.objects, SHAPE.size // MASK_STRIDE
    assert batch.images.shape == (SHAPE.images, 3, SHAPE.size, SHAPE.size)
    assert batch.targets.shape == (count, 3, side, side)
    assert batch.valid[:, 0].all()
    for index in range(count):
        x, y = (batch.points[index] // MASK_STRIDE).long().tolist()
        assert batch.targets[index, batch.valid[index], y, x].min() > 0  # every valid answer holds the click
        rows, columns = (batch.targets[index, 0] > 127).nonzero(as_tuple=True)
        box = (batch.boxes[index] / MASK_STRIDE).tolist()
        assert box[0] - 1 <= columns.min() <= columns.max() <= box[2]
        assert box[1] - 1 <= rows.min() <= rows.max() <= box[3]


def test_workers_give_the_same_batches(data: TrainingData) -> None:
    alone, helped = data.batches(2, SHAPE, workers=0), data.batches(2, SHAPE, workers=1)
    for _ in range(2):
        assert torch.equal(next(alone).images, next(helped).images)


def test_an_ambiguous_click_lists_every_level() -> None:
    prompts = choose_objects(two_squares(), 2, np.random.default_rng(0))
    on_part = [p for p in prompts if two_squares().nodes[int(p.point[1]), int(p.point[0])] == 2]
    assert {int(p.valid.sum()) for p in on_part} <= {2}
    assert len(prompts) == 2


def test_objects_too_small_are_not_asked_for() -> None:
    nodes = np.zeros((64, 64), np.int16)
    nodes[0, 0] = 1
    lone = Scene(np.zeros((64, 64, 3), np.uint8), nodes, np.array([[0, 0, 0], [1, 0, 0]], np.int16))
    assert choose_objects(lone, 2, np.random.default_rng(0)) == []


def test_innermost_is_the_middle_of_a_square() -> None:
    mask = np.zeros((20, 20), bool)
    mask[3:12, 5:14] = True
    assert innermost(mask) == (7, 9)


def test_colours_and_nodes_move_together() -> None:
    scene = two_squares()
    view = warp(scene, np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]]), 96)
    assert view.nodes.shape == (96, 96)
    assert (view.image[:80, :80, 0] > 40).sum() == pytest.approx((view.nodes > 0).sum(), rel=0.1)
    assert tuple(view.image[-1, -1]) == PADDING_COLOUR
    assert (view.nodes > 0).sum() == pytest.approx(4 * (scene.nodes > 0).sum(), rel=0.02)


def test_a_pasted_object_covers_what_was_there() -> None:
    rng = np.random.default_rng(0)
    below = Scene(
        np.zeros((128, 128, 3), np.uint8), np.ones((128, 128), np.int16), two_squares().ancestors[:2]
    )
    pasted = paste(below, two_squares(), rng)
    number = int(pasted.nodes.max())
    assert number == 2
    assert pasted.ancestors[number].tolist() == [2, 0, 0]
    assert pasted.image[pasted.mask(number)].mean() > 60
    assert pasted.image[pasted.mask(1)].mean() < 10


def test_small_pasted_things_come_in_herds_each_turned_its_own_way() -> None:
    """Of many tries with a bar of two squares: some leave several new wholes, and some of those stand askew."""
    below = Scene(
        np.zeros((256, 256, 3), np.uint8), np.zeros((256, 256), np.int16), np.zeros((1, 3), np.int16)
    )
    tries = [paste(below, two_squares(), np.random.default_rng(seed)) for seed in range(40)]
    herds = [view for view in tries if len(view.ancestors) > 2]
    assert 0 < len(herds) < len(tries)
    for view in tries:
        assert (view.ancestors[1:, 0] == np.arange(1, len(view.ancestors))).all()
        assert (view.ancestors[:, 1:] == 0).all()
        assert view.nodes.max() < len(view.ancestors)
    sides = [cv2.boundingRect(view.mask(1).astype(np.uint8))[2:] for view in herds]
    assert max(max(width, height) for width, height in sides) < 0.2 * 256
    filled = [
        view.mask(1).sum() / max(1, width * height)
        for view, (width, height) in zip(herds, sides, strict=True)
    ]
    assert max(filled) > 0.9 > 0.8 > min(filled)


def test_a_mosaic_shows_four_views_with_all_their_nodes() -> None:
    rng = np.random.default_rng(1)
    parts = [
        Scene(
            rng.integers(0, 255, (8, 8, 3), np.uint8),
            rng.integers(0, count + 1, (8, 8)).astype(np.int16),
            np.array([[0, 0, 0], *([1, number, 0] for number in range(1, count + 1))], np.int16),
        )
        for count in (2, 3, 0, 1)
    ]
    whole = mosaic(parts)
    assert whole.ancestors.tolist() == [
        [0, 0, 0], [1, 1, 0], [1, 2, 0], [3, 3, 0], [3, 4, 0], [3, 5, 0], [6, 6, 0]
    ]  # fmt: skip
    corners = [(slice(0, 8), slice(0, 8)), (slice(0, 8), slice(8, 16)), (slice(8, 16), slice(0, 8))]
    for corner, part, first in zip(
        [*corners, (slice(8, 16), slice(8, 16))], parts, (0, 2, 5, 5), strict=True
    ):
        assert (whole.image[corner] == part.image).all()
        assert (whole.nodes[corner] == np.where(part.nodes > 0, part.nodes + first, 0)).all()


def test_samples_are_mosaics_where_asked_for(data: TrainingData, labelled_folder: Path) -> None:
    mixed = TrainingData(data.pool, labelled_folder, seed=3, photo_share=1.0, mosaic_share=1.0)
    plain = TrainingData(data.pool, labelled_folder, seed=3, photo_share=1.0)
    things = [
        np.mean([len(np.unique(source.batch(step, SHAPE).wholes)) for step in range(6)])
        for source in (mixed, plain)
    ]
    assert things[0] > 1.5 * things[1]


def test_views_are_square_and_keep_labels_valid() -> None:
    bank = TextureBank.make()
    for seed in range(10):
        view = make_view(draw_scene(bank, seed, 80), 64, np.random.default_rng(seed), real=seed % 2 == 0)
        assert view.image.shape == (64, 64, 3)
        assert view.image.dtype == np.uint8
        assert 0 <= view.nodes.min() <= view.nodes.max() < len(view.ancestors)


def test_a_part_of_an_image_shows_objects_as_large_as_the_product_does() -> None:
    """A disc in views of half the side: as large as in the product, or, of whole images, a quarter of that."""
    nodes = np.zeros((100, 100), np.int16)
    cv2.circle(nodes, (50, 50), 6, 1, -1)
    scene = Scene(np.zeros((100, 100, 3), np.uint8), nodes, np.array([[0, 0, 0], [1, 0, 0]], np.int16))
    product = int(fitted_view(scene, 128).mask(1).sum())

    def share(size: float, fitted_to: int | None) -> float:
        """Of the views, those that show the disc at about that size."""
        made = (
            make_view(scene, 64, np.random.default_rng(seed), real=True, jitter=(1, 1), fitted_to=fitted_to)
            for seed in range(60)
        )
        return sum(abs(int(view.mask(1).sum()) - size) < 0.15 * size for view in made) / 60

    assert share(product, 128) > 0.25
    assert share(product / 4, 128) < 0.1
    assert share(product / 4, None) > 0.5
    assert share(product / 4, 64) == share(product / 4, None)
