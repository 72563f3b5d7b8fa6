"""Fails where the sample run learned nothing to speak of.

On the machine that the README's figures come from it ends at a lesion Dice of 0.775. With 9 cases another processor's
rounding moves that by some hundredths, so the gate stands lower: it is there for broken code.
"""

import json
import sys
from pathlib import Path

summary = json.loads((Path(sys.argv[1]) / "evaluation" / "test" / "summary.json").read_text())
values = {(row["task"], row["score"]): row["value"] for row in summary["scores"]}
dice = values["mask", "dice_lesion"]
accuracy, majority = values["diagnosis", "accuracy"], values["diagnosis", "majority_accuracy"]
print(f"test lesion Dice {dice:.3f} (gate 0.65), diagnosis accuracy {accuracy:.3f} (majority {majority:.3f})")
sys.exit(not (dice >= 0.65 and accuracy >= majority + 0.15))
