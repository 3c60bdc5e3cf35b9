"""`ModXRelease` against a slow transcription of the released training step."""

import pytest
import torch
import torch.nn.functional as F

from modx_lightning.methods.modx_release import ModXRelease
from tests.methods.stub_teacher import compute, random_embeddings, student_and_teacher


def cognition_align(old, new):
    """As released: rows that the old model gets wrong are overwritten, in place, one by one."""
    old = old.clone()
    for i in range(len(old)):
        if torch.argmax(old[i]) != i:
            old[i] = new[i]
    return old


def released_terms(student, teacher, alpha):
    logits = student.logit_scale * student.image @ student.text.T
    truth = torch.arange(len(logits))
    contrastive = (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2
    new, old = student.image @ student.text.T, teacher.image @ teacher.text.T
    divergences = []
    for new_rows, old_rows in ((new, old), (new.T, old.T)):
        target = cognition_align(old_rows, new_rows).softmax(dim=1)
        log_new = new_rows.softmax(dim=1).log()
        divergences.append(F.kl_div(log_new, target, reduction="sum"))
    return {"contrastive": contrastive, "off_diagonal": alpha * sum(divergences) / 2}


def test_teacher_knows_some_rows_and_not_others_in_each_direction():
    _, teacher = student_and_teacher()
    cosines = teacher.image @ teacher.text.T
    for rows in (cosines, cosines.T):
        right = rows.argmax(-1) == torch.arange(len(rows))
        assert right.any()
        assert not right.all()
    assert not torch.equal(cosines.argmax(0), cosines.argmax(1))


@pytest.mark.parametrize("alpha", [20.0, 0.1])
def test_values_and_gradients_equal_the_released_code(alpha):
    student, teacher = student_and_teacher()
    ours = compute(ModXRelease(alpha=alpha), student, teacher)
    theirs = released_terms(student, teacher, alpha)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name].item() == pytest.approx(value.item(), rel=1e-12)
    mine = torch.autograd.grad(sum(ours.values()), student)
    other = torch.autograd.grad(sum(theirs.values()), student)
    for gradient, expected in zip(mine, other, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-12)


def test_float32_equals_the_released_code_in_float64_at_the_authors_batch_size():
    exact = [random_embeddings(seed, pairs=280, noise=0.3) for seed in (0, 1)]
    student = [x.float().requires_grad_() for x in exact[1]]
    ours = compute(
        ModXRelease(alpha=20.0),
        type(exact[1])(*student),
        type(exact[0])(*(x.float() for x in exact[0])),
    )
    for x in exact[1]:
        x.requires_grad_()
    theirs = released_terms(exact[1], exact[0], 20.0)
    for name, value in theirs.items():
        assert ours[name].item() == pytest.approx(value.item(), rel=1e-6)
    mine = torch.autograd.grad(sum(ours.values()), student)
    other = torch.autograd.grad(sum(theirs.values()), list(exact[1]))
    for gradient, expected in zip(mine, other, strict=True):
        assert (gradient - expected).abs().max() < 1e-6 * expected.abs().max()


def test_sum_grows_with_the_batch():
    student, teacher = student_and_teacher()
    twice = [
        type(x)(torch.cat([x.image] * 2), torch.cat([x.text] * 2), x.logit_scale)
        for x in (student, teacher)
    ]
    # Every query appears twice among twice the candidates; argmax knows the first copy only.
    once = compute(ModXRelease(alpha=1.0), student, teacher)["off_diagonal"]
    doubled = compute(ModXRelease(alpha=1.0), *twice)["off_diagonal"]
    assert doubled.item() == pytest.approx(once.item(), rel=1e-9)


def test_negative_alpha_raises():
    with pytest.raises(ValueError, match=r"alpha must be at least 0, got -1\.0"):
        ModXRelease(alpha=-1.0)
