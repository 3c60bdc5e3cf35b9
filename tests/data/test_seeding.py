import numpy as np
import pytest

from modx_lightning.data.seeding import bits, choice, permutation, uniforms


def test_numbers_never_change_between_versions():
    """Written down once: whoever changes these changes the order of everybody's data."""
    assert bits(2, 0, "furniture", 3).tolist() == [824368419227356959, 574596056358433057]
    assert permutation(6, 0, "furniture", 3).tolist() == [1, 5, 0, 2, 4, 3]
    assert [choice(5, 0, "key", epoch) for epoch in range(8)] == [4, 3, 0, 4, 1, 0, 0, 4]


def test_a_permutation_holds_every_number_once():
    assert sorted(permutation(1000, "x").tolist()) == list(range(1000))


def test_words_are_kept_apart():
    assert bits(4, "ab", "c").tolist() != bits(4, "a", "bc").tolist()


def test_uniforms_fill_the_unit_interval():
    numbers = uniforms(10_000, "x")
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02


@pytest.mark.parametrize("options", [1, 3, 5])
def test_choices_are_even(options):
    counts = np.bincount([choice(options, i) for i in range(3000)], minlength=options)
    assert counts.min() > 3000 / options * 0.85
