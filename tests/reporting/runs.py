"""Hand-made results for tests of tables and of the door that prints them."""

from modx_lightning.reporting.results import RunResult

SETS = ["general", "furniture", "electronics"]
# Rows: before, after furniture, after electronics.
MODX = [[40.0, 10.0, 5.0], [38.0, 60.0, 6.0], [36.5, 55.0, 65.0]]
FINETUNE = [[40.0, 10.0, 5.0], [30.0, 62.0, 4.0], [12.0, 35.0, 66.0]]


def made_run(method="modx", matrix=MODX, status="complete", metric="mean_R@5", **fields):
    """A run of two phases; rows of ``matrix`` that are left out are not measured yet."""
    given = {
        "experiment": "shop",
        "seed": 0,
        "config_sha256": f"{method}0123456789",
        "phases": SETS[1:],
        "evaluation_sets": SETS,
        "learned_in": [0, 1, 2],
    }
    result = RunResult(method=method, **{**given, **fields})
    for row, scores in enumerate(matrix):
        named = zip(result.evaluation_sets, scores, strict=True)
        result.add_scores(row, {name: {metric: value} for name, value in named})
    result.status = status
    return result
