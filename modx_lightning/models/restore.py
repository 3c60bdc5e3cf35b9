"""Put saved weights back into a model that is already built."""

from pathlib import Path

from modx_lightning.models.clip import CLIP
from modx_lightning.models.local_dir import WEIGHTS, weights_sha256


def load_weights(model: CLIP, folder: Path, sha256: str) -> None:
    """Load what ``save_local_dir`` wrote into ``model``, in place.

    Args:
        model: A model of the same architecture.
        folder: An open_clip ``local-dir:`` folder.
        sha256: Hash that its weight file must have, hexadecimal.

    Raises:
        FileNotFoundError: If there is no model in the folder.
        ValueError: If the weights are not those that were saved, or not of this architecture.
    """
    from safetensors.torch import load_file

    found = weights_sha256(folder)
    if found != sha256:
        raise ValueError(
            f"the weights in {folder} are not those this run saved: expected SHA-256 {sha256}, "
            f"found {found}. Restore the folder, or start the run over (resume=never)"
        )
    try:
        model.network.load_state_dict(load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {folder} are of another architecture than this run's model: {error}"
        ) from error
