"""A module that learns a straight line, batches that can be skipped to, a quiet Trainer."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from modx_lightning.batch import Batch


class Line(LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.0), nn.Linear(4, 1))

    def training_step(self, batch, batch_idx):
        loss = (self.model(batch.image) - 1).square().mean()
        self.log("train/loss", loss.detach())
        return loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.model.parameters(), lr=0.1)


class Batches:
    """A sized loader that can be taken up in the middle; ``broken`` batches hold a NaN."""

    def __init__(self, count, *, broken=(), skipped=None):
        self.count, self.broken, self.skipped, self.given = count, broken, skipped or {}, 0

    def __len__(self):
        return self.count

    def __iter__(self):
        for i in range(self.given, self.count):
            self.given = i + 1
            yield self.batch(i)
        self.given = 0

    def batch(self, i):
        image = torch.randn(4, 3, generator=torch.Generator().manual_seed(i))
        if i in self.broken:
            image[0, 0] = torch.nan
        keys = [f"{i}-{j}" for j in range(4)]
        return Batch(image, torch.zeros(4, 1).long(), keys, tuple(self.skipped.get(i, ())))

    def state_dict(self):
        return {"given": self.given}

    def load_state_dict(self, state):
        self.given = state["given"]


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def batches():
    return Batches


@pytest.fixture
def trainer(tmp_path):
    def make(*callbacks, steps=6, **settings):
        defaults = {
            "max_steps": steps,
            "max_epochs": -1,
            "logger": False,
            "log_every_n_steps": 1,
            "accelerator": "cpu",
            "devices": 1,
            "default_root_dir": tmp_path,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        return Trainer(callbacks=list(callbacks), **(defaults | settings))

    return make
