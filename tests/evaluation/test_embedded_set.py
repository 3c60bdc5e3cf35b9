import pytest
import torch

from modx_lightning.evaluation.embedded_set import embed_set
from tests.evaluation.toys import ToyModel, ToySet, toy_captions


def test_rows_and_pairs_follow_the_sample_ids():
    captions = [["cat", "a cat"], ["dog"], ["cat", "pet"]]
    model, data = ToyModel().eval(), ToySet(captions)
    embedded = embed_set(model, data, batch_size=2)
    assert embedded.index.tolist() == [0, 1, 2]
    assert embedded.captions == ["cat", "a cat", "dog", "pet"]
    assert embedded.pairs.tolist() == [[0, 0], [0, 1], [1, 2], [2, 0], [2, 3]]
    torch.testing.assert_close(embedded.image, model.encode_image(data.image))
    torch.testing.assert_close(embedded.text, model.encode_text(model.tokenizer(embedded.captions)))


def test_captions_that_differ_in_surrounding_space_only_are_one_text():
    embedded = embed_set(ToyModel(), ToySet([[" cat"], ["cat\n"], ["cat", "cat "]]), batch_size=2)
    assert embedded.captions == ["cat"]
    assert embedded.pairs.tolist() == [[0, 0], [1, 0], [2, 0]]


def test_every_image_and_every_different_text_is_embedded_once():
    captions = toy_captions(30)
    model = ToyModel()
    embedded = embed_set(model, ToySet(captions), batch_size=4)
    assert model.images == 30
    assert model.texts == len({text for own in captions for text in own})
    assert sorted(model.tokenised) == sorted(embedded.captions)


def test_progress_counts_images_then_texts():
    told = []
    embed_set(ToyModel(), ToySet([["a"], ["b"], ["a"]]), batch_size=2, progress=told.append)
    assert told == [2, 1, 2]


def test_skipped_samples_are_listed_and_leave_no_row():
    embedded = embed_set(ToyModel(), ToySet([["a"], ["b"], ["c"]], damaged=[1]), batch_size=2)
    assert embedded.index.tolist() == [0, 2]
    assert embedded.captions == ["a", "c"]
    assert [skip.key for skip in embedded.skipped] == ["1"]


def test_autocast_reaches_the_encoders_and_embeddings_stay_float32():
    seen = []

    class Watching(ToyModel):
        def encode_image(self, image):
            seen.append(torch.is_autocast_enabled("cpu"))
            return super().encode_image(image)

    for amp in (None, torch.bfloat16):
        embedded = embed_set(Watching(), ToySet([["a"], ["b"]]), batch_size=2, amp=amp)
        assert embedded.image.dtype == embedded.text.dtype == torch.float32
    assert seen == [False, True]


def test_the_model_can_be_trained_after_it_has_cached_something_in_evaluation():
    class Caching(ToyModel):
        cached = None

        def encode_image(self, image):
            if self.cached is None:
                self.cached = torch.ones(1) * 2  # as rotary position tables are
            return super().encode_image(image) * self.cached

    model = Caching()
    embed_set(model, ToySet([["a"]]), batch_size=1)
    model.encode_image(torch.zeros(1, 3, 2, 2)).sum().backward()


class TwiceSet(ToySet):
    def numbers(self, rank, world_size):
        return [0, 1, 1]


class ShortSet(ToySet):
    def numbers(self, rank, world_size):
        return [0, 1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TwiceSet([["a"], ["b"], ["c"]]), r"3 samples, .* delivered 3 \(2 different ones\)"),
        (ShortSet([["a"], ["b"], ["c"]]), "3 samples, .* delivered 2 .* skipped 0"),
        (
            ToySet([["a"], ["b"]], damaged=[0, 1]),
            r"no usable sample; 2 skipped, the first: 0 \(bro",
        ),
        (ToySet([]), "no usable sample; 0 skipped"),
    ],
)
def test_set_that_is_not_delivered_once_and_whole_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        embed_set(ToyModel(), data, batch_size=2)
