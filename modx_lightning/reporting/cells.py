"""How a number, a change and a missing value look in every table."""

from rich.text import Text

CONTINUAL_NAMES = {
    "average": "average",
    "forgetting": "forgetting",
    "backward_transfer": "backward transfer",
    "forward_transfer": "forward transfer",
    "zscl_transfer": "ZSCL transfer",
    "zscl_average": "ZSCL average",
    "zscl_last": "ZSCL last",
}
_SIGNED = ("backward_transfer", "forward_transfer")


def score(value: float | None) -> str:
    """Write a score with one decimal, ``-`` when not measured."""
    return "-" if value is None else f"{value:.1f}"


def change(value: float | None) -> Text:
    """Write a difference with its sign; the colour only repeats the sign."""
    if value is None:
        return Text("-")
    text = f"{value:+.1f}"
    if not float(text):
        return Text("0.0")
    return Text(text, {"+": "green", "-": "red"}[text[0]])


def continual(name: str, value: float | None) -> Text:
    """Write a continual metric, signed where it is a transfer."""
    return change(value) if name in _SIGNED else Text(score(value))


def higher_is_better(metric: str) -> bool:
    """Tell scores from ranks, of which the lower ones are better."""
    return not metric.endswith("_rank")


def metric_title(metric: str) -> str:
    """Turn ``mean_R@5`` into words with its unit."""
    unit = "percent" if higher_is_better(metric) else "lower is better"
    return f"{metric.replace('_', ' ')} ({unit})"
