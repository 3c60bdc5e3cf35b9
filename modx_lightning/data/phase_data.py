"""What a phase is and the training data it has once its shards are opened."""

from dataclasses import dataclass

from modx_lightning.data.batches import steps_per_epoch
from modx_lightning.data.order import EpochOrder, Part
from modx_lightning.data.samples import Samples
from modx_lightning.data.stream_spec import DomainSpec


@dataclass(frozen=True)
class PhaseSpec:
    """One phase of training.

    Args:
        name: Its name, also of its folder.
        domains: What it trains on: one domain, or all of them in joint training.
        replay_from: Earlier domains that its replay share is drawn from.
        replay: Share of replayed samples in each epoch.
    """

    name: str
    domains: tuple[DomainSpec, ...]
    replay_from: tuple[DomainSpec, ...] = ()
    replay: float = 0.0


@dataclass(frozen=True)
class PhaseData:
    """The opened training data of one phase.

    Args:
        name: Name of the phase.
        samples: Its own samples, then those that replay draws from.
        parts: How many of each domain an epoch shows.
        window_shards: See ``EpochOrder``.
    """

    name: str
    samples: Samples
    parts: tuple[Part, ...]
    window_shards: int

    def order(self, seed: int) -> EpochOrder:
        """Return the order of the phase's samples for a seed."""
        starts = self.samples.shard_starts
        return EpochOrder(self.parts, starts, seed, self.name, self.window_shards)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return the number of full global batches in an epoch.

        Raises:
            ValueError: If there is none.
        """
        try:
            return steps_per_epoch(sum(part.draws for part in self.parts), batch_size)
        except ValueError as error:
            raise ValueError(f"phase {self.name!r}: {error}") from error


@dataclass(frozen=True)
class StreamSummary:
    """What a stream holds.

    Args:
        samples: Usable samples by split, such as ``"furniture/train"``.
        skips: Unusable ones by split and reason; splits without any are not listed.
        steps: Optimizer steps of each phase.
    """

    samples: dict[str, int]
    skips: dict[str, dict[str, int]]
    steps: tuple[int, ...]
