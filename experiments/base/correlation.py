"""Canonical correlation: the directions in which pictures and captions vary together."""

from typing import NamedTuple

import torch
from torch import Tensor


class Correlation(NamedTuple):
    """Two centred linear maps into one space of ``k`` directions."""

    image: Tensor  # (F, k)
    image_mean: Tensor  # (F,)
    text: Tensor  # (V, k)
    text_mean: Tensor  # (V,)


def correlate(
    image: Tensor, text: Tensor, k: int, *, ridge: tuple[float, float], power: float
) -> Correlation:
    """Fit regularised CCA.

    Args:
        image: Features of pictures, ``(n, F)``.
        text: Features of their captions, ``(n, V)``.
        k: Directions to keep.
        ridge: Added to the variances of image and text, relative to their mean variance.
        power: Weight of a direction: its correlation to this power.
    """
    image_mean, text_mean = image.mean(dim=0), text.mean(dim=0)
    x, y = (image - image_mean).double(), (text - text_mean).double()
    white_x, white_y = _inverse_root(x, ridge[0]), _inverse_root(y, ridge[1])
    left, strength, right = torch.linalg.svd(white_x @ (x.T @ y / len(x)) @ white_y)
    weight = strength[:k] ** power
    return Correlation(
        (white_x @ left[:, :k] * weight).float(),
        image_mean,
        (white_y @ right[:k].T * weight).float(),
        text_mean,
    )


def _inverse_root(centred: Tensor, ridge: float) -> Tensor:
    covariance = centred.T @ centred / len(centred)
    covariance += ridge * covariance.diagonal().mean() * torch.eye(len(covariance)).double()
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp_min(1e-9).rsqrt()) @ vectors.T
