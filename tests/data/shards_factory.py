"""Tiny shards for tests: pictures of one colour with captions, in tars made by hand."""

import io
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def picture(colour=(200, 30, 30), size=(8, 6), form="PNG", mode="RGB", **options):
    """Compressed bytes of a one-colour picture."""
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, form, **options)
    return buffer.getvalue()


def damaged_picture():
    """A JPEG with a good header whose body was cut off."""
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()[: len(buffer.getvalue()) // 2]


def colour_of(number):
    """A colour that tells samples apart."""
    return (number * 37 % 256, number * 91 % 256, number * 53 % 256)


def sample(number, captions=None, key=None):
    """Members of one good sample: {name: bytes}."""
    key = key or f"{number:06d}"
    captions = captions or [f"caption of {key}"]
    return {
        f"{key}.png": picture(colour_of(number)),
        f"{key}.txt": "\n".join(captions).encode("utf-8", "replace"),
    }


def write_tar(path, members, mode="w"):
    """Write members (name, bytes or TarInfo) in order; names may repeat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pairs = members.items() if isinstance(members, dict) else members
    with tarfile.open(path, mode) as tar:
        for name, data in pairs:
            if isinstance(name, tarfile.TarInfo):
                tar.addfile(name)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return Path(path)


def write_shard(path, samples=8, captions=1, prefix="", first=0, mode="w"):
    """Write a shard of good samples; with several captions these are "<key> caption <j>"."""
    members = []
    for number in range(first, first + samples):
        key = f"{prefix}{number:06d}"
        texts = [f"{key} caption {j}" for j in range(captions)]
        members += sample(number, texts, key).items()
    return write_tar(Path(path), members, mode)


def write_stream(root, sizes=None, captions=1):
    """Write ``<domain>/{train,validation,test}-00000.tar`` and return phases for ``Stream``."""
    sizes = sizes or {"red": (24, 8, 8), "green": (16, 8, 8)}
    phases = []
    for domain, (train, validation, test) in sizes.items():
        phase = {"name": domain}
        splits = {"train": train, "validation": validation, "test": test}
        for split, samples in splits.items():
            if samples:
                name = f"{domain}/{split}-00000.tar"
                write_shard(Path(root) / name, samples, captions, prefix=f"{domain}-{split}-")
                phase[split] = name
        phases.append(phase)
    return phases


def transform(image):
    """Picture to uint8 tensor (3, 4, 4)."""
    pixels = np.asarray(image.resize((4, 4)))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


def tokenizer(captions):
    """One token a character, cut at eight; 0 pads."""
    text = torch.zeros(len(captions), 8, dtype=torch.int64)
    for row, caption in enumerate(captions):
        ids = torch.tensor([ord(c) for c in caption[:8]])
        text[row, : len(ids)] = ids
    return text
