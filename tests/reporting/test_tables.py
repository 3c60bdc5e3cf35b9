import io

import pytest
from rich.console import Console

from modx_lightning.reporting.comparison import forgotten, run_names
from modx_lightning.reporting.tables import run_table, runs_table
from tests.reporting.runs import FINETUNE, MODX, made_run


def printed(renderable, width=80, **options):
    output = io.StringIO()
    Console(file=output, width=width, highlight=False, **options).print(renderable)
    return output.getvalue()


def cells(text, start):
    """Words of the table row that begins with ``start``."""
    line = next(line for line in text.splitlines() if line.strip().startswith(start))
    return line.split()[len(start.split()) :]


def wide_run(sets):
    names = [f"{'kitchen' if i % 2 else 'bedroom'}_furniture_{i}" for i in range(sets)]
    matrix = [[100.0] * sets for _ in range(sets)]
    return made_run(
        matrix=matrix, phases=names[1:], evaluation_sets=names, learned_in=list(range(sets))
    )


def test_run_table_shows_the_matrix_and_marks_what_a_row_has_learned():
    text = printed(run_table(made_run()))
    assert "shop · modx seed 0 · mean R@5 (percent)" in text
    assert cells(text, "after phase") == ["general", "furniture", "electronics"]
    assert cells(text, "before") == ["40.0*", "10.0", "5.0"]
    assert cells(text, "1 furniture") == ["38.0", "60.0*", "6.0"]
    assert cells(text, "2 electronics") == ["36.5", "55.0", "65.0*"]


def test_run_table_tells_the_continual_metrics():
    text = " ".join(printed(run_table(made_run())).split())
    assert "average 52.2 · forgetting 4.2 · backward transfer -4.2 · forward transfer +1.0" in text
    assert "ZSCL transfer 6.0" in text


def test_unfinished_run_shows_dashes_and_says_how_far_it_is():
    text = printed(run_table(made_run(matrix=MODX[:2], status="running")), width=100)
    assert "[running: 1 of 2 phases measured]" in text
    assert cells(text, "2 electronics") == ["-", "-", "-"]
    assert "forward transfer +1.0" in text
    assert "forgetting" not in text
    text = printed(run_table(made_run(matrix=MODX[:1], status="running")))
    assert "continual metrics: after the last phase" in text


def test_run_that_failed_before_its_first_score_can_be_shown():
    run = made_run(matrix=[], status="failed", error="ValueError: no shards")
    text = printed(run_table(run), width=100)
    assert "[failed: 0 of 2 phases measured]" in text
    assert "failed: ValueError: no shards" in text
    assert cells(text, "before") == ["-", "-", "-"]
    assert "modx: nothing to forget yet" in printed(runs_table([run, made_run("finetune")]))


def test_unknown_metric_is_refused_with_those_there_are():
    for table in (run_table(made_run(), "R@7"), runs_table([made_run()], "R@7")):
        with pytest.raises(ValueError, match=r"no scores of 'R@7'; it has mean_R@5"):
            printed(table)


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("sets", [3, 7, 12, 30])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width, sets):
    run = wide_run(sets)
    other = made_run("finetune", [[99.0] * sets] * sets, phases=run.phases,
                     evaluation_sets=run.evaluation_sets, learned_in=run.learned_in)  # fmt: skip
    for table in (run_table(run), runs_table([run, other, run, other])):
        text = printed(table, width)
        assert max(map(len, text.splitlines())) <= width
    text = printed(run_table(run), width)
    assert text.count("100.0*") == sets
    assert text.count("100.0 ") + sets == sets * sets + 4  # average and the three of ZSCL


def test_piped_tables_are_plain_text_and_a_terminal_gets_colours():
    for table in (run_table(made_run()), runs_table([made_run(), made_run("finetune", FINETUNE)])):
        assert "\x1b" not in printed(table)
        assert "\x1b[" in printed(table, force_terminal=True, color_system="standard")


