#!/usr/bin/env python3
"""Prints the values that token_merging_test.cc expects: an attention with merged queries written down in numpy, in f64,
with the random numbers of MT19937, which are torch's. Needs numpy.
"""
import math

import numpy as np


def sines(shape, phase):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (np.sin(i * 0.7 + phase) * 0.9).astype(np.float32).astype(np.float64).reshape(shape)


HEIGHT, WIDTH, HEADS = 5, 6, 2
RATIO = 0.4
rows, q, k, v = (sines((2, HEIGHT * WIDTH, 8), phase) ** 3 for phase in (1, 2, 3, 4))

raw = np.random.RandomState(7).randint(0, 2**32, size=(HEIGHT // 2) * (WIDTH // 2), dtype=np.uint64)
staying = []
for n, number in enumerate(raw):
    i, j = divmod(n, WIDTH // 2)
    drawn = int(number) % 4
    staying.append((2 * i + drawn // 2) * WIDTH + 2 * j + drawn % 2)
staying = sorted(staying)
others = [t for t in range(HEIGHT * WIDTH) if t not in staying]
print("staying", staying)

out = np.zeros_like(q)
for n in range(2):
    unit = rows[n] / np.linalg.norm(rows[n], axis=-1, keepdims=True)
    scores = unit[others] @ unit[staying].T
    order = np.argsort(-scores.max(-1), kind="stable")[: int(HEIGHT * WIDTH * RATIO)]
    groups = {t: [t] for t in range(HEIGHT * WIDTH)}
    for at in order:
        into = staying[int(scores[at].argmax())]
        groups[into].append(others[at])
        del groups[others[at]]
    if n == 0:
        print("groups", [g for g in groups.values() if len(g) > 1])
    for members in groups.values():
        query = q[n, members].mean(0)
        for h in range(HEADS):
            part = slice(h * 4, h * 4 + 4)
            weights = np.exp(k[n][:, part] @ query[part] / math.sqrt(4))
            out[n, members, part] = weights / weights.sum() @ v[n][:, part]
flat = out.ravel()
print("merged", [round(float(flat[i]), 7) for i in (0, 1, flat.size // 2, flat.size - 1)],
      "rms", round(float(np.sqrt((flat**2).mean())), 7))
