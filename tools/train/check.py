#!/usr/bin/python3
"""Checks of the trainer itself, on a hundred drawings and networks that have hardly begun to learn: ./check.py EASEL.
A minute on one core. Needs what training needs, so it is no part of the project's tests."""
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import export
import model_file
import stage_base
import stage_latents
import stage_vae
from clip import VOCABULARY, Tokenizer, padded
from diffusion import ALPHAS
import fast
from layers import GroupNorm, LayerNorm, geglu, upsampled
from train import HERE
from vae import LATENT_SCALE

PROMPTS = "a red lighthouse by the sea, an unheard-of zebra", "blurry"
STEPS, SCALE, SEED = 4, 2.0, 5


def expect(what, good):
    print("ok  " if good else "FAIL", what)
    if not good:
        sys.exit(1)


def group_norm():
    x = torch.randn(2, 64, 6, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    layer, dy = GroupNorm(64), torch.randn(2, 64, 6, 5)
    torch.nn.init.normal_(layer.weight), torch.nn.init.normal_(layer.bias)
    inputs = (x, layer.weight, layer.bias)
    ours = torch.autograd.grad(layer(x), inputs, dy)
    theirs = torch.autograd.grad(F.group_norm(x, 32, layer.weight, layer.bias, layer.eps), inputs, dy)
    expect("group norm's gradients are torch's",
           all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(ours, theirs)))


def bf16():
    """fast.c's layers against torch's in f32, both of the same bf16 values: results and gradients within a rounding."""
    def close(ours, theirs, inputs, parameters=()):
        wide = [x.detach().float().requires_grad_() for x in inputs]
        narrow = [x.clone().requires_grad_() for x in inputs]
        y, z = ours(*narrow), theirs(*wide)
        dy = torch.randn(z.shape).bfloat16()
        pairs = [(y, z), *zip(torch.autograd.grad(y, (*narrow, *parameters), dy),
                              torch.autograd.grad(z, (*wide, *parameters), dy.float()))]
        return all((a.float() - b).norm() < 0.004 * b.norm() for a, b in pairs)

    x = (torch.randn(2, 64, 6, 5) * 2 + 1).bfloat16().contiguous(memory_format=torch.channels_last)
    for silu in (False, True):
        layer = GroupNorm(64)
        torch.nn.init.normal_(layer.weight), torch.nn.init.normal_(layer.bias)
        norm = lambda v: F.group_norm(v, 32, layer.weight, layer.bias, layer.eps)
        expect(f"group norm in bf16, silu {silu}", close(lambda v: layer(v, silu=silu), lambda v: F.silu(norm(v)) if silu
                                                         else norm(v), [x], [layer.weight, layer.bias]))
    rows, layer = torch.randn(7, 11, 64).bfloat16(), LayerNorm(64)
    torch.nn.init.normal_(layer.weight), torch.nn.init.normal_(layer.bias)
    expect("layer norm in bf16", close(layer, lambda v: F.layer_norm(v, (64,), layer.weight, layer.bias, layer.eps), [rows],
                                       [layer.weight, layer.bias]))
    expect("gated units in bf16", close(geglu, geglu, [rows]))
    expect("softmax in bf16", close(lambda v: fast.Softmax.apply(v, 0.3), lambda v: (0.3 * v).softmax(-1), [rows]))


def optimizer():
    """Three steps of AdamW as torch takes them."""
    weight = torch.randn(5, 7)
    ours, theirs = (torch.nn.Parameter(weight.clone()) for _ in range(2))
    a = fast.AdamW([ours], 0.1, 0.9)
    b = torch.optim.AdamW([theirs], 1e-2, (0.9, 0.99), weight_decay=0.1)
    for i in range(3):
        grad = torch.randn(5, 7) * 0.01
        ours.grad, theirs.grad = grad, grad.clone()
        a.step(1e-2, 1.0)
        b.step()
    expect("AdamW is torch's", torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6))


def enlarging():
    x, weight, bias = torch.randn(2, 8, 5, 6), torch.randn(4, 8, 3, 3), torch.randn(4)
    plain = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, bias, padding=1)
    expect("four small convolutions are the one of the enlarged map",
           torch.allclose(upsampled(x, weight, bias), plain, rtol=1e-4, atol=1e-4))


def tiny(config, steps):
    for stage in ("vae", "base"):
        config[stage] |= {"steps": steps, "batch": 4, "log_every": 2, "sheet_every": 1000, "warmup": 1}
    return config


def same_after_interruption(config, folder):
    """Two runs to step 4, one of them stopped at 2 and resumed, end with the same numbers."""
    ends = []
    for stops in ([4], [2, 4]):
        state = folder / f"state-{len(stops)}"
        state.mkdir()
        (state / "data").symlink_to(folder / "data")
        for stop in stops:
            stage_vae.train(tiny(config, 4) | {"vae": config["vae"] | {"stop_at": stop}}, state)
        ends.append(torch.load(state / "vae/checkpoint.pt"))
    one, other = (list(end["modules"].values()) + end["average"] for end in ends)
    expect("a run that was stopped and resumed ends where the other does",
           ends[0]["step"] == ends[1]["step"] == 4 and all(torch.equal(a, b) for a, b in zip(one, other)))
    return state


