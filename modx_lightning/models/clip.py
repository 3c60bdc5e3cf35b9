"""An open_clip model behind one `forward(image, text) -> Embeddings`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modx_lightning.batch import Embeddings
from modx_lightning.models.preprocess import Normalize, image_transform

Tokenizer = Callable[[list[str]], Tensor]

MAX_LOGIT_SCALE = 100.0  # Radford et al. 2021, section 2.5: "to prevent training instability"
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class CLIP(nn.Module):
    """Two towers, the scale of their logits, and all it takes to feed them.

    Args:
        network: `open_clip.CLIP` or `open_clip.CustomTextCLIP`.
        model_cfg: Its architecture, as in the ``model_cfg`` of an open_clip_config.json.
        preprocess_cfg: open_clip's: size, mean, std, interpolation, resize_mode, fill_color.
        tokenizer: From captions to token ids ``(B, L)``.
        freeze_batch_norm: Keep the statistics of every BatchNorm as they are, also in
            training (its scale and shift still learn): teacher, ranks and accumulated
            batches then see one and the same network.
        locked: Towers that do not train: "image", "text" or both. open_clip's own lock:
            a timm image tower keeps its projection free.
        grad_checkpointing: Recompute activations in the backward pass to save memory.

    Raises:
        ValueError: If ``locked`` names something else than "image" and "text".
    """

    def __init__(
        self,
        network: nn.Module,
        model_cfg: dict[str, Any],
        preprocess_cfg: dict[str, Any],
        tokenizer: Tokenizer,
        *,
        freeze_batch_norm: bool = True,
        locked: Sequence[str] = (),
        grad_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.network: Any = network
        self.model_cfg, self.preprocess_cfg = model_cfg, preprocess_cfg
        self.tokenizer = tokenizer
        self.transform = image_transform(preprocess_cfg)
        self.normalize = Normalize(preprocess_cfg["mean"], preprocess_cfg["std"])
        self.freeze_batch_norm = freeze_batch_norm
        self.locked = tuple(locked)
        self._lock_towers()
        if self.network.logit_bias is not None:
            # SigLIP's bias cancels in a softmax: InfoNCE sends it no gradient.
            self.network.logit_bias.requires_grad_(requires_grad=False)
        if grad_checkpointing:
            self.network.set_grad_checkpointing()
        # Convolutions are 2.5 times as fast with it on a CPU, and no slower on a GPU.
        self.network.to(memory_format=torch.channels_last)
        self.train()

    def forward(self, image: Tensor, text: Tensor) -> Embeddings:
        """Embed ``B`` pairs: images ``(B, 3, H, W)`` and token ids ``(B, L)``."""
        # Some open_clip models hold the scale as a vector of one.
        scale = self.network.logit_scale.float().exp().reshape(())
        return Embeddings(self.encode_image(image), self.encode_text(text), scale)

    def encode_image(self, image: Tensor) -> Tensor:
        """Embed images.

        Args:
            image: ``(B, 3, H, W)``, bytes, or floats that are normalised already.

        Returns:
            ``(B, D)`` of unit norm, float32 whatever the network's precision.
        """
        pixels = self.normalize(image).to(self.dtype, memory_format=torch.channels_last)
        features = self.network.encode_image(pixels)
        return F.normalize(features.float(), dim=-1)

    def encode_text(self, text: Tensor) -> Tensor:
        """Embed token ids ``(B, L)`` into ``(B, D)`` of unit norm, float32."""
        return F.normalize(self.network.encode_text(text).float(), dim=-1)

    @torch.no_grad()
    def clamp_logit_scale(self) -> None:
        """Keep the learned logarithm of the scale within [0, ln 100]; call after each step."""
        self.network.logit_scale.clamp_(0.0, math.log(MAX_LOGIT_SCALE))

    def parameter_groups(
        self, lr: float, weight_decay: float, lr_multipliers: Mapping[str, float] | None = None
    ) -> list[dict[str, Any]]:
        """Split what trains by decay and learning rate; gains, biases, logit_scale do not decay.

        Args:
            lr: Learning rate.
            weight_decay: Of weights of two and more dimensions.
            lr_multipliers: Factors on ``lr`` of the parameters whose open_clip name begins so,
                such as ``{"visual.trunk": 0.3}``; the longest fitting beginning counts.

        Raises:
            ValueError: If a beginning fits no parameter.
        """
        multipliers = {"": 1.0, **(lr_multipliers or {})}
        names = [name for name, _ in self.network.named_parameters()]
        for beginning in multipliers:
            if not any(name.startswith(beginning) for name in names):
                parts = sorted({name.rsplit(".", 2)[0] for name in names})
                raise ValueError(f"no parameter begins with {beginning!r}; there are {parts[:20]}")
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                beginning = max((b for b in multipliers if name.startswith(b)), key=len)
                decay = weight_decay if parameter.ndim >= 2 else 0.0  # noqa: PLR2004
                groups.setdefault((lr * multipliers[beginning], decay), []).append(parameter)
        return [
            {"params": parameters, "lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ]

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002
        super().train(mode)
        for module in self.network.modules():
            if self._stays_asleep(module):
                module.eval()
        return self

    @property
    def embedding_dim(self) -> int:
        """``D``, the length of an embedding."""
        return int(self.model_cfg["embed_dim"])

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels of what the image tower takes."""
        size: int | Sequence[int] = self.preprocess_cfg["size"]
        return (size, size) if isinstance(size, int) else (size[0], size[-1])

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the towers' weights."""
        return next(self.network.visual.parameters()).dtype

    def _lock_towers(self) -> None:
        unknown = set(self.locked) - {"image", "text"}
        if unknown:
            raise ValueError(f'locked takes "image" and "text", got {sorted(unknown)}')
        if "image" in self.locked:
            self.network.lock_image_tower()
        if "text" in self.locked:
            self.network.lock_text_tower()

    def _stays_asleep(self, module: nn.Module) -> bool:
        """Frozen statistics, or a locked part: dropout must not stir there either."""
        if self.freeze_batch_norm and isinstance(module, _BATCH_NORMS):
            return True
        weights = list(module.parameters()) if self.locked else []
        return bool(weights) and not any(weight.requires_grad for weight in weights)
