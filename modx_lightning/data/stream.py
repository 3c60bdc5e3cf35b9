"""The stream: phases in order, the domain the model starts from, and what is measured."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import add
from pathlib import Path
from typing import Any

from modx_lightning.data.evaluation_set import EvaluationSet
from modx_lightning.data.opening import ReadSettings, open_samples
from modx_lightning.data.order import mixture
from modx_lightning.data.phase_data import PhaseData, PhaseSpec, StreamSummary
from modx_lightning.data.samples import Samples
from modx_lightning.data.shard_cache import default_cache_dir
from modx_lightning.data.skips import count_reasons
from modx_lightning.data.stream_spec import DomainSpec, check_names, find_phase, parse_domain


class Stream:
    """An ordered list of phases and the sets that are measured after each.

    Rows are counted as in the score matrix: row 0 is the untouched model, phase ``i`` (from 1)
    leads to row ``i``.

    Args:
        root: Folder, URL or ``asset:…`` that relative shard patterns start from.
        phases: Mappings with ``name``, ``train`` and, if wanted, ``validation``, ``test``,
            ``weight`` and ``replay``; see ``DomainSpec``.
        start: The domain the initial model knows, with the same keys but ``replay``; its
            ``train`` is used by replay and joint training only.
        evaluation_only: Mappings with ``name``, ``test`` and, if phases do teach that domain,
            ``learned_in_phase``.
        joint: Train on start and all phases at once, for as many steps as the phases have
            together: the upper bound. Replay shares have no meaning then.
        cache_dir: Folder of indexes and of copies of compressed or remote shards; None is
            ``~/.cache/modx_lightning/shards``.
        max_bad_fraction: Share of unusable samples in a split above which nothing starts.
        max_pixels: Largest width times height of a picture.
        window_shards: Shards that are shuffled together; see ``EpochOrder``.

    Raises:
        ValueError: If an entry is not right; the message names it.
    """

    def __init__(
        self,
        root: str,
        phases: Sequence[Mapping[str, Any]],
        start: Mapping[str, Any] | None = None,
        evaluation_only: Sequence[Mapping[str, Any]] = (),
        *,
        joint: bool = False,
        cache_dir: str | Path | None = None,
        max_bad_fraction: float = 0.01,
        max_pixels: int = 50_000_000,
        window_shards: int = 64,
    ) -> None:
        if not phases:
            raise ValueError("a stream needs at least one phase, got none")
        self._root, self._joint, self._window_shards = root, joint, window_shards
        cache = Path(cache_dir).expanduser() if cache_dir else default_cache_dir()
        self._settings = ReadSettings(cache, max_bad_fraction, max_pixels)
        self._domains = tuple(parse_domain(entry, "phases") for entry in phases)
        self._start = () if start is None else (parse_domain(start, "start"),)
        self._measured = tuple(parse_domain(e, "evaluation_only") for e in evaluation_only or ())
        check_names((*self._start, *self._domains, *self._measured))
        for domain in self._measured:
            self._learned_in(domain)
        self._opened: dict[str, Samples] = {}

    @property
    def phases(self) -> tuple[PhaseSpec, ...]:
        """The phases that are trained: all in turn, or one called ``joint``."""
        if not self._joint:
            return self._sequential
        return (PhaseSpec("joint", tuple(d for d in (*self._start, *self._domains) if d.train)),)

    @cached_property
    def _sequential(self) -> tuple[PhaseSpec, ...]:
        phases: list[PhaseSpec] = []
        earlier = [domain for domain in self._start if domain.train]
        for domain in self._domains:
            pools = tuple(earlier) if domain.replay > 0 else ()
            phases.append(PhaseSpec(domain.name, (domain,), pools, domain.replay))
            earlier.append(domain)
        return tuple(phases)

    @cached_property
    def evaluation_sets(self) -> tuple[EvaluationSet, ...]:
        """The test sets, opened: start's, each phase's, then those that are only measured."""
        return tuple(
            EvaluationSet(d.name, self._open(d, "test"), self._learned_in(d))
            for d in (*self._start, *self._domains, *self._measured)
            if d.test
        )

    def validation_set(self, row: int) -> EvaluationSet | None:
        """Return the validation samples of the phase that leads to ``row``, if it has any."""
        phase = self.phases[self._position(row)]
        opened = [self._open(d, "validation") for d in phase.domains if d.validation]
        return EvaluationSet(phase.name, reduce(add, opened), row) if opened else None

    def phase_data(self, row: int) -> PhaseData:
        """Open the training data of the phase that leads to ``row``."""
        return self._phase_data(self.phases[self._position(row)])

    def steps(self, row: int, batch_size: int, epochs: int) -> int:
        """Return the optimizer steps of the phase that leads to ``row``.

        Joint training has as many as the phases would have one after another.

        Raises:
            ValueError: If a phase does not fill one global batch.
        """
        phase = self.phases[self._position(row)]
        counted = self._sequential if self._joint else (phase,)
        return epochs * sum(self._phase_data(p).steps_per_epoch(batch_size) for p in counted)

    def check(self, batch_size: int, epochs: int) -> StreamSummary:
        """Open every split, so that whatever is wrong is found before training.

        Args:
            batch_size: Samples in a batch over all ranks together.
            epochs: Epochs of each phase.

        Raises:
            FileNotFoundError: If shards are missing.
            ValueError: If shards cannot be used or a phase does not fill one global batch.
        """
        for domain, split in self._splits():
            self._open(domain, split)
        for row in range(1, len(self.phases) + 1):
            self.phase_data(row).steps_per_epoch(batch_size)
        rows = range(1, len(self.phases) + 1)
        return StreamSummary(
            {name: len(samples) for name, samples in self._opened.items()},
            {name: count_reasons(s.skips) for name, s in self._opened.items() if s.skips},
            tuple(self.steps(row, batch_size, epochs) for row in rows),
        )

    def _splits(self) -> Iterator[tuple[DomainSpec, str]]:
        for domain in (*self._start, *self._domains, *self._measured):
            for split in ("train", "validation", "test"):
                if getattr(domain, split):
                    yield domain, split

    def _open(self, domain: DomainSpec, split: str) -> Samples:
        name = f"{domain.name}/{split}"
        if name not in self._opened:
            patterns: tuple[str, ...] = getattr(domain, split)
            self._opened[name] = open_samples(name, patterns, self._root, self._settings)
        return self._opened[name]

    def _phase_data(self, phase: PhaseSpec) -> PhaseData:
        own = [self._open(domain, "train") for domain in phase.domains]
        pools = [self._open(domain, "train") for domain in phase.replay_from]
        sizes = [(len(s), d.weight) for s, d in zip(own, phase.domains, strict=True)]
        parts = mixture(sizes, [len(s) for s in pools], phase.replay)
        return PhaseData(phase.name, reduce(add, own + pools), tuple(parts), self._window_shards)

    def _learned_in(self, domain: DomainSpec) -> int | None:
        if domain in self._start:
            return 0
        name = domain.learned_in_phase if domain in self._measured else domain.name
        if name is None:
            return None
        row = find_phase(name, self._domains, f"evaluation_only entry {domain.name!r}")
        return 1 if self._joint else row

    def _position(self, row: int) -> int:
        if not 1 <= row <= len(self.phases):
            raise ValueError(f"expected a row from 1 to {len(self.phases)}, got {row}")
        return row - 1
