"""A model and evaluation sets without files; quick to import, for ranks started by the tests."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from modx_lightning.batch import Skip


@dataclass
class ToyBatch:
    index: torch.Tensor
    image: torch.Tensor
    captions: list


class ToyModel(nn.Module):
    """Two linear towers over pixels and letters; counts what it embeds."""

    transform = staticmethod(lambda picture: picture)

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.visual = nn.Sequential(nn.Linear(12, 16), nn.Dropout(0.5), nn.Linear(16, 4))
            self.textual = nn.Sequential(nn.Embedding(128, 16), nn.Linear(16, 4))
        self.images, self.texts, self.tokenised = 0, 0, []

    def tokenizer(self, texts):
        assert isinstance(texts, list)
        self.tokenised += texts
        return torch.tensor([[ord(letter) for letter in text.ljust(8)[:8]] for text in texts])

    def encode_image(self, image):
        self.images += len(image)
        return F.normalize(self.visual(image.flatten(1).float() / 255), dim=1)

    def encode_text(self, text):
        self.texts += len(text)
        return F.normalize(self.textual(text).mean(dim=1), dim=1)


@dataclass
class ToyLoader:
    batches: list
    skipped: list = field(default_factory=list)

    def __iter__(self):
        return iter(self.batches)


class ToySet:
    """``captions[i]`` belong to picture ``i``; the samples in ``damaged`` are skipped."""

    def __init__(self, captions, name="toy", damaged=()):
        self.captions, self.name, self.damaged = captions, name, damaged
        generator = torch.Generator().manual_seed(len(captions))
        shape = (len(captions), 3, 2, 2)
        self.image = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)

    def __len__(self):
        return len(self.captions)

    def numbers(self, rank, world_size):
        return list(range(rank, len(self), world_size))

    def loader(self, transform, batch_size, rank, world_size, workers):
        numbers = self.numbers(rank, world_size)
        good = [number for number in numbers if number not in self.damaged]
        skipped = [Skip("shard", str(n), "broken") for n in numbers if n in self.damaged]
        batches = []
        for start in range(0, len(good), batch_size):
            index = good[start : start + batch_size]
            captions = [self.captions[number] for number in index]
            batches.append(ToyBatch(torch.tensor(index), self.image[index], captions))
        return ToyLoader(batches, skipped)


def toy_captions(images):
    """One to three captions per picture, some of them equal to another picture's."""
    return [
        [f"a{number % 7}", *[f"b{number}-{extra}" for extra in range(number % 3)]]
        for number in range(images)
    ]
