"""Root mean square normalisation: in torch, and as the operator that an exported graph names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from annotator.sam.export_onnx import Signature, decoder_session, write_graph
from annotator.sam.rms_norm import rms_norm

EPS = 1e-6


class Both(nn.Module):
    """Uses the normalised rows and the factor, which the runtime's optimiser would not fuse."""

    def forward(self, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        normalised, factor = rms_norm(x, weight, EPS)
        return normalised + 1, factor.T


@pytest.mark.parametrize("rows", [1, 6])
def test_rows_are_divided_by_the_root_of_their_mean_square(rows: int) -> None:
    x, weight = torch.randn(rows, 8), torch.randn(8)
    normalised, factor = rms_norm(x, weight, EPS)
    expected = nn.functional.rms_norm(x, (8,), weight, EPS)
    torch.testing.assert_close(normalised, expected)
    torch.testing.assert_close(x * factor * weight, expected)


def test_a_graph_holds_one_operator_for_both_results(tmp_path: Path) -> None:
    x, weight = torch.randn(6, 8), torch.randn(8)
    signature = Signature(
        ("x", "weight"), ("normalised", "factor"), {"x": {0: "rows"}, "factor": {1: "rows"}}
    )
    write_graph(Both(), (x, weight), signature, tmp_path / "graph.onnx")
    data = (tmp_path / "graph.onnx").read_bytes()
    assert data.count(b"SimplifiedLayerNormalization") >= 1
    assert b"ReduceMean" not in data
    session = decoder_session(tmp_path / "graph.onnx")
    more = torch.randn(9, 8)
    found = session.run(None, {"x": more.numpy(), "weight": weight.numpy()})
    for value, expected in zip(found, Both()(more, weight), strict=True):
        np.testing.assert_allclose(value, expected.numpy(), atol=1e-5)
