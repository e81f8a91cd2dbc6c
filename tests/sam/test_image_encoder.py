from __future__ import annotations

import pytest
import torch

from annotator.sam import lean_attention
from annotator.sam.attention import merge_windows, relative_table, split_windows
from annotator.sam.config import PRESETS
from annotator.sam.model import Sam, change_image_size
from tests.sam.conftest import Encoded, Pair, assert_close


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_vit_b_embedding_equals_the_released_one(vit_b_predictors: Encoded) -> None:
    expected = vit_b_predictors.reference.get_image_embedding()
    assert expected.shape == (1, 256, 64, 64)
    assert_close(vit_b_predictors.ours.get_image_embedding(), expected, 2e-5)


def test_windows_that_do_not_divide_the_grid_equal_the_released_ones(tiny: Pair) -> None:
    # tiny has an 8 × 8 grid and 3 × 3 windows: padded to 9 × 9.
    x = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert_close(tiny.ours.image_encoder(x), tiny.reference.image_encoder(x), 2e-5)


def test_attention_in_chunks_changes_nothing(tiny: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = tiny.ours.image_encoder(x)
        monkeypatch.setattr(lean_attention, "CHUNK_BYTES", 1)
        assert_close(tiny.ours.image_encoder(x), whole, 1e-6)


def test_the_way_through_a_gpu_changes_nothing(tiny: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        lean = tiny.ours.image_encoder(x)
        monkeypatch.setattr(lean_attention, "serves", lambda _: False)
        assert_close(tiny.ours.image_encoder(x), lean, 1e-5)


@pytest.mark.parametrize(("height", "width", "size"), [(8, 8, 3), (6, 6, 3), (5, 7, 4), (2, 2, 14)])
def test_merging_windows_undoes_splitting(height: int, width: int, size: int) -> None:
    x = torch.randn(2, height, width, 5)
    windows = split_windows(x, size, torch.arange(5.0))
    assert windows.shape[1:] == (size, size, 5)
    assert len(windows) == 2 * -(-height // size) * -(-width // size)
    assert torch.equal(merge_windows(windows, size, (height, width)), x)


def test_relative_table_entry_depends_on_the_offset_only() -> None:
    table = relative_table(torch.arange(7.0)[:, None], 4)[..., 0]
    offsets = torch.arange(4)[:, None] - torch.arange(4)[None, :]
    assert torch.equal(table, (offsets + 3).float())


def test_relative_table_learned_for_another_size_is_resampled() -> None:
    table = relative_table(torch.linspace(-1, 1, 7)[:, None], 8)[..., 0]
    assert table.shape == (8, 8)
    assert torch.all(table[1:, 0] >= table[:-1, 0])
    assert float(table[0, 0].abs()) < 1e-6


def test_conv_stem_model_trains_from_scratch_and_embeds() -> None:
    sam = Sam(PRESETS["bundled"].with_image_size(64))
    embedding = sam.image_encoder(torch.randn(2, 3, 64, 64))
    assert embedding.shape == (2, 256, 4, 4)
    embedding.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in sam.image_encoder.parameters())


def test_drop_path_drops_samples_in_training_only() -> None:
    sam = Sam(PRESETS["tiny"])
    sam.image_encoder.set_drop_path_rate(0.5)
    assert [block.drop_path.rate for block in sam.image_encoder.blocks] == [0.0, 0.5]
    x = torch.randn(1, 3, 128, 128).expand(8, -1, -1, -1)
    torch.manual_seed(0)
    with torch.no_grad():
        trained = sam.train().image_encoder(x)
        evaluated = sam.eval().image_encoder(x)
    assert not torch.allclose(trained, trained[:1].expand_as(trained))
    assert torch.allclose(evaluated, evaluated[:1].expand_as(evaluated), atol=1e-6)


def test_bfloat16_autocast_stays_close(tiny: Pair) -> None:
    x = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = tiny.ours.image_encoder(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = tiny.ours.image_encoder(x)
    assert float((found - expected).abs().mean()) < 0.02 * float(expected.abs().max())


def test_change_image_size_resamples_positions_and_keeps_the_rest(tiny: Pair) -> None:
    larger = change_image_size(tiny.ours, 256)
    assert larger.config.image_size == 256
    assert larger.image_encoder.pos_embed.shape == (1, 16, 16, 32)
    assert larger.image_encoder.blocks[1].attn.rel_pos_h.shape == (31, 16)
    assert larger.image_encoder.blocks[0].attn.rel_pos_h.shape == (5, 16)
    with torch.no_grad():
        assert larger.image_encoder(torch.zeros(1, 3, 256, 256)).shape == (1, 256, 16, 16)
    unchanged = change_image_size(tiny.ours, 128).state_dict()
    assert all(torch.equal(unchanged[key], value) for key, value in tiny.ours.state_dict().items())
