import pytest

from modx_lightning.data.stream_spec import check_names, find_phase, parse_domain


def test_entry_is_read_with_defaults():
    domain = parse_domain({"name": "red", "train": "a.tar", "test": ["b.tar", "c.tar"]}, "phases")
    assert domain.train == ("a.tar",)
    assert domain.test == ("b.tar", "c.tar")
    assert domain.validation == ()
    assert domain.weight == 1.0
    assert domain.replay == 0.0


def test_null_is_the_same_as_nothing():
    domain = parse_domain(
        {"name": "x", "test": "a.tar", "learned_in_phase": None}, "evaluation_only"
    )
    assert domain.learned_in_phase is None


@pytest.mark.parametrize(
    ("entry", "group", "message"),
    [
        ({"name": "red", "tarin": "a"}, "phases", "unknown key 'tarin'; did you mean 'train'"),
        ({"name": "red", "train": "a", "replay": 0.1}, "start", "unknown key 'replay'"),
        ({"name": "red", "train": "a", "zzz": 1}, "phases", "there are 'name', 'train'"),
        ({"name": "red", "test": "a"}, "phases", "'red' has no 'train'"),
        ({"name": "red"}, "evaluation_only", "'red' has no 'test'"),
        ({"train": "a"}, "phases", "got None"),
        ({"name": "Red Phase", "train": "a"}, "phases", "got 'Red Phase'"),
        ({"name": "../red", "train": "a"}, "phases", "got '../red'"),
        ({"name": "red\n", "train": "a"}, "phases", r"got 'red\\n'"),
        ({"name": "red", "train": []}, "phases", "empty list"),
        ({"name": "red", "train": 3}, "phases", "expected a shard pattern or a list"),
        ({"name": "red", "train": ["a", ""]}, "phases", "expected a shard pattern or a list"),
        ({"name": "red", "train": "a", "weight": 0}, "phases", "weight above 0, got 0"),
        ({"name": "red", "train": "a", "weight": "x"}, "phases", "weight above 0, got 'x'"),
        ({"name": "red", "train": "a", "replay": 1.0}, "phases", "below 1, got 1.0"),
        ({"name": "red", "train": "a", "replay": -0.1}, "phases", "below 1, got -0.1"),
    ],
)
def test_wrong_entry_is_named(entry, group, message):
    with pytest.raises(ValueError, match=message):
        parse_domain(entry, group)


def test_entry_that_is_no_mapping_raises():
    with pytest.raises(TypeError, match=r"stream.phases to be a mapping, got 'red'"):
        parse_domain("red", "phases")


def test_names_are_unique():
    domain = parse_domain({"name": "red", "train": "a"}, "phases")
    with pytest.raises(ValueError, match="names 'red' twice"):
        check_names([domain, domain])


def test_unknown_phase_is_answered_with_near_names():
    phases = [parse_domain({"name": n, "train": "a"}, "phases") for n in ("red-1", "red-2")]
    assert find_phase("red-2", phases, "here") == 2
    with pytest.raises(ValueError, match="no phase 'red-3'; did you mean"):
        find_phase("red-3", phases, "here")
