"""Trained stages as model files in the published layout."""
import torch

import stage_base
import stage_vae
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
