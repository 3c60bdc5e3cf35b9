"""Training pairs: a draw goes in, a picture tensor and one caption come out."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from modx_lightning.batch import Batch, Skip
from modx_lightning.data import skips
from modx_lightning.data.order import Draw
from modx_lightning.data.pictures import PictureError, decode_picture
from modx_lightning.data.samples import Sample, Samples
from modx_lightning.data.seeding import choice

log = logging.getLogger(__name__)

Transform = Callable[[Image.Image], Tensor]
Tokenizer = Callable[[list[str]], Tensor]
Augmentation = Callable[..., Image.Image]

_MAX_TRIES = 100


class Pair(NamedTuple):
    """A decoded picture with the caption drawn for it."""

    image: Tensor  # (3, H, W) uint8
    caption: str
    key: str
    skipped: tuple[Skip, ...]  # samples that could not be decoded and gave way to this one


class PairDataset(Dataset[Pair]):
    """Pairs of one phase, by draw.

    Caption and augmentation are pure functions of (seed, phase, epoch, copy, key). If a picture
    turns out to be damaged, the next sample that can be decoded takes its place.

    Args:
        samples: Samples of the phase.
        transform: Turns an RGB picture into a uint8 tensor ``(3, H, W)``.
        seed: Seed of the run.
        phase: Name of the phase.
        augmentation: Applied to the picture before ``transform``, with the words that seed it.
    """

    def __init__(
        self,
        samples: Samples,
        transform: Transform,
        seed: int,
        phase: str,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._samples, self._transform = samples, transform
        self._seed, self._phase = seed, phase
        self._augmentation = augmentation

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, draw: Draw) -> Pair:
        skipped: list[Skip] = []
        for step in range(min(_MAX_TRIES, len(self))):
            number = (draw.number + step) % len(self)
            sample = self._samples[number]
            try:
                image = decode_picture(sample.picture, self._samples.max_pixels)
            except PictureError:
                shard = self._samples.shard_name(number)
                skipped.append(Skip(shard, sample.key, skips.PICTURE_UNREADABLE))
                continue
            return self._pair(sample, image, draw, tuple(skipped))
        raise PictureError(
            f"{len(skipped)} pictures in a row cannot be decoded, from {skipped[0].key!r} on; "
            "the shards are damaged, build or copy them again"
        )

    def _pair(
        self, sample: Sample, image: Image.Image, draw: Draw, skipped: tuple[Skip, ...]
    ) -> Pair:
        words = (self._seed, self._phase, draw.epoch, draw.copy, sample.key)
        if self._augmentation is not None:
            image = self._augmentation(image, *words)
        caption = sample.captions[choice(len(sample.captions), *words, "caption")]
        return Pair(self._transform(image), caption, sample.key, skipped)


class Collate:
    """Stack pairs to a batch; captions are tokenised together.

    Args:
        tokenizer: Turns captions into token ids ``(B, L)``, cut to the context length.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._warned = False

    def __call__(self, pairs: Sequence[Pair]) -> Batch:
        text = self._tokenizer([pair.caption for pair in pairs])
        if not self._warned:
            self._warn_of_cut(text, pairs)
        return Batch(
            torch.stack([pair.image for pair in pairs]),
            text,
            [pair.key for pair in pairs],
            tuple(skip for pair in pairs for skip in pair.skipped),
        )

    def _warn_of_cut(self, text: Tensor, pairs: Sequence[Pair]) -> None:
        full = text[:, -1] != 0  # 0 pads in CLIP's tokenizers; a full row has most likely been cut
        if full.any():
            self._warned = True
            log.warning(
                "%d of %d captions of a batch fill all %d tokens and may be cut, first that of %r",
                int(full.sum()),
                len(pairs),
                text.shape[1],
                pairs[int(full.nonzero()[0])].key,
            )
