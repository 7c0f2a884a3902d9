"""safetensors files, and the ones that come with the program."""
import json
import struct
from pathlib import Path

import numpy as np
import torch

from loop import write_atomically

MODELS = Path(__file__).resolve().parents[2] / "assets/models"
SHIPPED = MODELS / "checkpoints/easel-small.safetensors"
NAMES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}


def write_safetensors(path, tensors, about=None):
    """The largest first, as its readers like it; values as they are."""
    header, offset = {}, 0
    if about:
        header["__metadata__"] = {key: str(value) for key, value in about.items()}
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].numel(), item[0]))
    for name, tensor in ordered:
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)

    def write(part):
        with open(part, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for _, tensor in ordered:
                raw = tensor.contiguous()
                file.write(raw.view(torch.int16 if tensor.element_size() == 2 else torch.int32).numpy().tobytes()
                           if raw.dim() else raw.numpy().tobytes())

    write_atomically(path, write)


def read_safetensors(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    kinds = {"F16": np.float16, "F32": np.float32}
    out = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            first, last = (8 + length + o for o in entry["data_offsets"])
            out[name] = np.frombuffer(data[first:last], kinds[entry["dtype"]]).reshape(entry["shape"])
    return out


def shipped(path, prefix):
    """The f32 state dict of the part of a file whose names begin with `prefix`."""
    return {name[len(prefix):]: torch.tensor(value.astype(np.float32))
            for name, value in read_safetensors(path).items() if name.startswith(prefix)}


def begin_with_shipped(network, path, prefix=""):
    """Training that has no checkpoint yet goes on from the file that comes with the program, where that has this shape."""
    if (MODELS / path).exists():
        values = shipped(MODELS / path, prefix)
        mine = network.state_dict()
        if values.keys() == mine.keys() and all(values[k].shape == mine[k].shape for k in mine):
            network.load_state_dict(values)
