"""Learning-rate schedules: functions of the step alone, so a resumed phase needs no state."""

import math


def cosine_with_warmup(step: int, total: int, warmup: float = 0.2) -> float:
    """Return the factor on the learning rate at ``step`` of ``total`` optimizer steps.

    Linear from ``1 / n`` to 1 over the first ``n = warmup * total`` steps, then half a cosine to 0
    at ``total`` (Mod-X, released training script).

    Example:
        >>> [round(cosine_with_warmup(s, total=10, warmup=0.2), 2) for s in (0, 1, 2, 6, 10)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    rising = round(warmup * total)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, total - rising)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


def constant(step: int, total: int) -> float:  # noqa: ARG001 - the form of every schedule
    """Keep the learning rate as it is."""
    return 1.0
