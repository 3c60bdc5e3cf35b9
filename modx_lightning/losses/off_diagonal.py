"""Off-diagonal distillation, the anti-forgetting loss of Mod-X.

Ni et al., "Continual Vision-Language Representation Learning with Off-Diagonal
Information", ICML 2023, https://arxiv.org/abs/2305.07437, "Spatial Alignment".
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from modx_lightning.losses.rows import at_least_float32


def off_diagonal_distillation(
    student: Tensor, teacher: Tensor, targets: Tensor, *, screening: bool, diagonal: bool
) -> Tensor:
    """Pull the student's similarity rows towards the rows of its teacher.

    A row scores one query against every candidate of the batch.

    Args:
        student: Logits of the model in training, ``(B, N)``.
        teacher: Logits of the frozen model of the last phase, ``(B, N)``.
        targets: Column of each row's own pair, ``(B,)``, integer.
        screening: Drop the rows whose own pair does not score best with the teacher: it
            never knew this sample, so there is nothing to remember. A tie counts as known.
        diagonal: Keep the own pair among the candidates, as the authors' code does. Without
            it the row is a distribution over the other ``N - 1`` candidates.

    Returns:
        Scalar KL(teacher || student) in nats, averaged over all ``B`` rows; a dropped row
        counts as zero. Float32, whatever the input precision.

    Raises:
        ValueError: If the shapes do not fit together.

    Example:
        >>> logits = 5 * torch.eye(3)
        >>> rows = torch.arange(3)
        >>> off_diagonal_distillation(logits, logits, rows, screening=True, diagonal=True).item()
        0.0
    """
    if student.shape != teacher.shape or targets.shape != student.shape[:1]:
        raise ValueError(
            "expected student (B, N), teacher (B, N) and targets (B,), got "
            f"{tuple(student.shape)}, {tuple(teacher.shape)} and {tuple(targets.shape)}"
        )
    # bfloat16 keeps 8 significant bits: too few for a sum over thousands of columns.
    student, teacher = at_least_float32(student), at_least_float32(teacher.detach())
    known = (
        known_rows(teacher, targets) if screening else torch.ones_like(targets, dtype=torch.bool)
    )
    if not diagonal:
        student, teacher = without_own_pair(student, targets), without_own_pair(teacher, targets)
    # Mean, not sum as in the authors' code: the weight must not depend on batch size.
    return torch.where(known, row_divergence(student, teacher), 0.0).mean()


def row_divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Return KL(softmax(teacher) || softmax(student)) of each row in nats, ``(B,)``.

    Softmax of raw cosines is almost uniform: log-probabilities near -ln N, rounded at 2e-7,
    differ by a hundredth, and their KL is some 5e-5. Adding ``p_student - p_teacher``, which
    sums to zero, makes each column's term second order in that difference, so that the
    rounding cancels (Bregman's form of the divergence; the gradient is the same).
    """
    log_student, log_teacher = F.log_softmax(student, dim=-1), F.log_softmax(teacher, dim=-1)
    p_student, p_teacher = log_student.exp(), log_teacher.exp()
    return (p_teacher * (log_teacher - log_student) + (p_student - p_teacher)).sum(dim=-1)


def known_rows(teacher: Tensor, targets: Tensor) -> Tensor:
    """Tell which rows score their own pair best, ``(B,)`` bool; a tie counts as best.

    Equal captions in one batch tie. The tolerance makes that independent of their order and
    of the rounding of a matrix product, hence of the number of ranks.
    """
    best = teacher.amax(dim=-1)
    own = teacher.gather(1, targets[:, None]).squeeze(1)
    return own >= best - 1e-6 * best.abs()


def without_own_pair(logits: Tensor, targets: Tensor) -> Tensor:
    """Give the own pair of each row of ``(B, N)`` logits probability zero."""
    # Finite: -inf would make 0 * inf = NaN in the divergence and in its gradient.
    lowest = torch.finfo(logits.dtype).min / 2
    return logits.scatter(1, targets[:, None], lowest)
