"""The Canny ControlNet: a copy of the denoiser's first half that sees edges."""
import numpy as np
import torch
from torch import nn

import stage_base
import stage_latents
import stage_vae
from clip import Tokenizer
from data import DEVICE, Drawings, as_pixels, choice
from diffusion import STEPS, ddim, noised, snr_weight
from layers import conv, numbered, zeroed
from loop import Run, save_sheet
from model_file import begin_with_shipped
from unet import Trunk
from vae import LATENT_SCALE

HINT = [3, 16, 16, 16, 16, 32, 32, 64]  # channels of the hint's convolutions, and then the trunk's


class ControlNet(Trunk):
    def __init__(self, channels, mult, attend, context, busy):
        super().__init__(channels, mult, attend, context, busy=busy)
        widths = [*HINT, channels]
        strides = (1, 1, 2, 1, 2, 1, 2, 1)
        self.input_hint_block = numbered(**{f"_{2 * i}": conv(widths[i], widths[i + 1], stride=s, padding=1)
                                            for i, s in enumerate(strides)})
        zero = lambda width: numbered(_0=conv(width, width, 1, zero=True))
        self.zero_convs = nn.ModuleList(zero(width) for width in self.skips)
        self.middle_block_out = zero(self.width)

    def sketch(self, hint):
        """What the edges, [N,3,8H,8W] in 0..1, add to the trunk's first map."""
        h = hint.to(self.kind)
        for i in range(8):
            h = self.input_hint_block[str(2 * i)](h if i == 0 else nn.functional.silu(h))
        return h

    def forward(self, x, timesteps, context, hint):
        """`hint` [N,3,8H,8W] in 0..1. Gives a map for each skip and one for the middle."""
        x, context, h = x.to(self.kind), context.to(self.kind), self.sketch(hint)
        time = self.embed_time(timesteps)
        out = []
        for i, block in enumerate(self.input_blocks):
            x = self.run(block, x, time, context)
            x = x + h if i == 0 else x
            out.append(self.zero_convs[i]["0"](x))
        return [*out, self.middle_block_out["0"](self.run(self.middle_block, x, time, context))]


