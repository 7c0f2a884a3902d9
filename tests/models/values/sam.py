#!/usr/bin/env python3
"""Prints the values that sam_test.cc expects: Segment Anything, small, written down in numpy, in f64.

Needs numpy. Weights are the formulas of the test, in the order of the file's tensors.
"""
import math

import numpy as np

from hint_networks import gelu, relu, softmax, summary

WIDTH, HEADS, SIDE, DEC, HIDDEN = 24, 2, 5, 32, 48
WINDOWS = [2, 5]  # of the layers; the last one looks at everything


def chirps(shape, phase):
    """Sines whose frequency grows, so that no tensor is a sum of a few products of rows and columns."""
    i = np.arange(math.prod(shape), dtype=np.float64)
    return (np.sin(i * 0.7 + i * i * 0.011 + phase) * 0.9).astype(np.float32).reshape(shape)


class Made(dict):
    """Tensors by name; the phase of each counts up."""

    def __init__(self, gain):
        super().__init__()
        self.gain = gain

    def add(self, name, *shape):
        s = chirps(shape, float(len(self)))
        if len(shape) == 1:
            v = s * np.float32(0.1) + np.float32(1 if name.endswith("weight") else 0)
        else:
            v = s * np.float32(self.gain / math.sqrt(math.prod(shape[1:])))
        self[name] = v.astype(np.float64)

    def layer(self, name, *shape):
        self.add(name + ".weight", *shape)
        self.add(name + ".bias", shape[0])


