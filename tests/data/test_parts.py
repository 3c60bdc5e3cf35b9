from itertools import chain

import pytest

from modx_lightning.data.parts import contiguous_parts, random_parts


def test_contiguous_parts_are_those_of_the_released_mod_x():
    n = 30_014
    parts = contiguous_parts(range(n), 5)
    released = [(int(n / 5 * k), int(n / 5 * (k + 1))) for k in range(5)]
    assert [(part[0], part[-1] + 1) for part in parts] == released


def test_random_parts_are_even_seeded_and_complete():
    parts = random_parts(range(11), 3, seed=0)
    assert [len(part) for part in parts] == [3, 4, 4]
    shuffled = list(chain(*parts))
    assert sorted(shuffled) == list(range(11)) != shuffled
    assert random_parts(range(11), 3, seed=0) == parts != random_parts(range(11), 3, seed=1)


def test_more_parts_than_items_raise():
    with pytest.raises(ValueError, match="expected 1 to 2 parts of 2 items, got 3"):
        contiguous_parts(range(2), 3)
