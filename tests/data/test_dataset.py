import logging

import pytest
import torch

from modx_lightning.data.augmentation import RandomResizedCropFlip
from modx_lightning.data.batches import EpochBatches
from modx_lightning.data.dataset import Collate, PairDataset
from modx_lightning.data.loading import BatchLoader, worker_count
from modx_lightning.data.opening import ReadSettings, open_samples
from modx_lightning.data.order import Draw, EpochOrder, Part
from modx_lightning.data.pictures import PictureError
from tests.data.shards_factory import (
    colour_of,
    damaged_picture,
    sample,
    tokenizer,
    transform,
    write_shard,
    write_tar,
)

DAMAGED = damaged_picture()


def samples_of(tmp_path, members=None, samples=16, captions=5):
    path = tmp_path / "train-0.tar"
    write_shard(path, samples, captions) if members is None else write_tar(path, members)
    return open_samples("red", "train-0.tar", tmp_path, ReadSettings(tmp_path / "cache"))


def dataset(samples, **options):
    return PairDataset(samples, transform, **{"seed": 0, "phase": "red", **options})


def test_a_draw_gives_picture_caption_and_key(tmp_path):
    pair = dataset(samples_of(tmp_path, captions=1))[Draw(3, 0)]
    assert pair.key == "red/train-0/000003"
    assert pair.caption == "000003 caption 0"
    assert pair.image.dtype == torch.uint8
    assert pair.image.shape == (3, 4, 4)
    assert tuple(pair.image[:, 0, 0].tolist()) == colour_of(3)
    assert pair.skipped == ()


def captions(samples, epoch=0, copy=0, **options):
    pairs = dataset(samples, **options)
    return [pairs[Draw(i, epoch, copy)].caption for i in range(len(samples))]


def test_one_of_several_captions_is_drawn_anew_in_each_epoch(tmp_path):
    samples = samples_of(tmp_path)
    first = captions(samples)
    assert captions(samples) == first
    others = [{"epoch": 1}, {"copy": 1}, {"seed": 1}, {"phase": "green"}]
    assert all(captions(samples, **other) != first for other in others)
    drawn = {captions(samples, epoch=epoch)[0] for epoch in range(40)}
    assert drawn == {f"000000 caption {j}" for j in range(5)}


def test_augmentation_is_decided_by_the_draw(tmp_path):
    augmented = dataset(samples_of(tmp_path), augmentation=RandomResizedCropFlip())
    seen = []
    augmented._augmentation = lambda image, *words: (seen.append(words), image)[1]
    augmented[Draw(2, 7, 1)]
    assert seen == [(0, "red", 7, 1, "red/train-0/000002")]


def test_damaged_picture_gives_its_place_to_the_next_and_is_told(tmp_path):
    members = [*sample(0).items(), ("a.jpg", DAMAGED), ("a.txt", b"x"), *sample(1).items()]
    pair = dataset(samples_of(tmp_path, members))[Draw(1, 0)]
    assert pair.key == "red/train-0/000001"
    assert pair.skipped == (("red/train-0", "red/train-0/a", "unreadable picture"),)


def test_after_the_last_sample_comes_the_first(tmp_path):
    members = [*sample(0).items(), ("a.jpg", DAMAGED), ("a.txt", b"x")]
    assert dataset(samples_of(tmp_path, members))[Draw(1, 0)].key == "red/train-0/000000"


def test_only_damaged_pictures_raise(tmp_path):
    members = [(f"{k}.{s}", d) for k in "abc" for s, d in (("jpg", DAMAGED), ("txt", b"x"))]
    with pytest.raises(PictureError, match=r"3 pictures in a row .* from 'red/train-0/b' on"):
        dataset(samples_of(tmp_path, members))[Draw(1, 0)]


def test_batches_stack_pairs_and_gather_skips(tmp_path):
    members = [*sample(0).items(), ("a.jpg", DAMAGED), ("a.txt", b"x"), *sample(1).items()]
    pairs = dataset(samples_of(tmp_path, members))
    batch = Collate(tokenizer)([pairs[Draw(i, 0)] for i in range(3)])
    assert batch.image.shape == (3, 3, 4, 4)
    assert batch.text.shape == (3, 8)
    assert [key[-6:] for key in batch.keys] == ["000000", "000001", "000001"]
    assert len(batch.skipped) == 1


def test_captions_that_fill_the_context_are_told_once(tmp_path, caplog):
    pairs = dataset(samples_of(tmp_path))
    collate = Collate(tokenizer)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            collate([pairs[Draw(0, 0)], pairs[Draw(1, 0)]])
    assert caplog.text.count("2 of 2 captions of a batch fill all 8 tokens") == 1


def read(samples, workers, epochs=2):
    order = EpochOrder([Part(len(samples), len(samples))], samples.shard_starts, 0, "red")
    batches = EpochBatches(order, 4)
    loader = BatchLoader(dataset(samples), batches, Collate(tokenizer), workers)
    found = []
    for epoch in range(epochs):
        batches.set_epoch(epoch)
        found += list(loader)
    return found


def test_workers_change_nothing_and_see_every_epoch(tmp_path):
    samples = samples_of(tmp_path)
    alone, helped = read(samples, 0), read(samples, 2)
    assert [batch.keys for batch in alone] == [batch.keys for batch in helped]
    for a, b in zip(alone, helped, strict=True):
        assert torch.equal(a.image, b.image)
        assert torch.equal(a.text, b.text)
    assert [batch.keys for batch in helped[:4]] != [batch.keys for batch in helped[4:]]


def test_workers_setting_is_a_number_or_auto(monkeypatch):
    assert worker_count(3, samples=10, world_size=1) == 3
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert worker_count("auto", samples=19_999, world_size=1) == 0
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(16), raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert worker_count("auto", samples=20_000, world_size=8) == 2
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert worker_count("auto", samples=20_000, world_size=8) == 4
    for wrong in ("many", -1):
        with pytest.raises(ValueError, match='"auto" or a number'):
            worker_count(wrong, 10, 1)
