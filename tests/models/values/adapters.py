#!/usr/bin/env python3
"""Prints the values that gligen_test.cc and hypernetwork_test.cc expect: the networks written down in numpy, in f64.

Needs numpy. Weights and inputs are the formula of the tests: 0.9 sin(0.7 i + phase) at flat index i, in f32, times a
factor in f32 for weights; the phases count the tensors.
"""
import math

import numpy as np

np.set_printoptions(precision=9)


def sines(shape, phase, factor=1.0):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = (np.sin(i * 0.7 + phase) * 0.9).astype(np.float32) * np.float32(factor)
    return values.astype(np.float64).reshape(shape)


def show(name, x):
    flat = np.ravel(x)
    n = flat.size
    four = [flat[k] for k in (0, 1, n // 2, n - 1)]
    print(name, ", ".join(f"{v:.7f}f" for v in four), f"rms {math.sqrt((flat * flat).mean()):.7f}")


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def layer_norm(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias


# GLIGEN: texts of width 12, tokens of width 12, one spatial transformer of 16 channels and one of 32.
TEXT, HIDDEN = 12, 20
PLACE = 64


class Weights:
    """Tensors in the order in which the test makes them."""

    def __init__(self):
        self.count = 0

    def next(self, *shape):
        self.count += 1
        return sines(shape, self.count, 0.3)


def gligen():
    w = Weights()
    null_text, null_place = w.next(TEXT), w.next(PLACE)
    linears = [(w.next(HIDDEN, TEXT + PLACE), w.next(HIDDEN)), (w.next(HIDDEN, HIDDEN), w.next(HIDDEN)),
               (w.next(TEXT, HIDDEN), w.next(TEXT))]
    fusers = []
    for c in (16, 32):
        fusers.append({"gates": (w.next(1)[0], w.next(1)[0]),
                       "linear": (w.next(c, TEXT), w.next(c)),
                       "q": w.next(c, c), "k": w.next(c, c), "v": w.next(c, c),
                       "out": (w.next(c, c), w.next(c)),
                       "in": (w.next(8 * c, c), w.next(8 * c)),
                       "ff": (w.next(c, 4 * c), w.next(c)),
                       "norm1": (1 + w.next(c), w.next(c)), "norm2": (1 + w.next(c), w.next(c))})

    # Two boxes on a latent of 24 x 40: (height, width, y, x) = (8, 16, 4, 10) and (24, 5, 0, 35).
    rows = []
    for k, (height, width, y, x) in enumerate([(8, 16, 4, 10), (24, 5, 0, 35)]):
        corners = np.array([x / 40, y / 24, (x + width) / 40, (y + height) / 24])
        place = []
        for i in range(8):
            frequency = 100.0 ** (i / 8)
            place += list(np.sin(frequency * corners)) + list(np.cos(frequency * corners))
        rows.append(np.concatenate([sines((TEXT,), 50 + k), place]))
    rows += [np.concatenate([null_text, null_place])] * 28
    tokens = np.array(rows)
    for k, (weight, bias) in enumerate(linears):
        tokens = tokens @ weight.T + bias
        if k < 2:
            tokens = silu(tokens)
    show("tokens", tokens)

    for at, (c, heads) in enumerate([(16, 2), (32, 4)]):
        f = fusers[at]
        out = []
        for sample in sines((2, 15, c), 90 + at):
            things = tokens @ f["linear"][0].T + f["linear"][1]
            normed = layer_norm(np.concatenate([sample, things]), *f["norm1"])
            q, k, v = (normed @ f[name].T for name in "qkv")
            mixed = np.zeros_like(q)
            for h in range(heads):
                part = slice(h * c // heads, (h + 1) * c // heads)
                scores = q[:, part] @ k[:, part].T / math.sqrt(c // heads)
                weights = np.exp(scores - scores.max(-1, keepdims=True))
                mixed[:, part] = weights / weights.sum(-1, keepdims=True) @ v[:, part]
            x = sample + math.tanh(f["gates"][0]) * (mixed @ f["out"][0].T + f["out"][1])[:15]
            inner, gate = np.split(layer_norm(x, *f["norm2"]) @ f["in"][0].T + f["in"][1], 2, axis=-1)
            x = x + math.tanh(f["gates"][1]) * ((inner * gelu(gate)) @ f["ff"][0].T + f["ff"][1])
            out.append(x)
        show(f"fused {at}", np.array(out))


# Hypernetworks for rows of 16 numbers, of structure 1, 2, 1.
ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leakyrelu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
}


def hypernetwork(activation, norms, at_the_end):
    act = ACTIVATIONS[activation]
    w = Weights()
    rows = sines((2, 5, 16), 7)
    changed = []
    for _ in ("keys", "values"):
        x = rows
        for last, (out, inner) in enumerate([(32, 16), (16, 32)]):
            weight, bias = w.next(out, inner), w.next(out)
            x = x @ weight.T * 4 + bias
            # With norms the last weight of all is a norm's, so that ComfyUI activates the last linear layer as well.
            if not last or at_the_end or norms:
                x = act(x)
            if norms:
                x = layer_norm(x, 1 + w.next(out), w.next(out))
        changed.append(rows + 0.75 * x)
    name = activation + (" norms" if norms else "") + (" end" if at_the_end else "")
    show(name + " key", changed[0])
    show(name + " value", changed[1])


gligen()
for name in ACTIVATIONS:
    hypernetwork(name, False, False)
hypernetwork("relu", False, True)
hypernetwork("relu", True, False)
hypernetwork("tanh", True, True)