def edges(x, low=0.1, high=0.2):
    """Canny's edges of pictures [N,3,H,W] in -1..1: [N,3,H,W] of 0 and 1. Blurred, gradient by Sobel, thinned across the
    gradient; weak edges stay where they touch strong ones, through four steps."""
    grey = ((x + 1) / 2 * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    line = torch.tensor([0.0545, 0.2442, 0.4026, 0.2442, 0.0545])
    grey = nn.functional.conv2d(nn.functional.pad(grey, (2, 2, 2, 2), "replicate"), (line[:, None] * line)[None, None])
    slope = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
    both = nn.functional.conv2d(nn.functional.pad(grey, (1, 1, 1, 1), "replicate"), torch.stack([slope, slope.T])[:, None])
    dx, dy = both[:, :1], both[:, 1:]
    size = (dx * dx + dy * dy).sqrt()
    sector = torch.round(torch.atan2(dy, dx) / (np.pi / 4)).long() % 4
    padded = nn.functional.pad(size, (1, 1, 1, 1))
    keep = torch.zeros_like(size, dtype=torch.bool)
    h, w = size.shape[2:]
    at = lambda i, j: padded[:, :, 1 + i:1 + i + h, 1 + j:1 + j + w]
    for k, (i, j) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        keep |= (sector == k) & (size >= at(i, j)) & (size > at(-i, -j))
    strong, weak = keep & (size > high), keep & (size > low)
    for _ in range(4):
        strong = weak & (nn.functional.max_pool2d(strong.float(), 3, 1, 1) > 0)
    return strong.float().expand(-1, 3, -1, -1)


def build(config, unet=None):
    m = config["base"]["model"]
    control = ControlNet(m["channels"], m["mult"], m["attend"], m["context"], m["busy"])
    if unet is not None:
        missing, unexpected = control.load_state_dict(
            {k: v.float() for k, v in unet.state_dict().items() if not k.startswith(("output_blocks", "out."))}, strict=False)
        assert not unexpected and all(k.startswith(("input_hint", "zero_convs", "middle_block_out")) for k in missing)
    return control.to(memory_format=torch.channels_last)


@torch.no_grad()
def even(control, hint):
    """Scales the hint's convolutions so that each gives values of deviation 1: edges are few, and through eight layers of
    the usual beginnings next to nothing of them would arrive."""
    for i in range(8):
        layer = control.input_hint_block[str(2 * i)]
        layer.weight /= layer(hint).std()
        hint = nn.functional.silu(layer(hint))


def train(config, state):
    """The first `sketch` steps teach the hint's convolutions alone to guess, from the edges, the latents of their picture, as
    the trunk's first layer sees them: the copied trunk then finds something that it knows how to read, where from random
    features it learns nothing for thousands of steps."""
    c = config["control"]
    base = stage_base.Frozen(config, state)
    unet, text = base.unet, base.text
    vae = stage_vae.finished(config, state)
    latents, drawings = stage_latents.Latents(state), Drawings(state / config["data"]["train"])
    held_out = Drawings(state / config["data"]["held_out"])
    captions = stage_base.Captions([drawings.captions[n] for n in latents.numbers], Tokenizer(), base.words)
    torch.manual_seed(config["seed"])
    control = build(config, unet)
    first = unet.input_blocks[0][0].weight.detach().float()
    even(control, edges(held_out.pictures(range(32))))
    begin_with_shipped(control, "controlnet/easel-small-canny.safetensors", "control_model.")

    def loss(step):
        base.refresh(step)
        numbers, generator = choice(config["seed"] + 3, step, c["batch"], latents.count)
        z = latents.maps(numbers).to(DEVICE)
        with torch.no_grad():
            hint = edges(drawings.pictures(latents.numbers[numbers]))
            if step < c["sketch"]:
                clean = nn.functional.conv2d(z, first, padding=1)
        if step < c["sketch"]:
            error = (control.sketch(hint).float() - clean).square().mean()
            return error / clean.square().mean(), {"sketch": float(error / clean.square().mean())}
        with torch.no_grad():
            context = text(captions.batch(numbers, generator, c["drop"], 0.0))
        timesteps = (STEPS * torch.rand(len(numbers), generator=generator) ** c["early"]).long()
        noise = torch.randn(z.shape, generator=generator).to(DEVICE)
        x, t = noised(z, noise, timesteps), timesteps.to(DEVICE)
        error = (unet(x, t, context, control=control(x, t, context, hint)) - noise).square().mean((1, 2, 3))
        return (error * snr_weight(timesteps).to(DEVICE)).mean(), {"error": float(error.mean())}

    def check(step):
        return {}

    def sheet(path):
        numbers = [i for i, a in enumerate(held_out.about) if a["weather"] not in ("rain", "fog")][:12]
        hint = edges(held_out.pictures(numbers))
        context = text(captions.rows([captions.tokenizer(held_out.captions[i]) for i in numbers]))
        nothing = text(captions.rows([[]])).expand_as(context)
        both, hints = torch.cat([context, nothing]), torch.cat([hint, hint])

        def denoise(x, t):
            xx, tt = torch.cat([x, x]), torch.cat([t, t])
            a, b = unet(xx, tt, both, control=control(xx, tt, both, hints)).chunk(2)
            return b + 3.0 * (a - b)

        noise = torch.randn(12, 4, 16, 16, generator=torch.Generator().manual_seed(1))
        z = ddim(denoise, noise.contiguous(memory_format=torch.channels_last).to(DEVICE), 20)
        save_sheet(path, [as_pixels(held_out.pictures(numbers)), as_pixels(hint * 2 - 1), as_pixels(vae.decode(z / LATENT_SCALE))])

    return Run("control", state, c, {"control": control}, loss, check, sheet).train()
