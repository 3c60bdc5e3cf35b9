"""The types that travel through the package."""

from typing import NamedTuple

from torch import Tensor


class Skip(NamedTuple):
    """A sample that could not be used, and why."""

    shard: str
    key: str
    reason: str


class Batch(NamedTuple):
    """Image-caption pairs; row ``i`` of ``image`` belongs to row ``i`` of ``text``."""

    image: Tensor  # (B, 3, H, W) uint8, not normalised: the model does that on the device
    text: Tensor  # (B, L) int64 token ids
    keys: list[str]  # B sample keys, unique within a stream
    skipped: tuple[Skip, ...] = ()  # unusable samples that others took the place of


class Embeddings(NamedTuple):
    """Unit-norm embeddings of one batch and the scale of their logits."""

    image: Tensor  # (B, D) float32
    text: Tensor  # (B, D) float32
    logit_scale: Tensor  # scalar, already exponentiated
