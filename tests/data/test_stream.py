import pytest
from omegaconf import OmegaConf

from modx_lightning.data.order import Part
from modx_lightning.data.shards import ShardError
from modx_lightning.data.stream import Stream
from tests.data.shards_factory import picture, write_stream, write_tar

SIZES = {"grey": (40, 4, 6), "red": (20, 4, 5), "green": (30, 0, 7)}


def stream(tmp_path, sizes=None, start=True, **options):
    """A stream of "grey", which the model starts from, "red" and "green"."""
    entries = write_stream(tmp_path, sizes or SIZES)
    for entry in entries:
        entry.update(options.pop(entry["name"], {}))
    first, phases = (entries[0], entries[1:]) if start else (None, entries)
    return Stream(str(tmp_path), phases, first, **{"cache_dir": tmp_path / "cache", **options})


def keys(data, row_draws):
    return {data.samples.key(i).split("/")[0] for i in row_draws[:, 0].tolist()}


def test_check_opens_every_split_and_counts(tmp_path):
    summary = stream(tmp_path).check(batch_size=8, epochs=3)
    assert summary.samples == {
        "grey/train": 40,
        "grey/validation": 4,
        "grey/test": 6,
        "red/train": 20,
        "red/validation": 4,
        "red/test": 5,
        "green/train": 30,
        "green/test": 7,
    }
    assert summary.steps == (6, 9)
    assert summary.skips == {}


def test_a_phase_reads_its_own_data_alone(tmp_path):
    data = stream(tmp_path).phase_data(2)
    assert data.name == "green"
    assert data.parts == (Part(30, 30),)
    assert keys(data, data.order(0)(0)) == {"green"}


def test_evaluation_sets_know_when_they_were_learned(tmp_path):
    extra = [{"name": "blue", "test": "red/test-*.tar", "learned_in_phase": "green"}]
    extra += [{"name": "other", "test": "grey/test-*.tar"}]
    sets = stream(tmp_path, evaluation_only=extra).evaluation_sets
    assert [(s.name, s.learned_in, len(s)) for s in sets] == [
        ("grey", 0, 6),
        ("red", 1, 5),
        ("green", 2, 7),
        ("blue", 2, 5),
        ("other", None, 6),
    ]


def test_phase_without_test_has_no_evaluation_set(tmp_path):
    entries = stream(tmp_path, {"grey": (9, 0, 0), "red": (9, 0, 3)})
    assert [s.name for s in entries.evaluation_sets] == ["red"]


def test_validation_is_the_phase_s_own(tmp_path):
    found = stream(tmp_path)
    assert len(found.validation_set(1)) == 4
    assert found.validation_set(1).name == "red"
    assert found.validation_set(2) is None


def test_replay_draws_evenly_from_start_and_earlier_phases(tmp_path):
    data = stream(tmp_path, green={"replay": 0.25}).phase_data(2)
    assert data.parts == (Part(30, 30), Part(40, 5), Part(20, 5))
    assert keys(data, data.order(0)(0)) == {"green", "grey", "red"}
    assert data.steps_per_epoch(8) == 5


def test_first_phase_without_a_start_has_nothing_to_replay(tmp_path):
    found = stream(tmp_path, {"red": (20, 0, 5)}, start=False, red={"replay": 0.5})
    assert found.phase_data(1).parts == (Part(20, 20),)


def test_weight_multiplies_an_epoch(tmp_path):
    found = stream(tmp_path, red={"weight": 2}, green={"weight": 0.5})
    assert found.phase_data(1).parts == (Part(20, 40),)
    assert found.phase_data(2).parts == (Part(30, 15),)
    assert found.steps(1, batch_size=8, epochs=2) == 10


def test_joint_is_one_phase_with_the_steps_of_all(tmp_path):
    settings = {"red": {"weight": 2}, "green": {"replay": 0.25}}
    apart, joint = stream(tmp_path, **settings), stream(tmp_path, **settings, joint=True)
    assert [phase.name for phase in joint.phases] == ["joint"]
    data = joint.phase_data(1)
    assert data.parts == (Part(40, 40), Part(20, 40), Part(30, 30))
    assert keys(data, data.order(0)(0)) == {"grey", "red", "green"}
    assert joint.steps(1, 8, 3) == apart.steps(1, 8, 3) + apart.steps(2, 8, 3) == 30
    assert [s.learned_in for s in joint.evaluation_sets] == [0, 1, 1]
    assert len(joint.validation_set(1)) == 8


def test_joint_counts_a_domain_learned_late_as_learned(tmp_path):
    extra = [{"name": "blue", "test": "red/test-*.tar", "learned_in_phase": "green"}]
    assert stream(tmp_path, joint=True, evaluation_only=extra).evaluation_sets[-1].learned_in == 1


def test_fewer_samples_than_a_batch_name_the_phase(tmp_path):
    with pytest.raises(ValueError, match=r"phase 'red': an epoch of 20 .* batch of 24"):
        stream(tmp_path).check(24, 1)


def test_bad_samples_of_every_split_stop_before_training(tmp_path):
    found = stream(tmp_path)
    write_tar(tmp_path / "green/test-00000.tar", {f"{i}.png": picture() for i in range(3)})
    with pytest.raises(ShardError, match="green/test-00000.tar holds no usable sample"):
        found.check(8, 1)


def test_missing_shards_stop_before_training(tmp_path):
    found = stream(tmp_path)
    (tmp_path / "green/test-00000.tar").unlink()
    with pytest.raises(FileNotFoundError, match=r"green.* holds train-00000.tar"):
        found.check(8, 1)


def test_row_outside_the_stream_raises(tmp_path):
    for row in (0, 3):
        with pytest.raises(ValueError, match=f"from 1 to 2, got {row}"):
            stream(tmp_path).phase_data(row)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": []}, "at least one phase"),
        (
            {"evaluation_only": [{"name": "x", "test": "y", "learned_in_phase": "read"}]},
            "'x': there is no phase 'read'; did you mean 'red'",
        ),
        ({"start": {"name": "red", "train": "x"}}, "names 'red' twice"),
    ],
)
def test_wrong_stream_is_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        Stream(**{"root": ".", "phases": [{"name": "red", "train": "x"}], **options})


def test_stream_takes_what_hydra_gives(tmp_path):
    config = OmegaConf.create({"phases": write_stream(tmp_path, SIZES), "start": None})
    found = Stream(str(tmp_path), config.phases, config.start, cache_dir=tmp_path / "cache")
    assert found.check(8, 1).steps == (5, 2, 3)
