"""Pieces of work run on a core each, and come back in their order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from annotator.sam.side_by_side import in_order


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_keep_their_order_and_torch_its_number_of_threads(threads: int) -> None:
    found = list(in_order(lambda number: (number, torch.get_num_threads()), range(20)))
    assert [number for number, _ in found] == list(range(20))
    assert {inside for _, inside in found} == {1}
    assert torch.get_num_threads() == threads
    later = threading.Thread(target=lambda: found.append((0, torch.get_num_threads())))
    later.start()
    later.join()
    assert found[-1][1] == threads


def test_tasks_know_no_gradients(threads: int) -> None:
    weight = torch.ones(1, requires_grad=True)
    assert not any(result.requires_grad for result in in_order(lambda number: weight * number, range(4)))
    assert torch.is_grad_enabled()


def test_an_error_comes_in_its_place_and_ends_the_rest(threads: int) -> None:
    begun, never = [], threading.Event()

    def task(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ValueError("the third")
        if number > 2:
            never.wait(0.02)
        return number

    results = in_order(task, range(1000))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(results)
    assert len(begun) < 1000


def test_closing_early_leaves_nothing_running(threads: int) -> None:
    before = threading.active_count()
    results = in_order(lambda number: number, range(1000))
    next(results)
    results.close()
    assert threading.active_count() == before


def test_no_items_no_results() -> None:
    assert list(in_order(lambda number: number, [])) == []
