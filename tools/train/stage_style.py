"""The style model: turns the picture encoder's states into a few tokens that stand behind the words."""
import torch
from torch import nn

import stage_base
import stage_latents
import stage_vae
import stage_vision
from clip import Tokenizer
from data import DEVICE, Drawings, as_pixels, choice
from diffusion import STEPS, ddim, noised, snr_weight
from layers import LayerNorm, attention
from loop import Run, save_sheet
from model_file import begin_with_shipped
from vae import LATENT_SCALE

HEADS = 8


class Block(nn.Module):
    """OpenCLIP's residual attention block."""

    def __init__(self, width):
        super().__init__()
        self.attn = nn.Module()
        self.attn.in_proj_weight = nn.Parameter(torch.randn(3 * width, width) * width ** -0.5)
        self.attn.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.attn.out_proj = nn.Linear(width, width)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x):
        q, k, v = nn.functional.linear(self.ln_1(x), self.attn.in_proj_weight, self.attn.in_proj_bias).chunk(3, -1)
        x = x + self.attn.out_proj(attention(q.contiguous(), k.contiguous(), v.contiguous(), HEADS))
        h = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](h * torch.sigmoid(1.702 * h))


class StyleModel(nn.Module):
    def __init__(self, width, context, tokens, layers):
        super().__init__()
        self.style_embedding = nn.Parameter(torch.randn(1, tokens, width) * width ** -0.5)
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        # The spelling is the publisher's.
        self.transformer_layes = nn.Sequential(*(Block(width) for _ in range(layers)))
        self.proj = nn.Parameter(torch.randn(width, context) * width ** -0.5)

    def forward(self, states):
        """[N,T,width] -> [N,tokens,context]."""
        tokens = self.style_embedding.shape[1]
        x = torch.cat([states, self.style_embedding.expand(len(states), -1, -1)], 1)
        return self.ln_post(self.transformer_layes(self.ln_pre(x))[:, -tokens:]) @ self.proj


def build(config):
    m = config["style"]["model"]
    return StyleModel(config["vision"]["model"]["width"], config["base"]["model"]["context"], m["tokens"], m["layers"])


def train(config, state):
    c = config["style"]
    base = stage_base.Frozen(config, state)
    unet, text = base.unet, base.text
    vision = stage_vision.finished(config, state)["vision"]
    vae = stage_vae.finished(config, state)
    latents, drawings = stage_latents.Latents(state), Drawings(state / config["data"]["train"])
    held_out = Drawings(state / config["data"]["held_out"])
    captions = stage_base.Captions([drawings.captions[n] for n in latents.numbers], Tokenizer(), base.words)
    torch.manual_seed(config["seed"])
    style = build(config)
    begin_with_shipped(style, "style_models/easel-small-style.safetensors")

    def loss(step):
        base.refresh(step)
        numbers, generator = choice(config["seed"] + 5, step, c["batch"], latents.count)
        with torch.no_grad():
            states = vision(drawings.pictures(latents.numbers[numbers]))[1]
            context = text(captions.batch(numbers, generator, c["drop"], 0.0))
        timesteps = (STEPS * torch.rand(len(numbers), generator=generator) ** c["early"]).long()
        z = latents.maps(numbers).to(DEVICE)
        noise = torch.randn(z.shape, generator=generator).to(DEVICE)
        context = torch.cat([context, style(states)], 1)
        error = (unet(noised(z, noise, timesteps), timesteps.to(DEVICE), context) - noise).square().mean((1, 2, 3))
        return (error * snr_weight(timesteps).to(DEVICE)).mean(), {"error": float(error.mean())}

    def check(step):
        return {}

    def sheet(path):
        x = held_out.pictures(range(12))
        words = text(captions.rows([captions.tokenizer("a house")])).expand(12, -1, -1)
        context = torch.cat([words, style(vision(x)[1])], 1)
        nothing = text(captions.rows([[]])).expand(12, -1, -1)

        def denoise(x, t):
            a, b = unet(x, t, context), unet(x, t, nothing)
            return b + 3.0 * (a - b)

        noise = torch.randn(12, 4, 16, 16, generator=torch.Generator().manual_seed(1))
        z = ddim(denoise, noise.contiguous(memory_format=torch.channels_last).to(DEVICE), 20)
        save_sheet(path, [as_pixels(x), as_pixels(vae.decode(z / LATENT_SCALE))])

    return Run("style", state, c, {"style": style}, loss, check, sheet).train()
