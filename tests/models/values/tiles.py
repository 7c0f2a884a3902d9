#!/usr/bin/env python3
"""Prints the values that hyper_tile_test.cc expects: the sides and the draws by Python's own random module, and an
attention in tiles written down in numpy, in f64. Needs numpy.
"""
import math
import random

import numpy as np


def sines(shape, phase):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (np.sin(i * 0.7 + phase) * 0.9).astype(np.float32).astype(np.float64).reshape(shape)


def sides(tokens, aspect):
    h, w = round(math.sqrt(tokens * aspect)), round(math.sqrt(tokens / aspect))
    if h * w == tokens:
        return h, w
    if tokens % h == 0:
        return h, tokens // h
    if tokens % w == 0:
        return tokens // w, w
    pairs = [(i, tokens // i) for i in range(2, tokens + 1) if tokens % i == 0]
    return min(pairs, key=lambda p: abs(p[1] / p[0] - aspect))


def tiles(size, least, options, seed):
    divisors = [i for i in range(min(least, size), size + 1) if size % i == 0]
    counts = [size // i for i in divisors[:options]]
    random.seed(seed)
    return counts[random.randint(0, len(counts) - 1)]


def attention(q, k, v, heads):
    out = np.zeros_like(q)
    for h in range(heads):
        part = slice(h * q.shape[1] // heads, (h + 1) * q.shape[1] // heads)
        scores = q[:, part] @ k[:, part].T / math.sqrt(q.shape[1] // heads)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        out[:, part] = weights / weights.sum(-1, keepdims=True) @ v[:, part]
    return out


for tokens, aspect in ((64, 1.0), (96, 1.5), (35, 7 / 5), (30, 9 / 7), (77, 1.3)):
    print("sides", tokens, aspect, sides(tokens, aspect))
for size, least, options in ((96, 16, 6), (64, 4, 3), (13, 4, 2), (100, 8, 128)):
    print("tiles", size, least, options, [tiles(size, least, options, seed) for seed in range(1, 13)])

# Two samples of 8 x 12 tokens, and tiles of 4 tokens or more: the first attention of a run.
q, k, v = (sines((2, 96, 8), phase) for phase in (1, 2, 3))
h, w = sides(96, 1.5)
rows, columns = tiles(h, 4, 2, 1), tiles(w, 4, 2, 2)
print("grid", h, w, rows, columns)
out = np.zeros_like(q)
index = np.arange(96).reshape(rows, h // rows, columns, w // columns).transpose(0, 2, 1, 3).reshape(rows * columns, -1)
for n in range(2):
    for t, where in enumerate(index):
        each = len(where)
        keys = slice(t * each, (t + 1) * each)
        out[n, where] = attention(q[n, where], k[n, keys], v[n, keys], 2)
flat = out.ravel()
print("tiled", [round(float(flat[i]), 7) for i in (0, 1, flat.size // 2, flat.size - 1)],
      "rms", round(float(np.sqrt((flat**2).mean())), 7))
