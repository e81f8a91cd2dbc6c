"""Every hyperparameter of a model in one tree; sizes differ by a few arguments (SAM.md section 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

# Options that came after the first files: written only where they are on, so that earlier digests stay as they were.
YOUNGER_OPTIONS = (
    ("image_encoder", "details"),
    ("prompt_encoder", "match_prompts"),
    ("mask_decoder", "rank_single_mask"),
)


@dataclass(frozen=True)
class ImageEncoderConfig:
    """The ViT that runs once per image. Sizes are in pixels of the padded square input.

    `details` adds a small convolutional branch (an option beside the released model).
    """

    image_size: int = 1024
    patch_size: int = 16
    embed_dim: int = 768
    depth: int = 12
    num_heads: int = 12
    global_attention_indexes: tuple[int, ...] = (2, 5, 8, 11)
    window_size: int = 14
    mlp_ratio: float = 4.0
    out_channels: int = 256
    stem: Literal["patch", "conv"] = "patch"
    use_relative_position: bool = True
    details: bool = False

    def __post_init__(self) -> None:
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}"
            )
        if self.embed_dim % self.num_heads:
            raise ValueError(f"embed_dim {self.embed_dim} is not a multiple of num_heads {self.num_heads}")
        if self.stem not in ("patch", "conv"):
            raise ValueError(f"stem must be 'patch' or 'conv', got {self.stem!r}")
        if any(not 0 <= index < self.depth for index in self.global_attention_indexes):
            raise ValueError(
                f"global_attention_indexes {self.global_attention_indexes} outside 0..{self.depth - 1}"
            )

    @property
    def grid_size(self) -> int:
        """Side of the square token grid, which is also the side of the embedding."""
        return self.image_size // self.patch_size


@dataclass(frozen=True)
class PromptEncoderConfig:
    """Options beside the released model: `draw_prompts` also paints points and boxes into maps that join the dense
    embedding; `match_prompts` adds maps of what in the image is like the prompted places."""

    mask_channels: int = 16
    draw_prompts: bool = False
    match_prompts: bool = False


@dataclass(frozen=True)
class MaskDecoderConfig:
    """`rank_single_mask` is an option beside the released model: where a prompt is ambiguous, mask 0, which has learned
    single points too, is ranked with masks 1 to 3, and all by the IoU that is expected of them
    (`mask_decoder.expected_iou`)."""

    depth: int = 2
    mlp_dim: int = 2048
    num_heads: int = 8
    num_multimask_outputs: int = 3
    iou_head_depth: int = 3
    iou_head_hidden_dim: int = 256
    rank_single_mask: bool = False


@dataclass(frozen=True)
class ModelConfig:
    """One model. `pixel_mean` and `pixel_std` are RGB on the 0..255 scale; `mask_threshold` is a logit."""

    name: str
    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    prompt_encoder: PromptEncoderConfig = field(default_factory=PromptEncoderConfig)
    mask_decoder: MaskDecoderConfig = field(default_factory=MaskDecoderConfig)
    pixel_mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    pixel_std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    mask_threshold: float = 0.0

    @property
    def image_size(self) -> int:
        return self.image_encoder.image_size

    @property
    def embedding_size(self) -> tuple[int, int]:
        """(height, width) of the embedding grid."""
        return self.image_encoder.grid_size, self.image_encoder.grid_size

    @property
    def mask_size(self) -> tuple[int, int]:
        """(height, width) of the low-resolution logits, four times the embedding grid."""
        return 4 * self.image_encoder.grid_size, 4 * self.image_encoder.grid_size

    def with_image_size(self, image_size: int) -> ModelConfig:
        return replace(self, image_encoder=replace(self.image_encoder, image_size=image_size))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready nested dict; `from_dict` restores an equal value."""
        values = _listed(asdict(self))
        for part, option in YOUNGER_OPTIONS:
            if not values[part][option]:
                del values[part][option]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """Raises ValueError naming unknown or missing fields, so that a foreign file is told apart early."""
        nested: dict[str, type] = {
            "image_encoder": ImageEncoderConfig,
            "prompt_encoder": PromptEncoderConfig,
            "mask_decoder": MaskDecoderConfig,
        }
        parts: dict[str, Any] = {key: _build(part, values.get(key, {}), key) for key, part in nested.items()}
        return _build(cls, {**values, **parts}, "model config")


Built = TypeVar("Built")


def _build(cls: type[Built], values: dict[str, Any], where: str) -> Built:
    known = {item.name for item in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown fields {unknown}; known are {sorted(known)}")
    try:
        return cls(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        )
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _released(name: str, embed_dim: int, depth: int, heads: int, global_at: tuple[int, ...]) -> ModelConfig:
    encoder = ImageEncoderConfig(
        embed_dim=embed_dim, depth=depth, num_heads=heads, global_attention_indexes=global_at
    )
    return ModelConfig(name=name, image_encoder=encoder)


PRESETS: dict[str, ModelConfig] = {
    "vit_b": _released("vit_b", 768, 12, 12, (2, 5, 8, 11)),
    "vit_l": _released("vit_l", 1024, 24, 16, (5, 11, 17, 23)),
    "vit_h": _released("vit_h", 1280, 32, 16, (7, 15, 23, 31)),
    "bundled": ModelConfig(
        name="bundled",
        image_encoder=ImageEncoderConfig(
            image_size=640,  # what runs learn positions for; the file in the product resamples them for 896
            embed_dim=224,
            depth=8,
            num_heads=7,
            global_attention_indexes=(3, 7),
            window_size=8,
            stem="conv",
            use_relative_position=False,
            details=True,
        ),
        prompt_encoder=PromptEncoderConfig(draw_prompts=True, match_prompts=True),
        mask_decoder=MaskDecoderConfig(mlp_dim=1024, rank_single_mask=True),
    ),
    "tiny": ModelConfig(
        name="tiny",
        image_encoder=ImageEncoderConfig(
            image_size=128,
            embed_dim=32,
            depth=2,
            num_heads=2,
            global_attention_indexes=(1,),
            window_size=3,
        ),
        mask_decoder=MaskDecoderConfig(mlp_dim=64),
    ),
}
