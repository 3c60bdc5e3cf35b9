import pytest
from torch import nn

from modx_lightning.evaluation.modes import eval_mode, on_device


def modes(module):
    return [part.training for part in module.modules()]


def test_each_submodule_gets_its_own_mode_back():
    module = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()))
    module[1][0].eval()  # frozen statistics
    before = modes(module)
    with eval_mode(module):
        assert not any(modes(module))
    assert modes(module) == before
    assert before.count(False) == 1


def test_modes_come_back_after_an_error():
    module = nn.Dropout()
    with pytest.raises(RuntimeError), eval_mode(module):
        raise RuntimeError
    assert module.training


class Traveller(nn.Linear):
    """Writes down where it is sent; its weights stay on the CPU."""

    def to(self, device):
        self.visited = [*getattr(self, "visited", []), str(device)]


def test_module_visits_a_device_and_returns_even_after_an_error():
    module = Traveller(2, 2)
    with pytest.raises(RuntimeError), on_device(module, "cuda:1"):
        raise RuntimeError
    assert module.visited == ["cuda:1", "cpu"]


@pytest.mark.parametrize(("cuda", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_a_gpu_if_there_is_one(monkeypatch, cuda, device):
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    module = Traveller(2, 2)
    with on_device(module, "auto"):
        assert module.visited == [device]
