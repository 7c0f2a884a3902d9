"""Drawings through the trained encoder, once each."""
import time

import numpy as np
import torch

import fast
import stage_vae
from data import Drawings, plain
from layers import halve
from loop import write_atomically
from vae import LATENT_SCALE


class Latents:
    """STATE/latents: train.npy, f16 [N,4,16,16], multiplied by 0.18215, so about of unit variance; numbers.npy, the drawing
    that each is of; count, how many of them are there already. Training may begin on the first ones."""

    def __init__(self, state):
        self.folder = state / "latents"
        self.numbers = np.load(self.folder / "numbers.npy")
        self.values = np.load(self.folder / "train.npy", mmap_mode="r")

    @property
    def count(self):
        return int((self.folder / "count").read_text())

    def maps(self, numbers):
        return torch.from_numpy(self.values[numbers].astype(np.float32)).contiguous(memory_format=torch.channels_last)


def begin(folder, drawings, most):
    numbers = np.array([i for i, entry in enumerate(drawings.about) if plain(entry)][:most])
    write_atomically(folder / "numbers.npy", lambda part: np.save(open(part, "wb"), numbers))
    np.lib.format.open_memmap(folder / "train.npy", "w+", np.float16, (len(numbers), 4, 16, 16)).flush()
    write_atomically(folder / "count", lambda part: part.write_text("0"))


def run(config, state, batch=16):
    stage_vae.freeze(config, state)
    drawings = Drawings(state / config["data"]["train"])
    folder = state / "latents"
    folder.mkdir(exist_ok=True)
    if not (folder / "count").exists():
        begin(folder, drawings, config["data"]["most"])
    latents = Latents(state)
    values = np.load(folder / "train.npy", mmap_mode="r+")
    vae = stage_vae.finished(config, state)
    if fast.half():
        halve(vae.encoder)
    done = latents.count
    with torch.no_grad():
        while done < len(values):
            while (state / "pause").exists():
                time.sleep(2)
            numbers = latents.numbers[done:done + batch]
            values[done:done + batch] = (vae.encode(drawings.pictures(numbers))[0] * LATENT_SCALE).cpu().numpy()
            done += len(numbers)
            if done % (16 * batch) == 0 or done == len(values):
                values.flush()
                write_atomically(folder / "count", lambda part: part.write_text(str(done)))
    sample = values[:4000].astype(np.float32)
    print("latent mean", sample.mean((0, 2, 3)), "deviation", sample.std((0, 2, 3)), flush=True)
    return True
