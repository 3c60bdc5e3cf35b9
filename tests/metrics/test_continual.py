import math
from copy import deepcopy

import pytest

from modx_lightning.metrics.continual import continual_metrics, forgetting_by_set

# Columns: the start domain, phases 1 to 3, a set that is never trained.
MATRIX = [
    [40.0, 10.0, 20.0, 5.0, 30.0],
    [30.0, 60.0, 22.0, 6.0, 28.0],
    [32.0, 50.0, 70.0, 9.0, 26.0],
    [20.0, 45.0, 75.0, 80.0, 24.0],
]
LEARNED_IN = [0, 1, 2, 3, None]


def test_worked_example():
    metrics = continual_metrics(MATRIX, LEARNED_IN)
    assert metrics == {
        "average": pytest.approx((20 + 45 + 75 + 80 + 24) / 5),
        # best while it could be forgotten, minus now: start 40-20, one 60-45, two 70-75
        "forgetting": pytest.approx((20 + 15 - 5) / 3),
        # now, minus right after learning
        "backward_transfer": pytest.approx((-20 - 15 + 5) / 3),
        # just before learning, minus untouched: two 22-20, three 9-5
        "forward_transfer": pytest.approx((2 + 4) / 2),
        # over the trained rows before learning: two 22, three (6+9)/2
        "zscl_transfer": pytest.approx((22 + 7.5) / 2),
        "zscl_average": pytest.approx(((60 + 50 + 45) + (22 + 70 + 75) + (6 + 9 + 80)) / 9),
        "zscl_last": pytest.approx((45 + 75 + 80) / 3),
    }


def test_best_score_may_come_after_learning():
    matrix = [[10.0], [50.0], [70.0], [60.0]]
    metrics = continual_metrics(matrix, [1])
    assert metrics["forgetting"] == 10.0  # avalanche's definition would give -10
    assert metrics["backward_transfer"] == 10.0


def test_forgetting_is_negative_where_a_set_is_learned_better_later():
    # Clamping at zero, or a maximum that includes the last row, would hide this.
    assert continual_metrics([[0.0], [50.0], [55.0]], [1])["forgetting"] == -5.0


def test_score_before_learning_is_no_score_to_forget():
    assert continual_metrics([[90.0], [50.0], [50.0]], [1])["forgetting"] == 0.0


def test_input_is_not_changed():
    matrix, learned_in = deepcopy(MATRIX), list(LEARNED_IN)
    matrix[1][2] = None
    before = deepcopy(matrix)
    continual_metrics(matrix, learned_in)
    forgetting_by_set(matrix, learned_in)
    assert matrix == before
    assert learned_in == LEARNED_IN


def test_unfinished_run_has_none_of_the_final_metrics():
    matrix = [*MATRIX[:2], [None] * 5, [None] * 5]
    assert set(continual_metrics(matrix, LEARNED_IN).values()) == {None}


def test_what_is_known_of_an_unfinished_run_is_given():
    matrix = [*MATRIX[:3], [None] * 5]
    metrics = continual_metrics(matrix, LEARNED_IN)
    assert metrics["forward_transfer"] == 3.0
    assert metrics["zscl_transfer"] == pytest.approx(14.75)
    assert metrics["average"] is metrics["forgetting"] is metrics["backward_transfer"] is None


@pytest.mark.parametrize("missing", [None, math.nan])
def test_one_missing_cell_makes_only_the_metrics_that_need_it_undefined(missing):
    matrix = deepcopy(MATRIX)
    matrix[2][3] = missing  # row before phase 3
    metrics = continual_metrics(matrix, LEARNED_IN)
    undefined = {name for name, value in metrics.items() if value is None}
    assert undefined == {"forward_transfer", "zscl_transfer", "zscl_average"}


@pytest.mark.parametrize("missing", [None, math.nan])
def test_set_that_is_never_measured_takes_no_part(missing):
    wide = [[*row, missing] for row in MATRIX]
    assert continual_metrics(wide, [*LEARNED_IN, 1]) == continual_metrics(MATRIX, LEARNED_IN)


def test_forgetting_looks_at_measured_rows_only():
    matrix = [[10.0], [50.0], [None], [30.0]]
    assert continual_metrics(matrix, [1])["forgetting"] == 20.0
    matrix[1][0] = None  # the row of learning itself is needed
    assert continual_metrics(matrix, [1])["forgetting"] is None


def test_untouched_model_alone_has_an_average():
    metrics = continual_metrics([[30.0, 50.0]], [0, None])
    assert metrics["average"] == 40.0
    assert metrics["forgetting"] is None


def test_joint_training_can_forget_the_start_domain_only():
    metrics = continual_metrics([[40.0, 10.0, 20.0], [35.0, 60.0, 70.0]], [0, 1, 1])
    assert metrics["forgetting"] == 5.0
    assert metrics["backward_transfer"] == -5.0
    assert metrics["forward_transfer"] is None


def test_forgetting_by_set():
    assert forgetting_by_set(MATRIX, LEARNED_IN) == [20.0, 15.0, -5.0, None, None]


@pytest.mark.parametrize(
    ("matrix", "learned_in", "message"),
    [
        ([], [], "expected rows of 0"),
        ([[1.0, 2.0], [1.0]], [0, 1], r"got rows of \[2, 1\]"),
        ([[1.0], [1.0]], [0, 1], "expected rows of 2"),
        ([[1.0], [1.0]], [2], r"rows 0 to 1, got \[2\]"),
        ([[1.0], [1.0]], [-1], r"rows 0 to 1, got \[-1\]"),
    ],
)
def test_matrix_that_does_not_fit_is_refused(matrix, learned_in, message):
    with pytest.raises(ValueError, match=message):
        continual_metrics(matrix, learned_in)
