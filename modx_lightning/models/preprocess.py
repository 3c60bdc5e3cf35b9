"""From a picture to what the network sees: resized on the CPU, normalised on the device."""

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

ImageTransform = Callable[[Image.Image], Tensor]


class Normalize(nn.Module):
    """Do on the device what open_clip's ToTensor and Normalize do on the CPU.

    Pictures then travel as bytes: a quarter of the memory, and of the way to the device.

    Args:
        mean: Per channel, of values in [0, 1].
        std: Per channel, of values in [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        # Not persistent: they belong to preprocess_cfg, not to the weights.
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise a uint8 batch ``(B, 3, H, W)`` to float32; a float batch already is."""
        if image.dtype != torch.uint8:
            return image
        # Float32 even where the module was moved to half precision.
        return image.float().div(255).sub(self.mean.float()).div(self.std.float())


def image_transform(preprocess_cfg: dict[str, Any]) -> ImageTransform:
    """Build open_clip's evaluation transform up to, and without, ToTensor and Normalize.

    Args:
        preprocess_cfg: open_clip's: size, mean, std, interpolation, resize_mode, fill_color.

    Returns:
        Picklable callable from a picture to uint8 ``(3, H, W)``.

    Raises:
        ValueError: If open_clip's transform does not end as expected.
    """
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from torchvision.transforms import Compose, PILToTensor

    transform: Any = image_transform_v2(PreprocessCfg(**preprocess_cfg), is_train=False)
    steps: list[Any] = transform.transforms
    endings = [type(step).__name__ for step in steps[-2:]]
    if endings != ["MaybeToTensor", "Normalize"]:
        raise ValueError(
            "expected open_clip's transform to end with MaybeToTensor and Normalize, it ends with "
            f"{' and '.join(endings)}: install open_clip_torch 3.3"
        )
    return Compose([*steps[:-2], PILToTensor()])
