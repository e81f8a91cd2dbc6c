"""A SAM model under the click protocol, prompted exactly as the product prompts it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annotator.evaluation.clicks import Answer, Bitmap, Click
from annotator.sam.model import Sam
from annotator.sam.predictor import SamPredictor
from annotator.sam.transforms import pack_prompts

STABILITY_OFFSET = 1.0


class ModelSegmenter:
    """A `Segmenter`; the embedding of the last image is kept, since objects come image by image."""

    def __init__(self, sam: Sam, name: str) -> None:
        self.name = name
        self.predictor = SamPredictor(sam)
        self._image: NDArray[np.uint8] | None = None

    def open(self, image: NDArray[np.uint8]) -> OpenedByModel:
        if self._image is not image:
            self.predictor.set_image(image)
            self._image = image
        return OpenedByModel(self.predictor)


class OpenedByModel:
    """One object; the logits of the last answer go back as the mask prompt of the next."""

    def __init__(self, predictor: SamPredictor) -> None:
        self.predictor = predictor
        self.previous: Tensor | None = None

    @torch.inference_mode()
    def answer(self, clicks: tuple[Click, ...], box: tuple[int, int, int, int] | None) -> Answer:
        """A single click shows the mask that the model offers first; other prompts show mask 0."""
        logits, predicted = self._decode(clicks, box)
        ambiguous = len(clicks) == 1 and box is None and self.previous is None
        if not ambiguous:
            self.previous = logits[:, :1]
            return Answer(self._full(logits[:, :1])[0], predicted_iou=float(predicted[0, 0]))
        decoder = self.predictor.model.mask_decoder
        offered = decoder.offered(predicted, logits)[0].tolist()
        best, stable = offered[0], int(decoder.ranked(stability(logits[0])[None])[0, 0])
        self.previous = logits[:, best : best + 1]
        masks = self._full(logits)
        alternatives = (("mask 0", masks[0]), ("by stability", masks[stable]))
        return Answer(
            masks[best], tuple(masks[index] for index in offered), alternatives, float(predicted[0, best])
        )

    def _decode(
        self, clicks: tuple[Click, ...], box: tuple[int, int, int, int] | None
    ) -> tuple[Tensor, Tensor]:
        sam, original = self.predictor.model, self.predictor.original_size
        coords, labels = pack_prompts(
            np.array([(c.x, c.y) for c in clicks]),
            np.array([float(c.inside) for c in clicks]),
            np.array([box]) if box else None,
            original_size=original,
            image_size=sam.config.image_size,
        )
        tokens = torch.from_numpy(coords), torch.from_numpy(labels)
        sparse = sam.prompt_encoder.embed_tokens(*tokens)
        embedding = self.predictor.get_image_embedding()
        features = sam.prompt_encoder.match_features(embedding)
        dense = sam.prompt_encoder.embed_dense(*tokens, self.previous, features)
        return sam.mask_decoder.predict_masks(embedding, sam.prompt_encoder.get_dense_pe(), sparse, dense)

    def _full(self, logits: Tensor) -> list[Bitmap]:
        """Low-resolution logits (1, M, 4h, 4w) to M masks at the original size."""
        predictor = self.predictor
        full = predictor.model.postprocess_masks(logits, predictor.input_size, predictor.original_size)
        return list((full[0] > predictor.model.mask_threshold).numpy())


def stability(logits: Tensor) -> Tensor:
    """IoU of each mask of (M, h, w) thresholded one logit above and one below zero (SAM.md section 3)."""
    high = (logits > STABILITY_OFFSET).flatten(1).sum(1)
    low = (logits > -STABILITY_OFFSET).flatten(1).sum(1)
    return high / low.clamp(min=1)
