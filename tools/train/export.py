"""Trained stages as model files in the published layout."""
import torch

import stage_base
import stage_control
import stage_ip
import stage_style
import stage_upscaler
import stage_vae
import stage_vision
from model_file import write_safetensors


def halves(state_dict, prefix):
    """f16: these small weights lose nothing by it; each is contiguous as the published files have them."""
    return {prefix + name: value.detach().cpu().to(torch.float16).contiguous() for name, value in state_dict.items()}


def autoencoder(config, state, path):
    """The VAE alone, as a file for models/vae."""
    write_safetensors(path, halves(stage_vae.finished(config, state).state_dict(), "first_stage_model."))


def checkpoint(config, state, path):
    """UNet, VAE and text encoder in one file, as v1-5-pruned-emaonly is."""
    unet, text, words = stage_base.finished(config, state)
    vae = stage_vae.finished(config, state)
    encoder = text.state_dict()
    table = "text_model.embeddings.token_embedding.weight"
    encoder[table] = words.table(encoder[table].cpu())
    tensors = halves(unet.state_dict(), "model.diffusion_model.")
    tensors |= halves(vae.state_dict(), "first_stage_model.")
    tensors |= halves(encoder, "cond_stage_model.transformer.")
    write_safetensors(path, tensors)


def adapter(config, state, stage, network, prefix, path):
    """A stage's one network with averaged parameters."""
    content = torch.load(state / stage / "checkpoint.pt", map_location="cpu")
    network.load_state_dict({k.split(".", 1)[1]: v for k, v in content["modules"].items()})
    with torch.no_grad():
        for p, value in zip((p for p in network.parameters() if p.requires_grad), content["average"]):
            p.copy_(value)
    write_safetensors(path, halves(network.state_dict(), prefix))


def family(config, state, folder):
    """Everything that is trained so far, in the folders of models/."""
    there = lambda stage: (state / stage / "checkpoint.pt").exists()
    checkpoint(config, state, folder / "checkpoints/easel-small.safetensors")
    unet = stage_base.finished(config, state)[0]
    if there("vision"):
        vision = stage_vision.finished(config, state)["vision"]
        write_safetensors(folder / "clip_vision/easel-small-vision.safetensors", halves(vision.state_dict(), ""))
    if there("ip"):
        adapter(config, state, "ip", stage_ip.build(config, unet), "", folder / "ipadapter/easel-small-ip.safetensors")
    if there("control"):
        adapter(config, state, "control", stage_control.build(config), "control_model.",
                folder / "controlnet/easel-small-canny.safetensors")
    if there("upscaler"):
        adapter(config, state, "upscaler", stage_upscaler.build(config), "",
                folder / "upscale_models/easel-small-x2.safetensors")
    if there("style"):
        adapter(config, state, "style", stage_style.build(config), "", folder / "style_models/easel-small-style.safetensors")
