#!/usr/bin/python3
"""The figures of the model card: ./measure.py STATE SHEET.jpg. How well the autoencoder gives held-out drawings back, and
what the vision encoder sees in pictures drawn by the captions of held-out drawings: subject, style and colour, beside what
it sees in those drawings themselves and beside chance. The sheet has the first 64 pictures, none chosen."""
import os
import sys
import tomllib
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np  # noqa: E402  (torch reads the number of threads when it is loaded)
import torch  # noqa: E402
from PIL import Image  # noqa: E402

import stage_base  # noqa: E402
import stage_vae  # noqa: E402
import stage_vision  # noqa: E402
from clip import Tokenizer  # noqa: E402
from data import Drawings, plain  # noqa: E402

DRAWN, ROW, AT_ONCE = 128, 8, 32


class Drawn:
    """Pictures drawn by the captions of drawings, in the shape in which stage_vision reads drawings."""

    def __init__(self, pictures, about):
        self.values, self.about = pictures, about

    def pictures(self, numbers):
        return torch.from_numpy(self.values[numbers]).float().div(127.5).sub(1).permute(0, 3, 1, 2)


def main():
    state, sheet = Path(sys.argv[1]), Path(sys.argv[2])
    config = tomllib.loads((Path(__file__).with_name("config") / "family.toml").read_text())
    held_out = Drawings(state / config["data"]["held_out"])
    with torch.no_grad():
        vae = stage_vae.finished(config, state)
        numbers = list(range(500))
        print(f"autoencoder: {stage_vae.psnr(vae, held_out, numbers):.2f} dB on {len(numbers)} held-out drawings")
        unet, text, words = stage_base.finished(config, state)
        chosen = [n for n, entry in enumerate(held_out.about) if plain(entry)][:DRAWN]
        captions = stage_base.Captions(held_out.captions, Tokenizer(), words)
        prompts = [held_out.captions[n] for n in chosen]
        pictures = np.concatenate([stage_base.sample(unet, text, vae, captions, prompts[i:i + AT_ONCE], seed=i)
                                   for i in range(0, DRAWN, AT_ONCE)])
        rows = [np.concatenate(list(pictures[i:i + ROW]), 1) for i in range(0, 64, ROW)]
        Image.fromarray(np.concatenate(rows, 0)).save(sheet, quality=88)
        judge = stage_vision.finished(config, state)
        about = [held_out.about[n] for n in chosen]
        sees = lambda drawings, which: stage_vision.accuracy(judge["vision"], judge["project"], text, captions, drawings, which)
        print(f"seen in {DRAWN} pictures drawn by captions:", sees(Drawn(pictures, about), list(range(DRAWN))))
        print("seen in the drawings of those captions:", sees(held_out, chosen))
        kinds = {key: len({entry[key] for entry in held_out.about}) for key in ("subject", "style", "colour")}
        print("chance:", {key: round(1 / count, 3) for key, count in kinds.items()})


if __name__ == "__main__":
    main()
