import pytest

from modx_lightning.batch import Skip
from modx_lightning.callbacks import skips
from modx_lightning.callbacks.skips import SkipCounter, TooManyBadSamplesError

BAD = Skip("home-000.tar", "k7", "cannot decode the picture")


def test_skips_are_counted_by_shard_and_reason_and_told_first_and_last(
    line, batches, trainer, caplog
):
    counter = SkipCounter(max_bad_fraction=0.5)
    given = {0: [BAD, BAD], 3: [BAD, Skip("home-001.tar", "k9", "no caption")]}
    trainer(counter, steps=4).fit(line, batches(4, skipped=given))
    assert counter.total() == {
        ("home-000.tar", "cannot decode the picture"): 3,
        ("home-001.tar", "no caption"): 1,
    }
    assert [r.message for r in caplog.records if r.name == skips.__name__] == [
        "home-000.tar: skipping k7 (cannot decode the picture); counting",
        "home-001.tar: skipping k9 (no caption); counting",
        "home-000.tar: 3 skipped in this phase (cannot decode the picture)",
        "home-001.tar: 1 skipped in this phase (no caption)",
    ]


def test_too_many_stop_the_run_but_a_handful_does_not(line, batches, trainer):
    trainer(SkipCounter(0.01), steps=1).fit(line, batches(1, skipped={0: [BAD] * 10}))
    with pytest.raises(TooManyBadSamplesError, match="11 of 15 training samples could not be used"):
        trainer(SkipCounter(0.01), steps=1).fit(line, batches(1, skipped={0: [BAD] * 11}))


def test_counts_survive_a_checkpoint():
    before, after = SkipCounter(), SkipCounter()
    before.counts[("a", "b")], before.samples = 2, 7
    after.load_state_dict(before.state_dict())
    assert (after.counts, after.samples) == (before.counts, 7)


def test_a_fraction_above_one_is_refused():
    with pytest.raises(ValueError, match="within 0 and 1, got 2"):
        SkipCounter(max_bad_fraction=2)
