"""Matching prompts with the image: likeness of colour, and likeness that spreads along paths."""

from __future__ import annotations

import heapq
import random

import pytest
import torch
from torch import Tensor

from annotator.sam import lean_matching
from annotator.sam.config import PRESETS
from annotator.sam.matching import KINDS, LEVELS, MATCHED_CHANNELS, schedule, spread
from annotator.sam.model import Sam

SIDE = 128  # pixels, so 32 mask pixels


@pytest.fixture(scope="module")
def sam() -> Sam:
    """Fresh weights: the embedding of a flat ViT plus the colours that the details start with."""
    torch.manual_seed(3)
    return Sam(PRESETS["bundled"].with_image_size(SIDE)).eval()


@torch.no_grad()
def _maps(sam: Sam, image: Tensor, coords: list[list[float]], labels: list[float]) -> dict[str, Tensor]:
    """Likeness and spread likeness of a prompt set by kind, (32, 32) each."""
    features = sam.prompt_encoder.match_features(sam.image_encoder(image[None]))
    assert features is not None
    assert sam.prompt_encoder.matching is not None
    centres = (torch.tensor([coords]) + 0.5) / 4 - 0.5
    maps = sam.prompt_encoder.matching(features, centres, torch.tensor([labels]), SIDE // 4)[0]
    assert maps.shape == (MATCHED_CHANNELS, SIDE // 4, SIDE // 4)
    names = ("foreground", "background", "middle", "surroundings")
    like = {name: maps[LEVELS * index] for index, name in enumerate(names)}
    return {**like, **{f"{name} spread": maps[LEVELS * len(KINDS) + i] for i, name in enumerate(names)}}


def _two_rooms() -> Tensor:
    """Two rooms of one colour, a wall of another between them."""
    image = torch.full((3, SIDE, SIDE), -1.0)
    image[:, :, 56:72] = 1.5
    return image


def test_likeness_follows_colour_and_spreading_stops_at_walls(sam: Sam) -> None:
    maps = _maps(sam, _two_rooms(), [[24.0, 64.0], [0.0, 0.0]], [1.0, -1.0])
    like, spreading = maps["foreground"], maps["foreground spread"]
    assert like[16, 5] > 0.7
    assert like[16, 28] > 0.7  # the other room looks the same
    assert like[16, 16] < 0.3
    assert spreading[2, 2] > 0.7
    assert spreading[16, 28] < 0.3  # but no path leads there
    assert not maps["background"].any()
    assert not maps["middle"].any()


def test_every_kind_of_prompt_has_its_own_maps(sam: Sam) -> None:
    image = torch.full((3, SIDE, SIDE), -1.0)
    image[:, 40:88, 40:88] = 1.5
    maps = _maps(sam, image, [[8.0, 8.0], [40.0, 40.0], [88.0, 88.0]], [0.0, 2.0, 3.0])
    for kind in ("background", "surroundings"):
        assert maps[f"{kind} spread"][1, 1] > 0.6, kind
        assert maps[f"{kind} spread"][16, 16] < 0.3, kind
    assert maps["middle spread"][16, 16] > 0.6
    assert maps["middle spread"][1, 1] < 0.3
    assert not maps["foreground"].any()


def test_several_images_serve_their_own_prompts(sam: Sam) -> None:
    assert sam.prompt_encoder.matching is not None
    matching = sam.prompt_encoder.matching
    features = torch.randn(2, LEVELS, 16, 16, 16)
    centres, labels = torch.rand(6, 3, 2) * 16, torch.tensor([[1.0, 2.0, 3.0]]).expand(6, 3)
    together = matching(features, centres, labels, 16)
    for index in range(6):
        alone = matching(features[index // 3][None], centres[index][None], labels[index][None], 16)
        assert torch.allclose(together[index], alone[0], atol=1e-5)


def test_spreading_finds_the_best_path() -> None:
    random.seed(1)
    likeness = torch.rand(1, 2, 32, 32).round(decimals=2)
    seeds = torch.zeros(1, 2, 32, 32)
    seeds[0, 0, 3, 4] = 1
    seeds[0, 1, 30, 9] = 1
    found = spread(likeness, seeds, schedule(32))
    for channel in range(2):
        exact = _minimax(likeness[0, channel], seeds[0, channel])
        assert (found[0, channel] <= exact + 1e-6).all()  # never through a wall
        near = exact.clone()
        y, x = divmod(int(seeds[0, channel].argmax()), 32)
        window = (slice(max(0, y - 6), y + 7), slice(max(0, x - 6), x + 7))
        assert (found[0, channel] - near)[window].abs().mean() < 0.02


@pytest.mark.parametrize("side", [128, 256])
def test_likeness_reaches_across_the_image_at_every_size(side: int) -> None:
    seeds = torch.zeros(1, 1, side, side)
    seeds[0, 0, 0, 0] = 1
    corridor = torch.zeros(1, 1, side, side)
    corridor[..., ::8, :] = 1  # too narrow for coarse cells: only single steps go along it
    assert spread(torch.ones(1, 1, side, side), seeds, schedule(side)).min() == 1
    reached = spread(corridor, seeds, schedule(side))[0, 0, 0]
    assert reached.count_nonzero() > side * 12 // 128


@pytest.mark.parametrize("size", [(128, 128), (96, 160)])
def test_on_a_cpu_it_spreads_the_same_sooner(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(2)
    count = 6 * size[0] * size[1]
    # All different: of equal ones it does not matter which gets the gradient.
    likeness = ((torch.randperm(count, generator=generator) + 1) / (count + 1)).view(2, 3, *size)
    seeds = torch.zeros(2, 3, *size)
    seeds[0, 0, 17, 80], seeds[0, 2, 90, 3], seeds[1, 0, 5, 5] = 2.0, 0.4, 1.0  # the others: nothing asked
    wanted = torch.rand(2, 3, *size, generator=generator)
    found = {}
    for kind in (spread, lean_matching.spread):
        leaf = likeness.clone().requires_grad_()
        reached = kind(leaf, seeds, schedule(max(size)))
        (reached * wanted).sum().backward()
        found[kind] = reached.detach(), leaf.grad
    (plain, plain_gradient), (lean, lean_gradient) = found.values()
    assert torch.equal(lean, plain)
    assert plain_gradient is not None
    assert lean_gradient is not None
    asked = seeds.flatten(2).any(-1)
    assert asked.sum() == 3
    assert lean_gradient[asked].count_nonzero() > 3
    assert torch.allclose(lean_gradient[asked], plain_gradient[asked], atol=1e-3)


def test_on_a_cpu_distances_are_the_same() -> None:
    features, keys = torch.randn(2, LEVELS, 16, 50), torch.randn(2, LEVELS, 3, 16)
    plain = (keys[..., None] - features[:, :, None]).square().sum(3)
    assert torch.allclose(lean_matching.squares(features, keys), plain, rtol=1e-5)


def test_padding_is_never_asked(sam: Sam) -> None:
    assert sam.prompt_encoder.matching is not None
    features = torch.randn(1, LEVELS, 16, 16, 16)
    centres = torch.rand(2, 3, 2) * 16
    labels = torch.tensor([[1.0, -1.0, 0.0], [-1.0, -1.0, 1.0]])
    padded = sam.prompt_encoder.matching(features, centres, labels, 16)
    bare = sam.prompt_encoder.matching(features, centres[:, ::2], labels[:, ::2], 16)
    assert torch.allclose(padded, bare)
    nothing = sam.prompt_encoder.matching(features, centres, torch.full((2, 3), -1.0), 16)
    assert not nothing.any()


def _minimax(likeness: Tensor, seeds: Tensor) -> Tensor:
    """The definition: Dijkstra over the eight neighbours, a path being as good as its worst pixel."""
    height, width = likeness.shape
    best = torch.zeros_like(likeness)
    queue = [
        (-float(min(likeness[y, x], seeds[y, x])), y, x)
        for y in range(height)
        for x in range(width)
        if seeds[y, x] > 0
    ]
    heapq.heapify(queue)
    while queue:
        value, y, x = heapq.heappop(queue)
        if -value <= best[y, x]:
            continue
        best[y, x] = -value
        for row in range(max(0, y - 1), min(height, y + 2)):
            for column in range(max(0, x - 1), min(width, x + 2)):
                heapq.heappush(queue, (max(value, -float(likeness[row, column])), row, column))
    return best


def test_the_image_is_asked_for(sam: Sam) -> None:
    with pytest.raises(ValueError, match="pass image_embeddings"):
        sam.prompt_encoder((torch.zeros(1, 1, 2), torch.ones(1, 1)), None, None)
