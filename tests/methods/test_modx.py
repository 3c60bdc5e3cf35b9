"""What only `ModX` promises: a weight that fits every batch, settings that do what they say."""

import math

import pytest
import torch
import torch.nn.functional as F

from modx_lightning.batch import Embeddings
from modx_lightning.methods.modx import ModX
from modx_lightning.methods.modx_release import ModXRelease
from tests.methods.stub_teacher import compute, random_embeddings, student_and_teacher


def modx(similarity="cosine", *, weight=1.0, screening=True, diagonal=True):
    return ModX(weight=weight, similarity=similarity, screening=screening, diagonal=diagonal)


def term(method, student, teacher):
    return compute(method, student, teacher)["off_diagonal"]


def slow(student, teacher, factors, *, screening, diagonal):
    """Mean over rows and directions of KL, row by row."""
    total = 0.0
    new = factors[0] * student.image @ student.text.T
    old = factors[1] * teacher.image @ teacher.text.T
    for new_rows, old_rows in ((new, old), (new.T, old.T)):
        for i in range(len(new)):
            if screening and old_rows[i].argmax() != i:
                continue
            keep = [j for j in range(len(new)) if diagonal or j != i]
            p_old, p_new = old_rows[i, keep].softmax(-1), new_rows[i, keep].softmax(-1)
            total = total + (p_old * (p_old / p_new).log()).sum()
    return total / (2 * len(new))


@pytest.mark.parametrize("screening", [True, False])
@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("similarity", ["cosine", "logit_scale", 0.05])
def test_value_and_gradients_equal_a_row_by_row_reference(similarity, screening, diagonal):
    student, teacher = student_and_teacher()
    factors = {
        "cosine": (1.0, 1.0),
        "logit_scale": (student.logit_scale, teacher.logit_scale),
        0.05: (20.0, 20.0),
    }[similarity]
    expected = 3.0 * slow(student, teacher, factors, screening=screening, diagonal=diagonal)
    method = modx(similarity, weight=3.0, screening=screening, diagonal=diagonal)
    found = term(method, student, teacher)
    assert found.item() == pytest.approx(expected.item(), rel=1e-10)
    leaves = student if similarity == "logit_scale" else student[:2]
    for mine, other in zip(
        torch.autograd.grad(found, leaves), torch.autograd.grad(expected, leaves), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-12)


def test_logit_scale_learns_from_the_divergence_only_where_it_takes_part():
    student, teacher = student_and_teacher()
    (gradient,) = torch.autograd.grad(
        term(modx("logit_scale"), student, teacher), student.logit_scale
    )
    assert gradient != 0
    for similarity in ("cosine", 0.1):
        (none,) = torch.autograd.grad(
            term(modx(similarity), student, teacher), student.logit_scale, allow_unused=True
        )
        assert none is None


def test_cosine_with_the_right_weight_is_the_released_method():
    student, teacher = student_and_teacher()
    released = term(ModXRelease(alpha=20.0), student, teacher)
    ours = term(modx("cosine", weight=20.0 * len(student.image)), student, teacher)
    assert ours.item() == pytest.approx(released.item(), rel=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "logit_scale", 0.1])
def test_batch_with_everything_twice_loses_the_same(similarity):
    student, teacher = student_and_teacher()
    twice = [
        Embeddings(torch.cat([x.image] * 2), torch.cat([x.text] * 2), x.logit_scale)
        for x in (student, teacher)
    ]
    once = compute(modx(similarity), student, teacher)
    doubled = compute(modx(similarity), *twice)
    assert doubled["off_diagonal"].item() == pytest.approx(once["off_diagonal"].item(), rel=1e-9)
    assert doubled["contrastive"].item() == pytest.approx(once["contrastive"].item() + math.log(2))


@pytest.mark.parametrize("similarity", ["cosine", "logit_scale", 0.1])
def test_term_settles_as_the_batch_grows(similarity):
    values = []
    for pairs in (256, 2048):
        teacher = random_embeddings(0, pairs, noise=0.4)
        moved = random_embeddings(1, pairs)
        student = Embeddings(
            F.normalize(teacher.image + 0.1 * moved.image, dim=-1),
            F.normalize(teacher.text + 0.1 * moved.text, dim=-1),
            teacher.logit_scale,
        )
        values.append(term(modx(similarity, screening=False), student, teacher).item())
    assert values[1] == pytest.approx(values[0], rel=0.25)


def test_student_that_is_its_teacher_loses_nothing_and_is_not_pulled():
    _, teacher = student_and_teacher()
    student = Embeddings(*(x.clone().requires_grad_() for x in teacher))
    loss = term(modx("logit_scale", screening=False), student, teacher)
    gradients = torch.autograd.grad(loss, student)
    assert abs(loss.item()) < 1e-12
    assert all(gradient.abs().max() < 1e-12 for gradient in gradients)


def test_weight_zero_is_fine_tuning():
    student, teacher = student_and_teacher()
    terms = compute(modx(weight=0.0), student, teacher)
    assert terms["off_diagonal"] == 0
    assert terms["contrastive"] > 0


@pytest.mark.parametrize("similarity", ["cosines", "", 0, -0.1])
def test_unknown_similarity_raises(similarity):
    with pytest.raises(ValueError, match="similarity must be .*temperature above 0, got"):
        modx(similarity)


def test_negative_weight_raises():
    with pytest.raises(ValueError, match="weight must be at least 0"):
        modx(weight=-1.0)