def test_runs_stand_side_by_side_with_their_changes():
    text = printed(runs_table([made_run("finetune", FINETUNE), made_run()]))
    assert cells(text, "before") == ["finetune", "modx"]
    assert cells(text, "general") == ["40.0", "12.0", "-28.0", "36.5", "-3.5"]
    assert cells(text, "electronics") == ["5.0", "66.0", "+61.0", "65.0", "+60.0"]
    assert cells(text, "average") == ["37.7", "52.2"]
    assert cells(text, "forgetting") == ["27.5", "4.2"]
    assert cells(text, "backward transfer") == ["-27.5", "-4.2"]
    assert cells(text, "forward transfer") == ["-1.0", "+1.0"]


def test_unfinished_run_is_compared_by_its_last_measured_row():
    text = printed(runs_table([made_run("finetune", FINETUNE[:2], "running"), made_run()]))
    assert cells(text, "general") == ["40.0", "30.0", "-10.0", "36.5", "-3.5"]
    assert cells(text, "average") == ["-", "52.2"]


def test_each_run_says_in_words_what_it_forgot():
    text = printed(runs_table([made_run("finetune", FINETUNE), made_run()]), width=100)
    assert (
        "finetune: forgot 27.5 points on average, most on general (40.0 at its best, 12.0 now)"
        in text
    )
    assert (
        "modx: forgot 4.2 points on average, most on furniture (60.0 at its best, 55.0 now)" in text
    )


@pytest.mark.parametrize(
    ("matrix", "status", "sentence"),
    [
        ([[40, 10, 5], [41, 60, 6], [42, 61, 65]], "complete", "forgot nothing"),
        (MODX[:1], "running", "nothing to forget yet [running: 0 of 2 phases measured]"),
        (
            FINETUNE[:2],
            "failed",
            "forgot 10.0 points on average, most on general (40.0 at its best, 30.0 now) "
            "[failed: 1 of 2 phases measured]",
        ),
    ],
)
def test_sentence_fits_the_state_of_the_run(matrix, status, sentence):
    assert forgotten(made_run(matrix=matrix, status=status), "mean_R@5") == sentence


def test_runs_that_do_not_fit_beside_each_other_follow_below():
    runs = [made_run(f"method{number}") for number in range(5)]
    narrow = printed(runs_table(runs), width=80)
    assert narrow.count("before") == 3  # two tables, and the note
    assert all(f"method{number}" in narrow for number in range(5))
    assert printed(runs_table(runs), width=120).count("before") == 2


def test_runs_on_other_sets_get_a_table_of_their_own():
    text = printed(runs_table([made_run(), wide_run(3)]))
    assert text.count("percent)") == 2


def test_scores_before_that_differ_are_not_shown_as_one():
    other = [[50.0, 10.0, 5.0], *FINETUNE[1:]]
    text = printed(runs_table([made_run(), made_run("finetune", other)]))
    assert cells(text, "general") == ["varies", "36.5", "-3.5", "12.0", "-38.0"]


def test_best_last_score_is_bold_even_when_its_run_stands_in_another_table():
    runs = [made_run(f"method{number}") for number in range(4)]
    runs.append(made_run("finetune", FINETUNE))
    text = printed(runs_table(runs), force_terminal=True, color_system="standard")
    assert "\x1b[1m66.0" in text  # finetune's electronics, in the second table
    assert "\x1b[1m65.0" not in text
    assert "\x1b[1m12.0" not in text


def test_ranks_are_shown_without_praise_or_blame():
    run = made_run(metric="image_to_text_mean_rank")
    text = printed(
        runs_table([run, run], "image_to_text_mean_rank"),
        force_terminal=True,
        color_system="standard",
    )
    assert "(lower is better)" in text
    assert "forgot" not in text
    assert "\x1b[1m36.5" not in text
    assert "\x1b[31m" not in text


def test_runs_are_named_by_what_tells_them_apart():
    a, b = made_run("modx", seed=0), made_run("modx", seed=1)
    c = made_run("modx", seed=1, config_sha256="fedcba987")
    joint = made_run("finetune", phases=["joint"], learned_in=[0, 1, 1], matrix=MODX[:2])
    assert run_names([a, made_run("finetune")]) == ["modx", "finetune"]
    assert run_names([a, b, made_run("finetune")]) == ["modx s0", "modx s1", "finetune"]
    assert run_names([b, c]) == ["modx s1 modx01", "modx s1 fedcba"]
    assert run_names([joint, made_run("finetune")]) == ["joint", "finetune"]
