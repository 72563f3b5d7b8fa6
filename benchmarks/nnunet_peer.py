"""Trains nnU-Net v2 with its clock stopped after some minutes, as a peer of `benchmarks/peers.py`.

    python nnunet_peer.py RAW TEST_IMAGES SPLIT.json OUT --minutes M

Runs without unet_mtl, in an environment with nnunetv2. RAW is the folder of one data set in nnU-Net's raw format that
holds train and validation cases only; SPLIT.json their names. Fingerprint, plans and preprocessing are nnU-Net's and
not counted; the trainer is its own too, but for the schedule: polynomial decay by the clock instead of by 1,000 epochs,
and no validation, since it keeps the last weights. The test images are predicted with mirroring, as is its default.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Plan, train for the budget, and write the masks of the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("raw", "test", "split", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    options = parser.parse_args()
    number = int(options.raw.name.split("_")[0].removeprefix("Dataset"))
    # nnU-Net reads its folders from the environment when it is imported.
    folders = {"raw": options.raw.parent, "preprocessed": options.out / "preprocessed"}
    folders["results"] = options.out / "results"
    os.environ.update({f"nnUNet_{name}": str(folder) for name, folder in folders.items()})
    os.environ.update({"nnUNet_n_proc_DA": str(os.cpu_count())})
    import torch
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    prepared = options.out / "preprocessed" / options.raw.name
    if not (prepared / "nnUNetPlans.json").exists():
        api.extract_fingerprints([number], num_processes=2)
        api.plan_experiments([number])
        api.preprocess([number], configurations=["2d"], num_processes=[2])
    shutil.copy(options.split, prepared / "splits_final.json")

    class StoppedTrainer(nnUNetTrainer):  # type: ignore[misc, unused-ignore]
        seen = 0

        def run_training(self) -> None:
            self.on_train_start()
            began = time.monotonic()
            self.network.train()
            while (share := (time.monotonic() - began) / (60 * options.minutes)) < 1:
                for group in self.optimizer.param_groups:
                    group["lr"] = self.initial_lr * (1 - share) ** 0.9
                self.train_step(next(self.dataloader_train))
                self.seen += self.batch_size
            self.minutes = (time.monotonic() - began) / 60
            self.on_train_end()

        def plot_network_architecture(self) -> None:
            """Draw nothing."""

    # The checkpoint names the class of the trainer, which nnU-Net's predictor looks up among its own.
    StoppedTrainer.__name__ = "nnUNetTrainer"
    plans: dict[str, Any] = json.loads((prepared / "nnUNetPlans.json").read_text())
    plans["continue_training"] = False
    facts = json.loads((prepared / "dataset.json").read_text())
    trainer = StoppedTrainer(plans, "2d", 0, facts, torch.device("cpu"))
    trainer.run_training()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(trainer.output_folder_base), (0,))
    predictor.predict_from_files_sequential(str(options.test), str(options.out / "masks"))
    (options.out / "facts.json").write_text(json.dumps({"minutes": trainer.minutes, "seen": trainer.seen}))


if __name__ == "__main__":
    main()
