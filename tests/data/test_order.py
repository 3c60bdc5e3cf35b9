from collections import Counter

import numpy as np
import pytest

from modx_lightning.data.order import EpochOrder, Part, mixture

FIFTY = (Part(50, 50),)


def order(parts=FIFTY, shards=None, seed=0, phase="red", **options):
    total = sum(part.size for part in parts)
    starts = np.array([0, total] if shards is None else np.cumsum([0, *shards]))
    return EpochOrder(parts, starts, seed, phase, **options)


def test_an_epoch_shows_every_sample_once():
    draws = order()(0)
    assert sorted(draws[:, 0].tolist()) == list(range(50))
    assert not draws[:, 1].any()


def test_order_is_written_down():
    """A change of this list changes what every run sees."""
    assert order((Part(8, 8),))(1)[:, 0].tolist() == [4, 7, 3, 1, 5, 0, 2, 6]


@pytest.mark.parametrize("other", [{"seed": 1}, {"phase": "green"}])
def test_order_depends_on_seed_and_phase(other):
    assert order()(0).tolist() == order()(0).tolist()
    assert order()(0).tolist() != order(**other)(0).tolist()


def test_order_differs_between_epochs():
    assert len({order().digest(epoch) for epoch in range(5)}) == 5


def test_whole_weight_shows_each_sample_that_often_with_its_own_copy_number():
    draws = order((Part(10, 30),))(0)
    assert sorted(draws.tolist()) == [[i, copy] for i in range(10) for copy in range(3)]


def test_fractional_weight_adds_another_choice_in_each_epoch():
    shown = [Counter(order((Part(20, 30),))(epoch)[:, 0].tolist()) for epoch in (0, 1)]
    for counts in shown:
        assert Counter(counts.values()) == {2: 10, 1: 10}
    assert shown[0] != shown[1]


def test_a_part_without_draws_is_not_shown():
    assert order((Part(5, 0), Part(5, 5)))(0)[:, 0].min() == 5


def test_replay_share_is_that_share_of_the_epoch():
    parts = mixture([(80, 1.0)], [1000, 1000], 0.2)
    assert parts == [Part(80, 80), Part(1000, 10), Part(1000, 10)]


def test_replay_is_even_over_domains_whatever_their_size():
    parts = mixture([(90, 1.0)], [5, 500, 50], 0.1)
    assert [part.draws for part in parts[1:]] == [4, 3, 3]


def test_replay_counts_weighted_draws_and_needs_earlier_domains():
    assert mixture([(10, 2.0)], [100], 0.5) == [Part(10, 20), Part(100, 20)]
    assert mixture([(10, 1.0)], [], 0.5) == [Part(10, 10)]


def test_replay_draws_other_samples_in_each_epoch_and_only_of_earlier_domains():
    mixed = order((Part(40, 40), Part(100, 10)))
    replayed = [{i for i in mixed(epoch)[:, 0].tolist() if i >= 40} for epoch in range(2)]
    assert all(len(samples) == 10 for samples in replayed)
    assert replayed[0] != replayed[1]


def test_many_shards_are_read_in_windows():
    draws = order((Part(60, 60),), shards=[10] * 6, window_shards=2)(0)[:, 0]
    windows = [set((draws[i : i + 20] // 10).tolist()) for i in (0, 20, 40)]
    assert [len(window) for window in windows] == [2, 2, 2]
    assert set.union(*windows) == set(range(6))
    assert sorted(draws.tolist()) == list(range(60))


def test_windows_hold_other_shards_in_each_epoch():
    windowed = order((Part(60, 60),), shards=[10] * 6, window_shards=2)
    assert len({frozenset((windowed(e)[:20, 0] // 10).tolist()) for e in range(6)}) > 1


def test_few_shards_are_one_full_shuffle():
    parts = (Part(60, 60),)
    whole, shards = order(parts), order(parts, shards=[10] * 6, window_shards=6)
    assert whole(0).tolist() == shards(0).tolist()


def test_parts_that_do_not_fit_the_shards_raise():
    with pytest.raises(ValueError, match="expected parts of 9 samples"):
        EpochOrder([Part(10, 10)], np.array([0, 9]), 0, "red")
