"""Every drawing through the trained encoder, once."""
import json

import numpy as np
import torch

import stage_vae
from data import Drawings
from loop import write_atomically
from vae import LATENT_SCALE


def path(state):
    return state / "latents/train.npy"


def run(config, state, batch=32):
    """STATE/latents/train.npy: f16 [N,4,16,16], multiplied by 0.18215, so about of unit variance."""
    if path(state).exists():
        return True
    drawings = Drawings(state / config["data"]["train"])
    vae = stage_vae.finished(config, state, drawings)
    latents = np.empty((len(drawings), 4, 16, 16), np.float16)
    with torch.no_grad():
        for i in range(0, len(drawings), batch):
            numbers = range(i, min(i + batch, len(drawings)))
            latents[i:i + batch] = (vae.encode(drawings.pictures(numbers))[0] * LATENT_SCALE).cpu().numpy()
    path(state).parent.mkdir(exist_ok=True)
    write_atomically(path(state), lambda part: np.save(open(part, "wb"), latents))
    held_out = Drawings(state / config["data"]["held_out"])
    with torch.no_grad():
        report = {"psnr of held out": round(stage_vae.psnr(vae, held_out, list(range(min(500, len(held_out))))), 2),
                  "latent mean": [round(float(v), 3) for v in latents.astype(np.float32).mean((0, 2, 3))],
                  "latent deviation": [round(float(v), 3) for v in latents.astype(np.float32).std((0, 2, 3))]}
    (state / "latents/report.json").write_text(json.dumps(report, indent=1) + "\n")
    print("latents", report, flush=True)
    return True
