"""The learning rate over a phase."""

import pytest

from modx_lightning.schedule import constant, cosine_with_warmup


def test_rises_over_the_warm_up_and_falls_to_zero():
    factors = [cosine_with_warmup(step, total=20, warmup=0.25) for step in range(21)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[5:] == sorted(factors[5:], reverse=True)
    assert factors[20] == 0.0


def test_first_step_already_learns():
    assert cosine_with_warmup(0, total=5, warmup=0.2) > 0


def test_phase_without_warm_up_starts_at_full_rate():
    assert cosine_with_warmup(0, total=10, warmup=0.0) == 1.0


def test_constant_is_constant():
    assert {constant(step, 10) for step in range(10)} == {1.0}
