"""The autoencoder, trained on crops."""
import math

import torch
import torch.nn.functional as F

from data import DEVICE, Drawings, as_pixels, choice
from loop import Run, save_sheet
from model_file import SHIPPED, shipped
from vae import LATENT_SCALE, Vae


def build(config):
    return Vae(config["channels"], config["mult"]).to(memory_format=torch.channels_last)


def psnr(vae, drawings, numbers, batch=10):
    """Mean over pictures of 10 log10(1 / mean square error), of values 0..1, as rounded to 8 bits."""
    total = 0.0
    for i in range(0, len(numbers), batch):
        x = drawings.pictures(numbers[i:i + batch])
        y = torch.from_numpy(as_pixels(vae.decode(vae.encode(x)[0]))).permute(0, 3, 1, 2).float() / 255
        error = ((x.cpu() + 1) / 2 - y).square().mean((1, 2, 3))
        total += float((-10 * error.clamp_min(1e-10).log10()).sum())
    return total / len(numbers)


def edges(x):
    return torch.cat([(x[..., 1:, :] - x[..., :-1, :]).flatten(1), (x[..., :, 1:] - x[..., :, :-1]).flatten(1)], 1)


def train(config, state):
    c, data = config["vae"], config["data"]
    drawings, held_out = Drawings(state / data["train"]), Drawings(state / data["held_out"])
    torch.manual_seed(config["seed"])
    vae = build(c["model"])
    # Colour as a linear map of the latents: without this hint a thousand steps go by in grey, because nearly all of the
    # difference between neighbouring pixels is brightness. Previews of latents are such a map as well.
    colour = torch.nn.Conv2d(4, 3, 1)
    with torch.no_grad():  # the first latents carry a thousandth of noise, not more noise than picture
        vae.quant_conv.bias[4:] = -7.0

    def loss(step):
        numbers, generator = choice(config["seed"], step, c["batch"], len(drawings))
        corners = (torch.randint(0, (128 - c["crop"]) // 4 + 1, (c["batch"], 2), generator=generator) * 4).tolist()
        x = drawings.crops(numbers, corners, c["crop"])
        mean, log_variance = vae.encode(x)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        y = vae.decode(z)
        difference = (y - x).abs().mean()
        square = F.mse_loss(y, x)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        detail = (edges(y) - edges(x)).abs().mean()
        hint = (colour(z) - F.avg_pool2d(x, 8)).abs().mean()
        total = difference + 2 * square + c["edges"] * detail + c["hint"] * hint + c["divergence"] * divergence
        return total, {"psnr": -10 * math.log10(float(square) / 4 + 1e-10), "hint": float(hint),
                       "divergence": float(divergence)}

    def check(step):
        return {"psnr": round(psnr(vae, held_out, list(range(60))), 2)}

    def sheet(path):
        x = held_out.pictures(range(24))
        y = vae.decode(vae.encode(x)[0])
        rows = []
        for i in range(0, 24, 12):
            rows += [as_pixels(x[i:i + 12]), as_pixels(y[i:i + 12])]
        save_sheet(path, rows)

    return Run("vae", state, c, {"vae": vae, "colour": colour}, loss, check, sheet).train()


def finished(config, state, drawings=None):
    """The trained autoencoder with averaged parameters and latents of the size that this layout expects: standard
    deviation 1 / 0.18215 over the training drawings (measured on a thousand). Where this state folder has trained none,
    the one that comes with the program."""
    vae = build(config["vae"]["model"])
    if not (state / "vae/checkpoint.pt").exists():
        vae.load_state_dict(shipped(SHIPPED, "first_stage_model."))
        return vae.to(DEVICE).eval()
    content = torch.load(state / "vae/checkpoint.pt", map_location="cpu")
    vae.load_state_dict({k[len("vae."):]: v for k, v in content["modules"].items() if k.startswith("vae.")})
    with torch.no_grad():
        for p, value in zip(vae.parameters(), content["average"]):
            p.copy_(value)
        vae.to(DEVICE)
        drawings = drawings or Drawings(state / config["data"]["train"])
        means = [vae.encode(drawings.pictures(range(i, min(i + 20, len(drawings)))))[0]
                 for i in range(0, min(1000, len(drawings)), 20)]
        vae.scale_latents(1 / (LATENT_SCALE * float(torch.cat(means).std())))
    return vae.eval()
