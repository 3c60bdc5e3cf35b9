"""What a run leaves behind, kept up to date row by row: results.json, phase folders, loggers."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from modx_lightning.data.stream import Stream
from modx_lightning.distributed import barrier, rank
from modx_lightning.loggers import open_loggers
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.models.clip import CLIP
from modx_lightning.models.local_dir import load_weights, save_local_dir
from modx_lightning.reporting.results import PhaseModel, RunResult

log = logging.getLogger(__name__)


@dataclass
class Fitted:
    """What training one phase has left: its model's hash and its cost."""

    sha256: str
    steps: int
    seconds: float
    samples: int
    skipped: Mapping[str, int]


class RunRecord:
    """The state of a run on disk. Every rank holds one; only rank 0 writes.

    Use as a context manager: leaving it by an exception marks the run failed, leaving it in any
    way closes the loggers.
    """
