"""The IP-Adapter: keys and values of a picture's embeds beside those of the words, at every cross-attention."""
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
from unet import HEADS, CrossAttention
from vae import LATENT_SCALE


def sites(unet):
    """The cross-attentions in the order in which adapters number them: way down, way up, middle."""
    order = (unet.input_blocks, unet.output_blocks, unet.middle_block)
    blocks = [m for part in order for m in part.modules() if type(m).__name__ == "TransformerBlock"]
    return [block.attn2 for block in blocks]


class Adapter(nn.Module):
    def __init__(self, widths, embeds, context, tokens):
        super().__init__()
        self.image_proj = nn.ModuleDict({"proj": nn.Linear(embeds, tokens * context), "norm": LayerNorm(context)})
        self.ip_adapter = nn.ModuleDict()
        for i, width in enumerate(widths):
            layers = {"to_k_ip": nn.Linear(context, width, bias=False), "to_v_ip": nn.Linear(context, width, bias=False)}
            nn.init.zeros_(layers["to_v_ip"].weight)
            self.ip_adapter[str(2 * i + 1)] = nn.ModuleDict(layers)
        self.tokens = tokens

    def attach(self, unet, embeds):
        """Until the next call `unet` sees these pictures, [N,P]; None: none."""
        for i, site in enumerate(sites(unet)):
            site.image = None
        if embeds is None:
            return
        rows = self.image_proj["norm"](self.image_proj["proj"](embeds).view(len(embeds), self.tokens, -1)).to(unet.kind)
        for i, site in enumerate(sites(unet)):
            layer = self.ip_adapter[str(2 * i + 1)]
            k, v = (torch.nn.functional.linear(rows, layer[n].weight.to(rows.dtype)) for n in ("to_k_ip", "to_v_ip"))
            site.image = lambda q, k=k, v=v: attention(q, k, v, HEADS)


def build(config, unet):
    widths = [site.to_q.weight.shape[0] for site in sites(unet)]
    return Adapter(widths, config["vision"]["model"]["projection"], config["base"]["model"]["context"], 4)


def train(config, state):
    c = config["ip"]
    base = stage_base.Frozen(config, state)
    unet, text = base.unet, base.text
    vision = stage_vision.finished(config, state)["vision"]
    vae = stage_vae.finished(config, state)
    latents, drawings = stage_latents.Latents(state), Drawings(state / config["data"]["train"])
    held_out = Drawings(state / config["data"]["held_out"])
    captions = stage_base.Captions([drawings.captions[n] for n in latents.numbers], Tokenizer(), base.words)
    torch.manual_seed(config["seed"])
    adapter = build(config, unet)
    begin_with_shipped(adapter, "ipadapter/easel-small-ip.safetensors")

    def loss(step):
        base.refresh(step)
        numbers, generator = choice(config["seed"] + 2, step, c["batch"], latents.count)
        with torch.no_grad():
            embeds = vision(drawings.pictures(latents.numbers[numbers]))[0]
            context = text(captions.batch(numbers, generator, c["drop"], 0.0))
        embeds = embeds * (torch.rand(len(numbers), 1, generator=generator) > c["drop_picture"])
        timesteps = (STEPS * torch.rand(len(numbers), generator=generator) ** c["early"]).long()
        z = latents.maps(numbers).to(DEVICE)
        noise = torch.randn(z.shape, generator=generator).to(DEVICE)
        adapter.attach(unet, embeds)
        error = (unet(noised(z, noise, timesteps), timesteps.to(DEVICE), context) - noise).square().mean((1, 2, 3))
        return (error * snr_weight(timesteps).to(DEVICE)).mean(), {"error": float(error.mean())}

    def check(step):
        return {}

    def sheet(path):
        x = held_out.pictures(range(12))
        context = text(captions.rows([[]]))
        rows = [as_pixels(x)]
        for seed in (1, 2):
            noise = torch.randn(12, 4, 16, 16, generator=torch.Generator().manual_seed(seed))
            noise = noise.contiguous(memory_format=torch.channels_last).to(DEVICE)
            adapter.attach(unet, torch.cat([vision(x)[0], torch.zeros(12, c_projection)]))
            z = ddim(stage_base.guided(unet, context.expand(12, -1, -1), context, 3.0), noise, 20)
            rows.append(as_pixels(vae.decode(z / LATENT_SCALE)))
        adapter.attach(unet, None)
        save_sheet(path, rows)

    c_projection = config["vision"]["model"]["projection"]
    return Run("ip", state, c, {"adapter": adapter}, loss, check, sheet).train()
