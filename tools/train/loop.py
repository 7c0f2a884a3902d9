"""What every stage's training has in common: steps, learning rate, checkpoints, log, sheets."""
import fcntl
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import fast
from data import DEVICE
from layers import halve


def write_atomically(path, write):
    """`write(file name)` beside `path`, flushed, then renamed into place: the old file or the new one, never half."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    write(part)
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def save_sheet(path, rows):
    """Rows of uint8 pictures [N,H,W,3] as one PNG."""
    sheet = np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)
    write_atomically(path, lambda part: Image.fromarray(sheet).save(part, "PNG"))


class Run:
    """One stage's training. A stage gives its modules and three functions:
        loss(step) -> scalar tensor, dict of numbers for the log
        check(step) -> dict of numbers on held-out data
        sheet(path)
    State lies in STATE/NAME: checkpoint.pt, log.jsonl, sheet-STEP.png."""

    def __init__(self, name, state, config, modules, loss, check, sheet):
        self.name, self.config = name, config
        self.folder = Path(state) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pause = Path(state) / "pause"
        self.lock = open(self.folder / "lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"{self.folder} is being trained by another process") from None
        self.modules = torch.nn.ModuleDict(modules).to(DEVICE)
        for name in config.get("bf16", []) if fast.half() else []:
            halve(self.modules[name])
        self.loss, self.check, self.sheet = loss, check, sheet
        self.parameters = [p for p in self.modules.parameters() if p.requires_grad]
        self.optimizer = fast.AdamW(self.parameters, config.get("weight_decay", 0.0), config.get("ema", 0.999))
        self.step, self.seconds, self.stopping, self.began = 0, 0.0, False, time.time()

    @property
    def checkpoint(self):
        return self.folder / "checkpoint.pt"

    @property
    def progress(self):
        """0 at the first step, 1 at the last: by steps, or by the clock where the config says `until` (unix time)."""
        c = self.config
        by_clock = (time.time() - self.began) / max(1.0, c["until"] - self.began) if "until" in c else 0.0
        return min(1.0, max(self.step / c["steps"], by_clock))

    def learning_rate(self):
        """Up over `warmup` steps, level for the part `level` of all, then half a cosine down to a hundredth at the end."""
        c = self.config
        up = min(1.0, (self.step + 1) / c["warmup"])
        level = c.get("level", 0.0)
        down = 0.5 * (1 + np.cos(np.pi * max(0.0, self.progress - level) / (1 - level)))
        return c["lr"] * up * max(down, 0.01)

    def save(self):
        content = {"step": self.step, "began": self.began, "seconds": self.seconds, "config": self.config,
                   "modules": self.modules.state_dict(), "optimizer": self.optimizer.state_dict(),
                   "average": self.optimizer.averages, "random": torch.get_rng_state()}
        write_atomically(self.checkpoint, lambda part: torch.save(content, part))

    def resume(self):
        if not self.checkpoint.exists():
            return
        content = torch.load(self.checkpoint, map_location=DEVICE)
        if content["config"]["model"] != self.config["model"]:
            raise SystemExit(f"{self.checkpoint} was trained as {content['config']['model']}, the config says "
                             f"{self.config['model']}: move it away or restore the config")
        self.modules.load_state_dict(content["modules"])
        self.optimizer.load(content["optimizer"], content["average"])
        torch.set_rng_state(content["random"].cpu())
        self.step, self.seconds, self.began = content["step"], content["seconds"], content["began"]

    def log(self, entry):
        line = json.dumps({"step": self.step, "cpu_hours": round(self.seconds / 3600, 4), **entry})
        with open(self.folder / "log.jsonl", "a") as file:
            file.write(line + "\n")
        print(f"{time.strftime('%H:%M:%S')} {self.name} {line}", flush=True)

    def inspect(self):
        with self.optimizer, torch.no_grad():
            self.modules.eval()
            self.log({"held_out": self.check(self.step)})
            self.sheet(self.folder / f"sheet-{self.step:06d}.png")
            self.modules.train()

    def train(self):
        """To the last step of the config; false when SIGTERM or SIGINT came before it. A file STATE/pause makes it
        wait."""
        stop = lambda *_: setattr(self, "stopping", True)
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.resume()
            self.modules.train()
            self.run()
            self.save()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.lock.close()
        return not self.stopping

    def run(self):
        c = self.config
        sums, since, saved = {}, 0, time.time()
        last = min(c["steps"], c.get("stop_at", c["steps"]))
        while self.step < last and self.progress < 1 and not self.stopping:
            if self.pause.exists():
                time.sleep(2)
                continue
            start = time.process_time()
            loss, numbers = self.learn()
            self.seconds += time.process_time() - start
            self.step += 1
            since += 1
            for key, value in {"loss": loss, **numbers}.items():
                sums[key] = sums.get(key, 0.0) + value
            if self.step % c["log_every"] == 0:
                self.log({key: round(value / since, 5) for key, value in sums.items()})
                sums, since = {}, 0
            if self.step % c["sheet_every"] == 0 or self.step == c["steps"]:
                self.inspect()
                self.save()
            if time.time() - saved > c.get("save_seconds", 300):
                self.save()
                saved = time.time()

    def learn(self):
        """One step."""
        loss, numbers = self.loss(self.step)
        for p in self.parameters:
            p.grad = None
        loss.backward()
        self.optimizer.step(self.learning_rate(), self.config.get("clip", 1.0))
        return float(loss), numbers
