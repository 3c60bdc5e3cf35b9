"""A teacher that returns embeddings one can choose, for tests of a method's mathematics."""

import torch
import torch.nn.functional as F
from torch import nn

from modx_lightning.batch import Batch, Embeddings
from modx_lightning.models.frozen import FrozenCopy


class Fixed(nn.Module):
    def __init__(self, embeddings):
        super().__init__()
        self.embeddings = embeddings

    def forward(self, image, text):
        return self.embeddings


def random_embeddings(seed, pairs=8, noise=1.0, dtype=torch.float64):
    """Embeddings whose pairs belong together as far as `noise` lets them."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(pairs, 5, generator=generator, dtype=dtype)
    text = image + noise * torch.randn(pairs, 5, generator=generator, dtype=dtype)
    scale = torch.tensor(14.3 + seed, dtype=dtype)
    return Embeddings(F.normalize(image, dim=-1), F.normalize(text, dim=-1), scale)


def student_and_teacher(dtype=torch.float64):
    """A student with gradients, near its teacher; the teacher knows some rows and not others."""
    teacher = random_embeddings(0, dtype=dtype)
    moved = random_embeddings(1, dtype=dtype)
    student = Embeddings(
        F.normalize(teacher.image + 0.3 * moved.image, dim=-1).requires_grad_(),
        F.normalize(teacher.text + 0.3 * moved.text, dim=-1).requires_grad_(),
        moved.logit_scale.clone().requires_grad_(),
    )
    return student, teacher


def compute(method, student, teacher):
    method.teacher = FrozenCopy(Fixed(teacher))
    return method.compute_loss(None, Batch(student.image, student.text, []), student)
