from types import SimpleNamespace

from modx_lightning.callbacks.interval import Interval


def worked_at(interval, *, first=0, batches=8, accumulate=1, batches_an_epoch=4):
    trainer = SimpleNamespace(
        global_step=first, num_training_batches=batches_an_epoch, accumulate_grad_batches=accumulate
    )
    interval.start(trainer)
    worked = []
    for batch in range(batches):
        trainer.global_step = first + (batch + 1) // accumulate
        if interval.stepped(trainer) and interval.due(trainer):
            worked.append((batch, trainer.global_step))
    return worked


def test_epochs_are_counted_in_steps():
    assert worked_at(Interval(1)) == [(3, 4), (7, 8)]
    assert worked_at(Interval(2)) == [(7, 8)]


def test_steps_win_over_epochs():
    assert worked_at(Interval(1, every_n_steps=3)) == [(2, 3), (5, 6)]


def test_accumulated_batches_come_due_once():
    assert worked_at(Interval(1), accumulate=2) == [(3, 2), (7, 4)]
    assert worked_at(Interval(1), accumulate=3, batches=6) == [(5, 2)]  # 4 batches: 2 steps


def test_a_phase_taken_up_again_works_at_the_same_steps():
    assert worked_at(Interval(1), first=2) == [(1, 4), (5, 8)]
    assert worked_at(Interval(1, every_n_steps=2), first=2, accumulate=2) == [(3, 4), (7, 6)]
