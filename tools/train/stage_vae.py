"""The autoencoder, trained on crops."""
import math

import torch
import torch.nn.functional as F

from data import DEVICE, Drawings, as_pixels, choice
from loop import Run, save_sheet, write_atomically
from model_file import SHIPPED, shipped
from vae import LATENT_SCALE, Resting, Vae


def build(config):
    return Vae(config["channels"], config["mult"], config["encoder_busy"], config["decoder_busy"]).to(memory_format=torch.channels_last)


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
        whole = run.progress > c["whole"]
        crop, batch = (128, c["batch"] // 2) if whole else (c["crop"], c["batch"])
        numbers, generator = choice(config["seed"], step, batch, len(drawings))
        corners = (torch.randint(0, (128 - crop) // 4 + 1, (batch, 2), generator=generator) * 4).tolist()
        x = drawings.crops(numbers, corners, crop)
        mean, log_variance = vae.encode(x)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        y = vae.decode(z)
        difference = (y - x).abs().mean()
        square = F.mse_loss(y, x)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        detail = (edges(y) - edges(x)).abs().mean()
        hint = (colour(z) - F.avg_pool2d(x, 8)).abs().mean()
        total = difference + c["square"] * square + c["edges"] * detail + c["hint"] * hint + c["divergence"] * divergence
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

    run = Run("vae", state, c, {"vae": vae, "colour": colour}, loss, check, sheet)
    return run.train()


def build_averaged(config, state):
    vae = build(config["vae"]["model"])
    content = torch.load(state / "vae/checkpoint.pt", map_location="cpu")
    vae.load_state_dict({k[len("vae."):]: v for k, v in content["modules"].items() if k.startswith("vae.")})
    with torch.no_grad():
        for p, value in zip((p for p in vae.parameters() if p.requires_grad), content["average"]):
            p.copy_(value)
    return vae.to(DEVICE)


def frozen(state):
    return state / "vae/frozen.pt"


def freeze(config, state):
    """Ends the encoder's training: STATE/vae/frozen.pt has averaged parameters and latents as this layout
    expects them, each channel with mean 0 and deviation 1 / 0.18215 over the training drawings (measured on six hundred). Only the decoder may
    learn on, so that latents stay valid. A state folder that has trained none takes the one that comes with the program."""
    if not frozen(state).exists() and not (state / "vae/checkpoint.pt").exists():
        vae = finished(config, state)
        write_atomically(frozen(state), lambda part: torch.save(vae.state_dict(), part))
    if not frozen(state).exists():
        vae = build_averaged(config, state)
        drawings = Drawings(state / config["data"]["train"])
        with torch.no_grad():
            means = [vae.encode(drawings.pictures(range(i, min(i + 20, len(drawings)))))[0]
                     for i in range(0, min(600, len(drawings)), 20)]
            means = torch.cat(means)
            deviation = means.std((0, 2, 3))
            vae.shift_and_scale_latents(-means.mean((0, 2, 3)), 1 / (LATENT_SCALE * deviation))
        write_atomically(frozen(state), lambda part: torch.save(vae.state_dict(), part))
    return True


def finished(config, state):
    """The trained autoencoder. Where this state folder has trained none, the one that comes with the program."""
    vae = build(config["vae"]["model"])
    if frozen(state).exists():
        vae.load_state_dict(torch.load(frozen(state), map_location="cpu"))
        better = state / "decoder/checkpoint.pt"
        if better.exists():
            content = torch.load(better, map_location="cpu")
            parts = decoding_parts(vae)
            parts.load_state_dict(content["modules"])
            with torch.no_grad():
                for p, value in zip((p for p in parts.parameters() if p.requires_grad), content["average"]):
                    p.copy_(value)
    elif (state / "vae/checkpoint.pt").exists():
        vae = build_averaged(config, state)
    else:
        vae.load_state_dict(shipped(SHIPPED, "first_stage_model."))
    return vae.to(DEVICE).eval()


def decoding_parts(vae):
    return torch.nn.ModuleDict({"decoder": vae.decoder, "post": vae.post_quant_conv})


def train_decoder(config, state):
    """The decoder alone, on whole drawings, after the encoder is frozen."""
    c, data = config["decoder"], config["data"]
    freeze(config, state)
    drawings, held_out = Drawings(state / data["train"]), Drawings(state / data["held_out"])
    torch.manual_seed(config["seed"])
    vae = build(config["vae"]["model"])
    vae.load_state_dict(torch.load(frozen(state), map_location="cpu"))
    vae.requires_grad_(False)
    parts = decoding_parts(vae)
    parts.requires_grad_(True)
    for block in vae.decoder.modules():
        if isinstance(block, Resting):
            block.requires_grad_(False)

    def loss(step):
        numbers, _ = choice(config["seed"], step, c["batch"], len(drawings))
        x = drawings.pictures(numbers)
        with torch.no_grad():
            z = vae.encode(x)[0]
            # What the denoiser leaves behind: the decoder must bear a little noise.
            z = z + torch.rand(len(z), 1, 1, 1) * c["noise"] / LATENT_SCALE * torch.randn_like(z)
        y = vae.decode(z)
        square = F.mse_loss(y, x)
        total = (y - x).abs().mean() + c["square"] * square + c["edges"] * (edges(y) - edges(x)).abs().mean()
        return total, {"psnr": -10 * math.log10(float(square) / 4 + 1e-10)}

    def check(step):
        return {"psnr": round(psnr(vae, held_out, list(range(100))), 2)}

    def sheet(path):
        x = held_out.pictures(range(24))
        y = vae.decode(vae.encode(x)[0])
        save_sheet(path, [as_pixels(m[i:i + 12]) for i in (0, 12) for m in (x, y)])

    return Run("decoder", state, c, dict(parts.items()), loss, check, sheet).train()
