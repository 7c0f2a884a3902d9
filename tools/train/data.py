"""Drawings from `easel pictures --drawings`, and what is computed from them once."""
import json
from pathlib import Path

import numpy as np
import torch

SIDE = 128
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Drawings:
    """A folder with drawings.rgb and drawings.jsonl, mapped, not read."""

    def __init__(self, folder):
        folder = Path(folder)
        self.about = [json.loads(line) for line in (folder / "drawings.jsonl").open()]
        self.rgb = np.memmap(folder / "drawings.rgb", np.uint8, "r").reshape(-1, SIDE, SIDE, 3)
        if len(self.rgb) != len(self.about):
            raise SystemExit(f"{folder}: {len(self.rgb)} drawings but {len(self.about)} captions; write them anew")

    def __len__(self):
        return len(self.about)

    @property
    def captions(self):
        return [entry["caption"] for entry in self.about]

    def pictures(self, numbers):
        """[N,3,128,128] in -1..1, channels last."""
        return as_maps(np.stack([self.rgb[n] for n in numbers]))

    def crops(self, numbers, corners, size):
        return as_maps(np.stack([self.rgb[n][y:y + size, x:x + size] for n, (x, y) in zip(numbers, corners)]))


def plain(entry):
    """Whether the denoiser learns this drawing: what is small, or lies behind rain or fog, takes more time to learn than
    there is."""
    return "small" not in entry["caption"].split() and entry["weather"] not in ("rain", "fog")


def as_maps(pixels):
    return torch.from_numpy(pixels).to(DEVICE).float().div_(127.5).sub_(1).permute(0, 3, 1, 2)


def as_pixels(maps):
    """[N,3,H,W] in -1..1 -> uint8 [N,H,W,3]."""
    return maps.clamp(-1, 1).add(1).mul(127.5).add(0.5).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def choice(seed, step, count, of):
    """`count` of the numbers below `of`, a function of seed and step alone: a resumed run goes on where it was."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    return torch.randint(of, (count,), generator=generator).tolist(), generator
