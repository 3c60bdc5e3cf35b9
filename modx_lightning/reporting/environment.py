"""What a result was made with: versions, hardware, commit. No paths, no host name."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import modx_lightning

_PACKAGES = {
    "lightning": "lightning",
    "open_clip": "open_clip_torch",
    "webdataset": "webdataset",
    "torchvision": "torchvision",
    "hydra": "hydra-core",
}


def environment() -> dict[str, Any]:
    """Describe this machine and this installation.

    Returns:
        ``versions`` by package, ``hardware`` (``cpu``, ``cores``, ``memory_gib``,
        ``gpus``) and ``git_commit``, with ``+changes`` when files differ from it, or None
        outside a checkout.
    """
    return {
        "versions": _versions(),
        "hardware": {
            "cpu": _cpu_model(),
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "memory_gib": _memory_gib(),
            "gpus": _gpu_names(),
        },
        "git_commit": _git_commit(),
    }


def _versions() -> dict[str, str | None]:
    import torch

    found: dict[str, str | None] = {
        "modx_lightning": modx_lightning.__version__,
        "python": platform.python_version(),
    }
    for name, package in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            found[name] = None
    found["torch"] = torch.__version__  # tells the build (+cpu, +cu128), too
    return found


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):  # not a POSIX system
        return None


def _gpu_names() -> list[str]:
    import torch

    if not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _git_commit() -> str | None:
    """Commit of this package's source, not of a checkout that merely contains an installation."""
    tracked = _git("ls-files", "--error-unmatch", "__init__.py")
    commit = _git("rev-parse", "HEAD") if tracked else None
    if commit and _git("status", "--porcelain", "--untracked-files=no", "."):
        return f"{commit}+changes"
    return commit


def _git(*arguments: str) -> str | None:
    folder = Path(modx_lightning.__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:  # git is not installed
        return None
    return done.stdout.strip() if done.returncode == 0 else None
