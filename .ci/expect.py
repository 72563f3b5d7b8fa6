"""Fails unless the sample run ends where the README and its issue say that it does."""

import json
import sys
from pathlib import Path

summary = json.loads((Path(sys.argv[1]) / "evaluation" / "test" / "summary.json").read_text())
values = {(row["task"], row["score"]): row["value"] for row in summary["scores"]}
dice = values["mask", "dice_lesion"]
accuracy, majority = values["diagnosis", "accuracy"], values["diagnosis", "majority_accuracy"]
print(
    f"test lesion Dice {dice:.3f} (at least 0.75), diagnosis accuracy {accuracy:.3f} (majority {majority:.3f})"
)
sys.exit(not (dice >= 0.75 and accuracy >= majority + 0.15))
