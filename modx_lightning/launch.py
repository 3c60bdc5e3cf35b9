"""From one resolved config to as many ranks as it asks for.

Lightning's own launcher would start the whole command again in each rank, Hydra sweep included
(docs/decisions/0002). Here Hydra is done before the first rank starts.
"""

import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

from modx_lightning.run_folder import claimed, is_finished

log = logging.getLogger(__name__)


class RankFailedError(RuntimeError):
    """A rank ended with an error; the message is the first one's."""


def launch(config: dict[str, Any]) -> float | None:
    """Run one config to its end and return its final score.

    Started by ``torchrun`` this process is a rank and joins the others; else ``launch.nproc``
    decides: one rank runs in this process, more are started with torch's elastic launcher.

    Raises:
        RankFailedError: If a rank that was started here failed.
    """
    if is_finished(config):
        log.info("finished already: %s (resume=never starts over)", config["run_dir"])
        return _score(config)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return _joined(config)
    nproc = int(config["launch"]["nproc"])
    if nproc < 1:
        raise ValueError(f"launch.nproc must be at least 1, got {nproc}")
    with claimed(config):
        if nproc == 1:
            from modx_lightning.runner import run

            run(config)
        else:
            _start_ranks(config, nproc)
    return _score(config)


def _joined(config: dict[str, Any]) -> float | None:
    """Be one of torchrun's ranks; rank 0 owns the folder."""
    from modx_lightning.rank import run_rank

    if os.environ["RANK"] == "0":
        with claimed(config):
            run_rank(config)
    else:
        run_rank(config)
    return _score(config)


def _start_ranks(config: dict[str, Any], nproc: int) -> None:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from modx_lightning.rank import run_rank

    # The fork server imports torch and Lightning once for all ranks of all jobs of a sweep.
    multiprocessing.get_context("forkserver").set_forkserver_preload(["modx_lightning.runner"])
    elastic = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=nproc,
        run_id=config["run"]["config_sha256"][:16],
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=int(config["launch"]["max_restarts"]),
        monitor_interval=0.5,
        start_method="forkserver",
    )
    try:
        elastic_launch(elastic, run_rank)(config)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        raise RankFailedError(f"rank {rank} of {nproc}: {failure.message}") from error


def _score(config: dict[str, Any]) -> float | None:
    """Read the number a sweeper optimises: the final average of mean recall@5."""
    from modx_lightning.reporting.results import RunResult

    result = RunResult.read(Path(config["run_dir"]) / "results.json")
    return result.continual.get("mean_R@5", {}).get("average")
