"""What evaluation needs of a set of pictures and captions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor

from modx_lightning.batch import Skip


class EvaluationBatch(Protocol):
    """Some images of a set with all their captions."""

    @property
    def index(self) -> Tensor:
        """Sample ids, unique in the set over all ranks, ``(B,)`` int64."""
        ...

    @property
    def image(self) -> Tensor:
        """Pictures, ``(B, 3, H, W)`` uint8."""
        ...

    @property
    def captions(self) -> list[list[str]]:
        """All captions of each picture, at least one."""
        ...


class EvaluationLoader(Protocol):
    """One pass over this rank's part of a set."""

    @property
    def skipped(self) -> Sequence[Skip]:
        """Samples left out in the last pass."""
        ...

    def __iter__(self) -> Iterator[EvaluationBatch]: ...


class EvaluationSet(Protocol):
    """Pictures and captions that a model is scored on."""

    @property
    def name(self) -> str:
        """Column of the score matrix."""
        ...

    def __len__(self) -> int:
        """Samples of the whole set, usable or not."""
        ...

    def loader(
        self,
        transform: Callable[[Any], Tensor],
        batch_size: int,
        rank: int,
        world_size: int,
        workers: int | str,
    ) -> EvaluationLoader:
        """Batches of the samples ``rank``, ``rank + world_size``, …: none twice, none left out."""
        ...
