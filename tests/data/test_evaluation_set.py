import pytest
import torch

from modx_lightning.data.evaluation_set import EvaluationSet
from modx_lightning.data.opening import ReadSettings, open_samples
from tests.data.shards_factory import colour_of, sample, transform, write_shard, write_tar
from tests.data.test_dataset import DAMAGED


def evaluation_set(tmp_path, members=None, samples=11):
    for shard in range(2):
        path = tmp_path / f"test-{shard}.tar"
        if members is None:
            write_shard(path, samples, captions=2, first=samples * shard)
        else:
            write_tar(path, members)
    settings = ReadSettings(tmp_path / "cache")
    return EvaluationSet("red", open_samples("red", "test-*.tar", tmp_path, settings), 1)


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [4, 100])
def test_ranks_together_see_every_sample_once(tmp_path, world, batch_size):
    found = evaluation_set(tmp_path)
    seen = {}
    for rank in range(world):
        for batch in found.loader(transform, batch_size, rank, world):
            assert len(batch.index) == len(batch.image) == len(batch.captions) == len(batch.keys)
            for i, number in enumerate(batch.index.tolist()):
                assert number % world == rank
                assert number not in seen
                seen[number] = (tuple(batch.image[i, :, 0, 0].tolist()), batch.captions[i])
    assert seen == {
        i: (colour_of(i), [f"{i:06d} caption {j}" for j in range(2)]) for i in range(22)
    }


def test_workers_change_nothing(tmp_path):
    found = evaluation_set(tmp_path)
    alone, helped = (list(found.loader(transform, 4, workers=w)) for w in (0, 2))
    assert [b.index.tolist() for b in alone] == [b.index.tolist() for b in helped]
    assert all(torch.equal(a.image, b.image) for a, b in zip(alone, helped, strict=True))


def test_more_ranks_than_samples_leave_some_without(tmp_path):
    found = evaluation_set(tmp_path, samples=1)
    assert [len(list(found.loader(transform, 4, rank, 3))) for rank in range(3)] == [1, 1, 0]


def test_damaged_pictures_are_left_out_counted_and_logged(tmp_path, caplog):
    damaged = [("a.jpg", DAMAGED), ("a.txt", b"x")]
    found = evaluation_set(tmp_path, [*damaged, *sample(0).items(), *sample(1).items()])
    loader = found.loader(transform, batch_size=1)
    batches = list(loader)
    assert [batch.index.tolist() for batch in batches] == [[1], [2], [4], [5]]
    assert [len(batch.skipped) for batch in batches] == [1, 0, 1, 0]
    assert len(loader.skipped) == 2
    assert caplog.text.count("unreadable picture") == 2


def test_damage_at_the_end_is_counted_too(tmp_path):
    found = evaluation_set(tmp_path, [*sample(0).items(), ("a.jpg", DAMAGED), ("a.txt", b"x")])
    loader = found.loader(transform, batch_size=1)
    assert [batch.index.tolist() for batch in loader] == [[0], [2]]
    assert [skip.key for skip in loader.skipped] == ["red/test-0/a", "red/test-1/a"]


def test_batch_size_below_one_raises(tmp_path):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        evaluation_set(tmp_path).loader(transform, 0)
