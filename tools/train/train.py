#!/usr/bin/python3
"""Trains the small family of models: ./train.py STAGE --state FOLDER. Stages: vae, latents, base; all: one after the
other, where the autoencoder that comes with the program is taken unless STATE has one in training. Every stage goes on
from where it was stopped. export writes what is trained so far as a checkpoint file, export-vae the autoencoder alone."""
import argparse
import os
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent

STAGES = ["vae", "latents", "decoder", "base", "vision", "ip", "control", "upscaler", "style"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "all", "export", "export-vae", "export-all"])
    parser.add_argument("--state", type=Path, required=True, help="data, checkpoints, logs and sheets; not in git")
    parser.add_argument("--config", type=Path, default=HERE / "config/family.toml")
    parser.add_argument("--out", type=Path, default=Path("easel-small.safetensors"), help="the file that export writes")
    parser.add_argument("--until", type=lambda v: time.mktime(time.strptime(time.strftime("%Y-%m-%d ") + v,
                        "%Y-%m-%d %H:%M")), help="HH:MM of today when the stage ends, instead of after its steps")
    parser.add_argument("--idle", action="store_true", help="take only the time that no other process wants")
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    if args.until and args.stage in config:
        config[args.stage] |= {"until": args.until, "steps": 1_000_000}
    if args.idle:
        os.nice(19)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Threads that wait must sleep: beside other work, spinning ones cost more than the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OMP_NUM_THREADS", str(config["threads"]))
    import torch
    import export
    import stage_base
    import stage_latents
    import stage_control
    import stage_ip
    import stage_style
    import stage_upscaler
    import stage_vae
    import stage_vision
    torch.set_num_threads(config["threads"])
    torch.set_flush_denormal(True)
    exports = {"export": export.checkpoint, "export-vae": export.autoencoder, "export-all": export.family}
    if args.stage in exports:
        exports[args.stage](config, args.state, args.out)
        return 0
    stages = {"vae": stage_vae.train, "latents": stage_latents.run, "decoder": stage_vae.train_decoder,
              "base": stage_base.train, "vision": stage_vision.train, "ip": stage_ip.train, "control": stage_control.train,
              "upscaler": stage_upscaler.train, "style": stage_style.train}
    if args.stage == "all" and stage_vae.SHIPPED.exists() and not (args.state / "vae/checkpoint.pt").exists():
        del stages["vae"]
    for name, stage in stages.items():
        if args.stage in (name, "all") and not stage(config, args.state):
            return 130  # stopped; what there was to save is saved
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