def names(w):
    e = "image_encoder."
    w.add(e + "pos_embed", 1, SIDE, SIDE, WIDTH)
    w.layer(e + "patch_embed.proj", WIDTH, 3, 16, 16)
    for i, s in enumerate(WINDOWS):
        p = f"{e}blocks.{i}."
        w.layer(p + "norm1", WIDTH)
        w.add(p + "attn.rel_pos_h", 2 * s - 1, WIDTH // HEADS)
        w.add(p + "attn.rel_pos_w", 2 * s - 1, WIDTH // HEADS)
        w.layer(p + "attn.qkv", 3 * WIDTH, WIDTH)
        w.layer(p + "attn.proj", WIDTH, WIDTH)
        w.layer(p + "norm2", WIDTH)
        w.layer(p + "mlp.lin1", 4 * WIDTH, WIDTH)
        w.layer(p + "mlp.lin2", WIDTH, 4 * WIDTH)
    w.add(e + "neck.0.weight", DEC, WIDTH, 1, 1)
    w.layer(e + "neck.1", DEC)
    w.add(e + "neck.2.weight", DEC, DEC, 3, 3)
    w.layer(e + "neck.3", DEC)
    q = "prompt_encoder."
    w.add(q + "pe_layer.positional_encoding_gaussian_matrix", 2, DEC // 2)
    for i in range(4):
        w.add(f"{q}point_embeddings.{i}.weight", 1, DEC)
    w.add(q + "not_a_point_embed.weight", 1, DEC)
    w.add(q + "no_mask_embed.weight", 1, DEC)
    d = "mask_decoder."
    for i in range(2):
        p = f"{d}transformer.layers.{i}."
        attention(w, p + "self_attn", DEC)
        w.layer(p + "norm1", DEC)
        attention(w, p + "cross_attn_token_to_image", DEC // 2)
        w.layer(p + "norm2", DEC)
        w.layer(p + "mlp.lin1", HIDDEN, DEC)
        w.layer(p + "mlp.lin2", DEC, HIDDEN)
        w.layer(p + "norm3", DEC)
        w.layer(p + "norm4", DEC)
        attention(w, p + "cross_attn_image_to_token", DEC // 2)
    attention(w, d + "transformer.final_attn_token_to_image", DEC // 2)
    w.layer(d + "transformer.norm_final_attn", DEC)
    w.add(d + "iou_token.weight", 1, DEC)
    w.add(d + "mask_tokens.weight", 4, DEC)
    w.add(d + "output_upscaling.0.weight", DEC, DEC // 4, 2, 2)
    w.add(d + "output_upscaling.0.bias", DEC // 4)
    w.layer(d + "output_upscaling.1", DEC // 4)
    w.add(d + "output_upscaling.3.weight", DEC // 4, DEC // 8, 2, 2)
    w.add(d + "output_upscaling.3.bias", DEC // 8)
    for i in range(4):
        chain(w, f"{d}output_hypernetworks_mlps.{i}", DEC // 8)
    chain(w, d + "iou_prediction_head", 4)


def attention(w, p, inner):
    for name in ("q_proj", "k_proj", "v_proj"):
        w.layer(f"{p}.{name}", inner, DEC)
    w.layer(p + ".out_proj", DEC, inner)


def chain(w, p, out):
    for i, o in enumerate((DEC, DEC, out)):
        w.layer(f"{p}.layers.{i}", o, DEC)


def norm(w, p, x, eps):
    m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - m) / np.sqrt(v + eps) * w[p + ".weight"] + w[p + ".bias"]


def linear(w, p, x):
    return x @ w[p + ".weight"].T + w[p + ".bias"]


def window_attention(w, p, x, s):  # [s,s,WIDTH]
    hd = WIDTH // HEADS
    qkv = linear(w, p + "qkv", x.reshape(s * s, WIDTH)).reshape(s * s, 3, HEADS, hd)
    out = np.zeros((s * s, HEADS, hd))
    at = np.arange(s)[:, None] - np.arange(s)[None, :] + s - 1
    rh, rw = w[p + "rel_pos_h"][at], w[p + "rel_pos_w"][at]
    for h in range(HEADS):
        q, k, v = qkv[:, 0, h], qkv[:, 1, h], qkv[:, 2, h]
        scores = (q @ k.T) * hd**-0.5
        g = q.reshape(s, s, hd)
        rows = np.einsum("hwc,hkc->hwk", g, rh)
        columns = np.einsum("hwc,wkc->hwk", g, rw)
        scores = (scores.reshape(s, s, s, s) + rows[:, :, :, None] + columns[:, :, None, :]).reshape(s * s, s * s)
        out[:, h] = softmax(scores) @ v
    return linear(w, p + "proj", out.reshape(s * s, WIDTH)).reshape(s, s, WIDTH)


def encode(w, pixels):
    e = "image_encoder."
    kernel = w[e + "patch_embed.proj.weight"]
    cells = pixels.reshape(SIDE, 16, SIDE, 16, 3).transpose(0, 2, 4, 1, 3).reshape(SIDE, SIDE, -1)
    x = cells @ kernel.reshape(WIDTH, -1).T + w[e + "patch_embed.proj.bias"] + w[e + "pos_embed"][0]
    for i, s in enumerate(WINDOWS):
        p = f"{e}blocks.{i}."
        y = norm(w, p + "norm1", x, 1e-6)
        n = -(-SIDE // s)
        padded = np.zeros((n * s, n * s, WIDTH))
        padded[:SIDE, :SIDE] = y
        for a in range(n):
            for b in range(n):
                part = np.s_[a * s : a * s + s, b * s : b * s + s]
                padded[part] = window_attention(w, p + "attn.", padded[part].copy(), s)
        x = x + padded[:SIDE, :SIDE]
        x = x + linear(w, p + "mlp.lin2", gelu(linear(w, p + "mlp.lin1", norm(w, p + "norm2", x, 1e-6))))
    x = norm(w, e + "neck.1", x @ w[e + "neck.0.weight"][:, :, 0, 0].T, 1e-6)
    k, p = w[e + "neck.2.weight"], np.pad(x, [(1, 1), (1, 1), (0, 0)])
    y = sum(p[i : i + SIDE, j : j + SIDE] @ k[:, :, i, j].T for i in range(3) for j in range(3))
    return norm(w, e + "neck.3", y, 1e-6)


def codes(w, places):
    turn = 2 * math.pi * ((2 * np.array(places) - 1) @ w["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"])
    return np.concatenate([np.sin(turn), np.cos(turn)], -1)


def attend(w, p, q, k, v):
    q, k, v = linear(w, p + ".q_proj", q), linear(w, p + ".k_proj", k), linear(w, p + ".v_proj", v)
    n = q.shape[1] // 8
    out = np.concatenate([softmax(q[:, i * n : i * n + n] @ k[:, i * n : i * n + n].T / math.sqrt(n)) @
                          v[:, i * n : i * n + n] for i in range(8)], -1)
    return linear(w, p + ".out_proj", out)


def mlp(w, p, x):
    x = relu(linear(w, p + ".layers.0", x))
    return linear(w, p + ".layers.2", relu(linear(w, p + ".layers.1", x)))


def enlarge(w, p, x):
    k = w[p + ".weight"]
    out = np.zeros((2 * x.shape[0], 2 * x.shape[1], k.shape[1]))
    for i in range(2):
        for j in range(2):
            out[i::2, j::2] = x @ k[:, :, i, j]
    return out + w[p + ".bias"]


def decode(w, encoded, prompts):
    q, d = "prompt_encoder.", "mask_decoder."
    role = [w[f"{q}point_embeddings.{i}.weight"][0] for i in range(4)]
    tokens = [w[d + "iou_token.weight"], w[d + "mask_tokens.weight"]]
    for kind, x, y in prompts:
        tokens.append(w[q + "not_a_point_embed.weight"] if kind < 0 else codes(w, [[x, y]]) + role[kind])
    asked = np.concatenate(tokens)
    middles = [[(j + 0.5) / SIDE, (i + 0.5) / SIDE] for i in range(SIDE) for j in range(SIDE)]
    at = codes(w, middles)
    cells, rows = encoded.reshape(-1, DEC) + w[q + "no_mask_embed.weight"], asked
    for i in range(2):
        p = f"{d}transformer.layers.{i}."
        if i == 0:
            rows = attend(w, p + "self_attn", rows, rows, rows)
        else:
            rows = rows + attend(w, p + "self_attn", rows + asked, rows + asked, rows)
        rows = norm(w, p + "norm1", rows, 1e-5)
        rows = norm(w, p + "norm2", rows + attend(w, p + "cross_attn_token_to_image", rows + asked, cells + at, cells), 1e-5)
        rows = norm(w, p + "norm3", rows + linear(w, p + "mlp.lin2", relu(linear(w, p + "mlp.lin1", rows))), 1e-5)
        cells = norm(w, p + "norm4", cells + attend(w, p + "cross_attn_image_to_token", cells + at, rows + asked, rows), 1e-5)
    p = d + "transformer."
    rows = norm(w, p + "norm_final_attn",
                rows + attend(w, p + "final_attn_token_to_image", rows + asked, cells + at, cells), 1e-5)
    up = norm(w, d + "output_upscaling.1", enlarge(w, d + "output_upscaling.0", cells.reshape(SIDE, SIDE, DEC)), 1e-6)
    up = gelu(enlarge(w, d + "output_upscaling.3", gelu(up)))
    masks = np.stack([up @ mlp(w, f"{d}output_hypernetworks_mlps.{i}", rows[1 + i]) for i in (1, 2, 3)], -1)
    return masks, mlp(w, d + "iou_prediction_head", rows[0])[1:]


w = Made(1.5)
names(w)
encoded = encode(w, chirps((16 * SIDE, 16 * SIDE, 3), 0.25).astype(np.float64))
summary("encoded", encoded)
for name, prompts in (("point and box", [(1, 0.3, 0.6), (2, 0.2, 0.4), (3, 0.7, 0.9)]),
                      ("points", [(1, 0.3, 0.6), (0, 0.8, 0.1), (-1, 0, 0)]), ("nothing", [])):
    masks, quality = decode(w, encoded, prompts)
    summary(name, masks)
    print("  quality", ", ".join(f"{v:.8g}" for v in quality))
