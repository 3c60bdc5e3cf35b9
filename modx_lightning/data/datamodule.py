"""LightningDataModule of one phase."""

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from modx_lightning.batch import Batch
from modx_lightning.data.batches import EpochBatches, check_ranks_agree
from modx_lightning.data.dataset import Augmentation, Collate, PairDataset, Tokenizer, Transform
from modx_lightning.data.loading import worker_count
from modx_lightning.data.phase_data import PhaseData
from modx_lightning.data.train_loader import TrainLoader


class PhaseDataModule(LightningDataModule):
    """The training batches of one phase on one rank.

    Use it with ``Trainer(use_distributed_sampler=False)``: it divides batches among ranks itself.

    Args:
        phase: Training data of the phase.
        transform: Turns an RGB picture into a uint8 tensor ``(3, H, W)``.
        tokenizer: Turns captions into token ids ``(B, L)``.
        batch_size: Samples in a batch over all ranks together.
        seed: Seed of the run.
        rank: This rank.
        world_size: Number of ranks.
        workers: Worker processes of this rank, or ``"auto"``.
        augmentation: Applied to training pictures; none in the Mod-X paper.

    Raises:
        ValueError: If the ranks cannot share ``batch_size`` evenly or no batch is full.
    """

    def __init__(
        self,
        phase: PhaseData,
        transform: Transform,
        tokenizer: Tokenizer,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        workers: int | str = "auto",
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__()
        self._phase = phase.name
        self._order = phase.order(seed)
        self.steps_per_epoch = phase.steps_per_epoch(batch_size)
        self._batches = EpochBatches(self._order, batch_size, rank, world_size)
        self._dataset = PairDataset(phase.samples, transform, seed, phase.name, augmentation)
        self._collate = Collate(tokenizer)
        self._workers = worker_count(workers, len(self._order) // world_size, world_size)

    def setup(self, stage: str) -> None:
        check_ranks_agree(self._phase, self.steps_per_epoch, self._order.digest())

    def train_dataloader(self) -> DataLoader[Batch]:
        return TrainLoader(self._dataset, self._batches, self._collate, self._workers)
