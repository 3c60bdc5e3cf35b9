"""From a picture to what the network sees: resized on the CPU, normalised on the device."""

from collections.abc import Callable, Sequence
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

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        # No buffers: `.to(bfloat16)` would round them, and every pixel with them.
        self._mean = torch.tensor(mean).view(-1, 1, 1)
        self._std = torch.tensor(std).view(-1, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise a uint8 batch ``(B, 3, H, W)`` to float32; a float batch already is."""
        if image.dtype != torch.uint8:
            return image
        if self._mean.device != image.device:
            self._mean, self._std = self._mean.to(image.device), self._std.to(image.device)
        return image.float().div(255).sub(self._mean).div(self._std)


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
