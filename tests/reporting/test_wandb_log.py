"""Offline runs are read back from W&B's own transaction log."""

import json
import struct
import time

import pytest
from wandb.sdk.lib import wbauth

from modx_lightning.reporting import wandb_log
from modx_lightning.reporting.wandb_log import ContinualWandbLogger, wandb_mode


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch, tmp_path):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    yield
    wbauth.unauthenticate_session()


def records(folder):
    """Read the records of a finished run; W&B's own process may still be writing them."""
    for _ in range(100):
        found = list(read(folder))
        if found and found[-1].WhichOneof("record_type") == "exit":
            return found
        time.sleep(0.1)
    raise AssertionError(f"no finished run in {folder}")


def read(folder):
    """Read the records of the only ``.wandb`` file: LevelDB's log format, protobuf inside."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    data, position, whole = path.read_bytes(), 7, b""  # 7 bytes of W&B's own header
    while position + 7 < len(data):
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768  # the padded end of a block
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + 7])
        whole += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


def job(folder, seed):
    """Do as the runner does: two phases, one logger, finish in any case."""
    logger = ContinualWandbLogger(
        folder,
        {"seed": seed, "stream": {"phases": ["home", "food"]}},
        name=f"seed={seed}",
        group="sweep-1",
        job_type="modx",
    )
    logger.log_at(0, {"eval/home/mean_R@5": 1.0})
    for row, offset in ((1, 0), (2, 3)):
        logger.begin_phase(row, "home", offset)
        for step in range(3):
            logger.log_metrics({"train/loss": 1.0 / (step + 1)}, step=step)
    logger.finish(0)


def test_each_job_of_a_process_has_its_own_offline_run_with_its_own_config(tmp_path):
    for seed in (0, 1):
        job(tmp_path / str(seed), seed)
    for seed in (0, 1):
        (run,) = [
            r.run for r in records(tmp_path / str(seed)) if r.WhichOneof("record_type") == "run"
        ]
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert config["seed"] == seed
        assert config["stream"] == {"phases": ["home", "food"]}
        assert (run.display_name, run.run_group, run.job_type) == (
            f"seed={seed}",
            "sweep-1",
            "modx",
        )
        assert not run.git.commit

    history = [
        {
            item.nested_key[0] if item.nested_key else item.key: json.loads(item.value_json)
            for item in r.history.item
        }
        for r in records(tmp_path / "0")
        if r.WhichOneof("record_type") == "history"
    ]
    assert [row["trainer/global_step"] for row in history] == [0, 1, 2, 3, 4, 5, 6]
    assert [row["phase"] for row in history] == [0, 1, 1, 1, 2, 2, 2]
    assert [row["phase_step"] for row in history] == [0, 1, 2, 3, 1, 2, 3]
    (exit_code,) = [
        r.exit.exit_code for r in records(tmp_path / "0") if r.WhichOneof("record_type") == "exit"
    ]
    assert exit_code == 0


def test_offline_unless_somebody_is_logged_in(monkeypatch, tmp_path):
    assert wandb_mode() == "offline"
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai login user password {'a1b2' * 10}")
    assert wandb_mode() == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode() is None  # wandb reads it itself


def test_a_server_that_cannot_be_reached_means_offline(tmp_path, monkeypatch, caplog):
    import wandb

    modes = []

    def init(*, mode, **arguments):
        modes.append(mode)
        if mode == "online":
            raise wandb.errors.CommError("no route")
        return "run"

    monkeypatch.setattr(wandb_log, "wandb_mode", lambda: "online")
    monkeypatch.setattr(wandb, "init", init)
    assert wandb_log._start_run({}) == "run"
    assert modes == ["online", "offline"]
    assert "no W&B server, logging offline" in caplog.text


def test_finishing_what_never_started_starts_nothing(tmp_path):
    ContinualWandbLogger(tmp_path, {}).finish(1)
    assert not list(tmp_path.iterdir())
