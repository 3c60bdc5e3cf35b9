"""The loggers of a run: metrics.csv always, and what the config adds."""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from modx_lightning.reporting.metrics_log import MetricsLog
from modx_lightning.reporting.run_logger import RunLogger


def open_loggers(cfg: DictConfig) -> list[RunLogger]:
    """Build the loggers of a run; they write nothing before the first value comes.

    Args:
        cfg: The resolved config; ``logger`` holds one node for each logger beside metrics.csv.
    """
    folder = Path(cfg.run_dir)
    given = {
        "folder": folder,
        "config": OmegaConf.to_container(cfg, resolve=True),
        "name": cfg.run.name,
        "group": cfg.run.sweep or cfg.run.experiment,
        "job_type": cfg.run.method,
    }
    nodes = [node for node in cfg.logger.values() if node is not None]
    # Plain containers: what is given is data, not config to be resolved.
    return [
        MetricsLog(folder),
        *(instantiate(node, _partial_=True, _convert_="all")(**given) for node in nodes),
    ]
