"""One stage of a continual run, as a method sees it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Phase:
    """What a method may know about the phase it trains in.

    Args:
        row: Row of the score matrix that this phase makes: 1 for the first phase.
        name: Name of the domain.
        steps: Optimizer steps it trains for.
        teacher_folder: Saved model of the row before, an open_clip ``local-dir:`` folder;
            that of row 0 is the untouched initial model.
        teacher_sha256: Hash of its weight file, hexadecimal.
    """

    row: int
    name: str
    steps: int
    teacher_folder: Path
    teacher_sha256: str
