"""Off-diagonal distillation against a slow copy of the published algorithm."""

import math

import pytest
import torch
import torch.nn.functional as F

from modx_lightning.losses.off_diagonal import off_diagonal_distillation, row_divergence


def distil(student, teacher, targets, *, screening=True, diagonal=True):
    return off_diagonal_distillation(
        student, teacher, targets, screening=screening, diagonal=diagonal
    )


def reference(student, teacher, targets, *, screening, diagonal):
    """Row loop of the paper: a row the teacher gets wrong is replaced by the student's."""
    total = 0.0
    for i, target in enumerate(targets.tolist()):
        old = student[i] if screening and teacher[i].argmax() != target else teacher[i]
        keep = [j for j in range(len(old)) if diagonal or j != target]
        p_old, p_new = old[keep].softmax(-1), student[i][keep].softmax(-1)
        total = total + (p_old * (p_old.log() - p_new.log())).sum()
    return total / len(targets)


@pytest.fixture
def matrices():
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(6, 9, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(6, 9, generator=generator, dtype=torch.float64)
    targets = teacher.argmax(-1)
    targets[::2] = (targets[::2] + 1) % 9
    return student, teacher, targets


@pytest.mark.parametrize("screening", [True, False])
@pytest.mark.parametrize("diagonal", [True, False])
def test_value_and_gradient_equal_the_papers_row_loop(matrices, screening, diagonal):
    ours = distil(*matrices, screening=screening, diagonal=diagonal)
    slow = reference(*matrices, screening=screening, diagonal=diagonal)
    assert ours.item() == pytest.approx(slow.item(), rel=1e-12)
    (mine,) = torch.autograd.grad(ours, matrices[0])
    (theirs,) = torch.autograd.grad(slow, matrices[0])
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-15)


def test_one_row_by_hand():
    # Teacher's odds 3:1, student's 1:1.
    teacher, student = torch.tensor([[math.log(3.0), 0.0]]), torch.zeros(1, 2)
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert distil(student, teacher, torch.tensor([0])).item() == pytest.approx(expected, rel=1e-6)


def test_row_the_teacher_gets_wrong_carries_no_gradient(matrices):
    student, teacher, targets = matrices
    (gradient,) = torch.autograd.grad(distil(*matrices), student)
    wrong = teacher.argmax(-1) != targets
    assert wrong.any()
    assert not wrong.all()
    assert (gradient[wrong] == 0).all()
    assert (gradient[~wrong] != 0).any(dim=-1).all()


def test_dropped_row_counts_in_the_mean():
    teacher = torch.tensor([[2.0, 0.0], [2.0, 0.0]])  # right about row 0, wrong about row 1
    both = distil(torch.zeros(2, 2), teacher, torch.tensor([0, 1]))
    one = distil(torch.zeros(1, 2), teacher[:1], torch.tensor([0]))
    assert both.item() == pytest.approx(one.item() / 2)


def test_own_pair_that_ties_with_an_equal_caption_is_known_in_either_order():
    teacher = torch.tensor([[0.3, 0.3, 0.1], [0.3, 0.3, 0.1]])
    rows = row_divergence(torch.zeros(2, 3), teacher)
    assert distil(torch.zeros(2, 3), teacher, torch.tensor([0, 1])).item() == rows.mean().item()


def test_teacher_gets_no_gradient(matrices):
    student, teacher, targets = matrices
    teacher.requires_grad_(True)
    distil(student, teacher, targets).backward()
    assert teacher.grad is None


def test_mean_does_not_depend_on_how_often_the_batch_is_repeated(matrices):
    student, teacher, targets = matrices
    twice = distil(student.repeat(2, 1), teacher.repeat(2, 1), targets.repeat(2))
    assert twice.item() == pytest.approx(distil(*matrices).item(), rel=1e-12)


def test_divergence_of_raw_cosines_does_not_shrink_with_more_candidates():
    generator = torch.Generator().manual_seed(0)
    values = []
    for candidates in (128, 1024, 8192):
        old = 0.1 * torch.randn(64, candidates, generator=generator)
        new = old + 0.02 * torch.randn(64, candidates, generator=generator)
        values.append(row_divergence(new, old).mean().item())
    # Half the variance of the change: 0.02 ** 2 / 2.
    assert values == pytest.approx([2e-4] * 3, rel=0.05)


def test_small_divergence_survives_float32():
    generator = torch.Generator().manual_seed(0)
    old = 0.1 * torch.randn(256, 256, generator=generator, dtype=torch.float64)
    new = old + 0.01 * torch.randn(256, 256, generator=generator, dtype=torch.float64)
    old, new = old.float(), new.float()
    exact = row_divergence(new.double(), old.double())
    log_new, log_old = new.log_softmax(-1), old.log_softmax(-1)
    textbook = F.kl_div(log_new, log_old, reduction="none", log_target=True).sum(-1)
    ours = (row_divergence(new, old) - exact).abs().max() / exact.mean()
    assert ours < 1e-3
    assert ours < 0.1 * (textbook - exact).abs().max() / exact.mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows", [1, 4])
def test_without_the_diagonal_nothing_is_nan(dtype, rows):
    generator = torch.Generator().manual_seed(0)
    student, teacher = (100 * torch.randn(2, rows, rows, generator=generator)).to(dtype)
    student.requires_grad_(True)
    loss = distil(student, teacher, torch.arange(rows), screening=False, diagonal=False)
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()
    assert (student.grad.diagonal() == 0).all()


def test_own_pair_is_out_of_the_softmax_without_the_diagonal(matrices):
    student, teacher, targets = matrices
    moved = student.scatter(1, targets[:, None], 50.0)
    with_it, without = (
        distil(moved, teacher, targets, screening=False, diagonal=diagonal)
        - distil(student, teacher, targets, screening=False, diagonal=diagonal)
        for diagonal in (True, False)
    )
    assert with_it > 1
    assert without == 0


def test_bfloat16_is_computed_in_float32():
    x = torch.randn(4, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    loss = distil(x, x.flip(0), torch.arange(4), screening=False)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, distil(x.float(), x.flip(0).float(), torch.arange(4), screening=False))


@pytest.mark.parametrize(("teacher", "targets"), [((3, 4), (3,)), ((2, 4), (2,)), ((3, 3), (4,))])
def test_shapes_that_do_not_fit_raise(teacher, targets):
    with pytest.raises(ValueError, match=r"expected student \(B, N\)"):
        distil(torch.zeros(3, 3), torch.zeros(teacher), torch.zeros(targets, dtype=torch.long))
