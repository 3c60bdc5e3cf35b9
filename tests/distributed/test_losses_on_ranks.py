"""Every loss term, and every gradient, on 2 and 4 gloo ranks equals that of one process.

The ranks import this file: keep it free of everything that is slow to import.
"""

from copy import deepcopy

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from modx_lightning.batch import Batch, Embeddings
from modx_lightning.distributed import (
    gather_objects,
    gather_with_gradient,
    rank,
    row_offset,
    world_size,
)
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.methods.modx import ModX
from modx_lightning.methods.modx_release import ModXRelease
from modx_lightning.models.frozen import FrozenCopy
from tests.distributed.ranks import run_on_ranks

PAIRS = 16


class ToyCLIP(nn.Module):
    """Two linear towers; the student may end up with another scale than its teacher."""

    def __init__(self):
        super().__init__()
        self.visual, self.textual = nn.Linear(12, 8), nn.Linear(12, 8)
        self.logit_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image, text):
        image, text = self.visual(image), self.textual(text)
        scale = self.logit_scale.exp()
        return Embeddings(F.normalize(image, dim=-1), F.normalize(text, dim=-1), scale)


def toys():
    torch.manual_seed(0)
    teacher = ToyCLIP()
    with torch.no_grad():  # towers that agree: the teacher gets most rows right, not all
        teacher.textual.load_state_dict(teacher.visual.state_dict())
    student = deepcopy(teacher)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    image = torch.randn(PAIRS, 12)
    return student, teacher, image, image + 0.9 * torch.randn(PAIRS, 12)


def methods():
    made = {"finetune": ContinualMethod(), "release": ModXRelease(alpha=20.0)}
    for similarity, weight in (("cosine", 100.0), ("logit_scale", 1.0), (0.1, 3.0)):
        for screening in (True, False):
            for diagonal in (True, False):
                made[f"modx {similarity} {screening=} {diagonal=}"] = ModX(
                    weight=weight, similarity=similarity, screening=screening, diagonal=diagonal
                )
    return made


def measure(name, method, local):
    """Loss terms and gradients of one method on this rank's rows."""
    student, teacher, image, text = toys()
    if name != "finetune":
        method.teacher = FrozenCopy(teacher)
    if dist.is_initialized():
        student = DistributedDataParallel(student)
    batch = Batch(image[local], text[local], [])
    terms = method.compute_loss(student, batch, student(batch.image, batch.text))
    torch.stack(list(terms.values())).sum().backward()
    plain = student.module if dist.is_initialized() else student
    gradients = {key: value.grad.clone() for key, value in plain.named_parameters()}
    return {key: value.detach() for key, value in terms.items()}, gradients


def work(folder):
    rows = PAIRS // world_size()
    local = slice(row_offset(rows), row_offset(rows) + rows)
    found = {"ranks": gather_objects(f"rank {rank()}"), "gather": gathered_gradient()}
    for name, method in methods().items():
        terms, gradients = measure(name, method, local)
        every = gather_objects(terms)
        mean = {key: torch.stack([other[key] for other in every]).mean() for key in terms}
        found[name] = (mean, gradients)
    if rank() == 0:
        torch.save(found, f"{folder}/found.pt")


def gathered_gradient():
    """Rank r sends (r + 1) to the gradient of every row of every rank."""
    x = torch.full((2, 1), float(rank()), requires_grad=True)
    everything = gather_with_gradient(x)
    ((rank() + 1) * everything).sum().backward()
    return everything.detach(), x.grad


@pytest.fixture(scope="module", params=[2, 4])
def on_ranks(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    run_on_ranks(work, request.param, folder)
    return request.param, torch.load(folder / "found.pt")


@pytest.fixture(scope="module")
def in_one_process():
    return {name: measure(name, method, slice(None)) for name, method in methods().items()}


@pytest.mark.parametrize("name", list(methods()))
def test_terms_and_gradients_do_not_depend_on_the_number_of_ranks(on_ranks, in_one_process, name):
    terms, gradients = on_ranks[1][name]
    one_terms, one_gradients = in_one_process[name]
    assert terms.keys() == one_terms.keys()
    for key, value in one_terms.items():
        assert value != 0
        torch.testing.assert_close(terms[key], value, rtol=1e-6, atol=1e-6)
    for key, value in one_gradients.items():
        assert value.abs().max() > 0
        torch.testing.assert_close(gradients[key], value, rtol=1e-5, atol=1e-6)


def test_teacher_of_the_toys_gets_some_rows_right_and_some_wrong():
    _, teacher, image, text = toys()
    out = teacher(image, text)
    right = (out.image @ out.text.T).argmax(-1) == torch.arange(PAIRS)
    assert right.any()
    assert not right.all()


def test_gathered_rows_come_in_rank_order_and_get_the_sum_of_all_gradients(on_ranks):
    ranks, found = on_ranks
    everything, gradient = found["gather"]
    assert everything.flatten().tolist() == [float(r) for r in range(ranks) for _ in range(2)]
    assert gradient.flatten().tolist() == [sum(range(1, ranks + 1))] * 2
    assert found["ranks"] == [f"rank {number}" for number in range(ranks)]


def test_without_a_process_group_everything_works_as_one_rank():
    x = torch.ones(3, 2)
    assert gather_with_gradient(x) is x
    assert gather_objects("x") == ["x"]
    assert (rank(), row_offset(3)) == (0, 0)