def by_torch(config, state, file, picture):
    """The picture through the autoencoder, and one sampled: by the networks here with the file's own values."""
    values = {k: torch.tensor(v.astype(np.float32)) for k, v in model_file.read_safetensors(file).items()}
    unet, text = stage_base.build(config["base"], stage_base.finished(config, state)[2])
    vae = stage_vae.build(config["vae"]["model"])
    text.text_model["embeddings"]["token_embedding"] = torch.nn.Embedding(VOCABULARY, config["base"]["model"]["context"])
    for network, prefix in ((unet, "model.diffusion_model."), (vae, "first_stage_model."),
                            (text, "cond_stage_model.transformer.")):
        network.load_state_dict({k[len(prefix):]: v for k, v in values.items() if k.startswith(prefix)})
    tokenizer = Tokenizer()
    pixels = lambda maps: ((maps.clamp(-1, 1) + 1) / 2 * 255).floor().byte().permute(0, 2, 3, 1).numpy()[0]
    with torch.no_grad():
        x = torch.from_numpy(picture[None].copy()).float().div(127.5).sub(1).permute(0, 3, 1, 2)
        through = pixels(vae.decode(vae.encode(x)[0]))
        context = text(torch.tensor([padded(tokenizer(p)) for p in PROMPTS]))
        times = torch.linspace(999, 0, STEPS)
        log_sigma = ((1 - ALPHAS) / ALPHAS).sqrt().log()
        part = times - times.floor()
        sigmas = ((1 - part) * log_sigma[times.floor().long()] + part * log_sigma[times.ceil().long()]).exp().tolist() + [0.0]
        x = torch.randn(1, 4, 16, 16, generator=torch.manual_seed(SEED)) * sigmas[0]
        for t, sigma, after in zip(times, sigmas, sigmas[1:]):
            both = (x / (sigma ** 2 + 1) ** 0.5).repeat(2, 1, 1, 1)
            with_text, without = unet(both, t.repeat(2), context).chunk(2)
            x = x + (after - sigma) * (without + SCALE * (with_text - without))
        return through, pixels(vae.decode(x / LATENT_SCALE))


def by_easel(easel, folder, file):
    """The same two by the program, in f32."""
    node = lambda kind, **inputs: {"class_type": kind, "inputs": inputs}
    workflow = {
        "1": node("CheckpointLoaderSimple", ckpt_name=file.name),
        "2": node("LoadImage", image="lighthouse.png"),
        "3": node("VAEEncode", pixels=["2", 0], vae=["1", 2]),
        "4": node("VAEDecode", samples=["3", 0], vae=["1", 2]),
        "5": node("SaveImage", images=["4", 0], filename_prefix="through"),
        "6": node("CLIPTextEncode", clip=["1", 1], text=PROMPTS[0]),
        "7": node("CLIPTextEncode", clip=["1", 1], text=PROMPTS[1]),
        "8": node("EmptyLatentImage", width=128, height=128, batch_size=1),
        "9": node("KSampler", model=["1", 0], positive=["6", 0], negative=["7", 0], latent_image=["8", 0], seed=SEED,
                  steps=STEPS, cfg=SCALE, sampler_name="euler", scheduler="normal", denoise=1.0),
        "10": node("VAEDecode", samples=["9", 0], vae=["1", 2]),
        "11": node("SaveImage", images=["10", 0], filename_prefix="sampled"),
    }
    (folder / "workflow.json").write_text(json.dumps(workflow))
    subprocess.run([easel, "run", folder / "workflow.json", "--models", folder / "models", "--input", folder / "input",
                    "--output", folder / "output", "--precision", "f32"], check=True, capture_output=True)
    picture = lambda name: np.asarray(Image.open(next((folder / "output").glob(name + "*"))).convert("RGB"))
    return picture("through"), picture("sampled")


def main():
    easel = Path(sys.argv[1]).resolve()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    group_norm()
    enlarging()
    optimizer()
    if fast.half():
        bf16()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw = [easel, "pictures", "--size", "128"]
        subprocess.run([*draw, folder / "input"], check=True, capture_output=True)
        for part, seed in (("train", 1), ("heldout", 2)):
            subprocess.run([*draw, folder / "data" / part, "--drawings", "100", "--seed", str(seed)], check=True,
                           capture_output=True)
        config = tiny(tomllib.loads((HERE / "config/family.toml").read_text()), 4)
        state = same_after_interruption(config, folder)
        stage_latents.run(config, state)
        stage_base.train(config, state)
        file = folder / "models/checkpoints/easel-small.safetensors"
        export.checkpoint(config, state, file)
        picture = np.asarray(Image.open(folder / "input/lighthouse.png").convert("RGB"))
        for what, ours, theirs in zip(("autoencoder", "sampled picture"), by_torch(config, state, file, picture),
                                      by_easel(easel, folder, file)):
            difference = np.abs(ours.astype(int) - theirs.astype(int))
            expect(f"Easel's {what} is torch's: mean difference {difference.mean():.4f} of 255, picture's deviation "
                   f"{ours.std():.1f}", difference.mean() < 0.5 and ours.std() > 5)


if __name__ == "__main__":
    main()
