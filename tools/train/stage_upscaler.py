"""The compact upscaler: twice as large."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from data import Drawings, as_maps, as_pixels, choice
from layers import conv
from loop import Run, save_sheet
from model_file import begin_with_shipped


class Upscaler(nn.Module):
    """SRVGGNetCompact: convolutions and PReLUs in turn, then pixel shuffle, added to the nearest neighbours."""

    def __init__(self, features, layers, scale=2):
        super().__init__()
        self.scale = scale
        self.body = nn.ModuleList([conv(3, features), nn.PReLU(features, 0.1)])
        for _ in range(layers):
            self.body += [conv(features, features), nn.PReLU(features, 0.1)]
        self.body.append(conv(features, 3 * scale * scale))
        with torch.no_grad():
            self.body[-1].weight *= 0.1

    def forward(self, x):
        y = x
        for layer in self.body:
            y = layer(y)
        return F.pixel_shuffle(y, self.scale) + F.interpolate(x, scale_factor=self.scale, mode="nearest")


def build(config):
    m = config["upscaler"]["model"]
    return Upscaler(m["features"], m["layers"]).to(memory_format=torch.channels_last)


def train(config, state):
    c = config["upscaler"]
    drawings, held_out = Drawings(state / config["data"]["train"]), Drawings(state / config["data"]["held_out"])
    torch.manual_seed(config["seed"])
    upscaler = build(config)
    begin_with_shipped(upscaler, "upscale_models/easel-small-x2.safetensors")

    def pair(pixels):
        """Pictures of 0..1 and those that are half as large."""
        large = (pixels + 1) / 2
        return F.avg_pool2d(large, 2), large

    def loss(step):
        numbers, generator = choice(config["seed"] + 4, step, c["batch"], len(drawings))
        corners = (torch.randint(0, (128 - c["crop"]) // 2 + 1, (c["batch"], 2), generator=generator) * 2).tolist()
        small, large = pair(drawings.crops(numbers, corners, c["crop"]))
        y = upscaler(small)
        square = F.mse_loss(y, large)
        return (y - large).abs().mean() + 2 * square, {"psnr": -10 * math.log10(float(square) + 1e-10)}

    def check(step):
        small, large = pair(held_out.pictures(range(60)))
        psnr = lambda y: round(float(-10 * (y.clamp(0, 1) - large).square().mean((1, 2, 3)).log10().mean()), 2)
        return {"psnr": psnr(upscaler(small)),
                "psnr of bicubic": psnr(F.interpolate(small, scale_factor=2, mode="bicubic", align_corners=False))}

    def sheet(path):
        small, large = pair(held_out.pictures(range(8)))
        near = F.interpolate(small, scale_factor=2, mode="bicubic", align_corners=False)
        save_sheet(path, [as_pixels(m * 2 - 1) for m in (near, upscaler(small), large)])

    return Run("upscaler", state, c, {"upscaler": upscaler}, loss, check, sheet).train()
