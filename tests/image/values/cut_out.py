#!/usr/bin/env python3
"""Prints the values that cut_out_test.cc expects: what rembg does before and after its networks, by numpy and Pillow.

Needs numpy and Pillow. The picture and what the network says are formulas that the test knows too.
"""
import math

import numpy as np
from PIL import Image


def show(name, values):
    print(name, "{" + ", ".join(f"{float(v):.8g}" for v in values) + "}")


y, x, c = np.meshgrid(np.arange(20), np.arange(30), np.arange(3), indexing="ij")
picture = Image.fromarray(((y * 7 + x * 5 + c * 40 + (x * y) % 17) % 230).astype(np.uint8))

small = np.array(picture.convert("RGB").resize((16, 12), Image.Resampling.LANCZOS))
small = small / max(np.max(small), 1e-6)
seen = np.stack([(small[:, :, i] - m) / d for i, (m, d) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))])
seen = seen.astype(np.float32)
show("seen", [seen[0, 0, 0], seen[1, 5, 7], seen[2, 11, 15], seen.astype(np.float64).mean(),
              math.sqrt((seen.astype(np.float64) ** 2).mean())])

said = (np.sin(np.arange(12 * 16) * 0.7 + 0.25) * 0.9).astype(np.float32).reshape(12, 16)
share = (said - said.min()) / (said.max() - said.min())
mask = Image.fromarray((share * 255).astype("uint8"), mode="L").resize(picture.size, Image.Resampling.LANCZOS)
cut = np.array(Image.composite(picture, Image.new("RGBA", picture.size, 0), mask)).astype(np.float64)
show("cut", [*cut[0, 0], *cut[9, 14], *cut[19, 29], cut[..., :3].mean(), cut[..., 3].mean()])

depth = (np.sin(np.arange(100) * 0.7 + 0.25) * 0.9).astype(np.float32).reshape(10, 10)
least, most = np.percentile(depth, 2), np.percentile(depth, 85)
near = ((1.0 - (depth - least) / (most - least)) * 255.0).clip(0, 255).astype(np.uint8)
show("near", [near[0, 0], near[0, 5], near[5, 5], near[9, 9], near.astype(int).sum()])
