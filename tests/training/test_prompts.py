"""The simulated annotator clicks where the error is."""

from __future__ import annotations

import torch

from annotator.training.prompts import PromptSet, first_prompts, next_points, noisy_boxes

SIDE, STRIDE = 32, 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def square(x0: int, y0: int, x1: int, y1: int) -> torch.Tensor:
    mask = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    mask[:, y0:y1, x0:x1] = True
    return mask


def test_clicks_fall_into_the_error_with_its_label() -> None:
    target, predicted = square(4, 4, 20, 20), square(12, 4, 28, 20)
    for seed in range(40):
        coords, labels = next_points(predicted, target, STRIDE, generator(seed))
        x, y = ((coords[0] + 0.5) / STRIDE - 0.5).tolist()
        assert 4 <= y < 20
        assert (4 <= x < 12) if labels[0] == 1 else (20 <= x < 28)


def test_a_central_click_hits_the_middle_of_the_largest_error() -> None:
    target = square(2, 2, 5, 5) | square(10, 10, 25, 25)
    coords, labels = next_points(torch.zeros_like(target), target, STRIDE, generator(), central_share=1.0)
    x, y = ((coords[0] + 0.5) / STRIDE - 0.5).tolist()
    assert labels.tolist() == [1.0]
    assert abs(x - 17) <= 3
    assert abs(y - 17) <= 3


def test_a_perfect_mask_gets_a_click_inside() -> None:
    target = square(3, 5, 9, 11)
    coords, labels = next_points(target, target, STRIDE, generator())
    x, y = ((coords[0] + 0.5) / STRIDE - 0.5).long().tolist()
    assert target[0, y, x]
    assert labels.tolist() == [1.0]


def test_first_prompts_are_points_or_boxes_in_equal_parts() -> None:
    count = 400
    points, boxes = torch.full((count, 2), 50.0), torch.tensor([[10.0, 20.0, 90.0, 80.0]]).repeat(count, 1)
    prompts = first_prompts(points, boxes, 128, generator())
    share = prompts.ambiguous.float().mean().item()
    assert 0.4 < share < 0.6
    assert (prompts.labels[prompts.ambiguous] == torch.tensor([1.0, -1.0])).all()
    assert (prompts.labels[~prompts.ambiguous] == torch.tensor([2.0, 3.0])).all()
    assert (prompts.coords[prompts.ambiguous][:, 0] == 50).all()


def test_box_noise_is_bounded() -> None:
    boxes = torch.tensor([[100.0, 100.0, 400.0, 400.0]]).repeat(300, 1)
    moved = noisy_boxes(boxes, 512, generator()) - boxes
    assert moved.abs().max().item() <= 10.0  # 20 pixels of 1024
    assert moved.std().item() > 5.0


def test_a_second_point_ends_the_ambiguity() -> None:
    prompts = PromptSet(torch.zeros(2, 2, 2), torch.tensor([[1.0, -1.0]] * 2), torch.tensor([True, True]))
    longer = prompts.with_points(torch.ones(2, 2), torch.tensor([0.0, -1.0]))
    assert longer.labels.tolist() == [[1.0, -1.0, 0.0], [1.0, -1.0, -1.0]]
    assert longer.ambiguous.tolist() == [False, True]
