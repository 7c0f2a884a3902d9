#!/usr/bin/env python3
"""Prints the values that hint_networks_test.cc expects: the networks written down in numpy, in f64.

Needs numpy. Weights are the formulas of the test, in the order of the files' tensors.
"""
import math

import numpy as np


def sines(shape, phase):
    count = math.prod(shape)
    return (np.sin(np.arange(count) * 0.7 + phase) * 0.9).astype(np.float32).reshape(shape)


class Made(dict):
    """Tensors by name; the phase of each counts up."""

    def __init__(self, gain):
        super().__init__()
        self.gain = gain

    def add(self, name, *shape):
        s = sines(shape, float(len(self)))
        if len(shape) == 1 and name.endswith("weight"):
            v = s * np.float32(0.1) + np.float32(1)
        elif len(shape) == 1:
            v = s * np.float32(0.3 if name.endswith("gamma") else 0.1)
        else:
            v = s * np.float32(self.gain / math.sqrt(math.prod(shape[1:])))
        self[name] = v.astype(np.float64)

    def layer(self, name, *shape):
        self.add(name + ".weight", *shape)
        self.add(name + ".bias", shape[0])


def conv(w, name, x, stride=1, bias=True):  # x [H,W,C]
    kernel = w[name + ".weight"]
    k = kernel.shape[2]
    x = np.pad(x, [(k // 2, k // 2), (k // 2, k // 2), (0, 0)])
    h, v = (x.shape[0] - k) // stride + 1, (x.shape[1] - k) // stride + 1
    out = np.zeros((h, v, kernel.shape[0]))
    for i in range(k):
        for j in range(k):
            out += x[i : i + stride * h : stride, j : j + stride * v : stride] @ kernel[:, :, i, j].T
    return out + (w[name + ".bias"] if bias else 0)


def relu(x):
    return np.maximum(x, 0)


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def summary(name, x):
    f = np.ravel(x)
    n = len(f)
    print(name, x.shape, "{" + ", ".join(f"{f[i]:.8g}" for i in (0, 1, n // 2, n - 1)) + "}",
          f"{math.sqrt((f ** 2).mean()):.8g}")


# --- OpenPose ---
def pooled(x):
    h, w, c = x.shape
    return x.reshape(h // 2, 2, w // 2, 2, c).max(axis=(1, 3))


TRUNK = [["conv1_1", "conv1_2"], ["conv2_1", "conv2_2"], ["conv3_1", "conv3_2", "conv3_3", "conv3_4"]]


def trunk_weights(w, c):
    last = 3
    for names, out in zip(TRUNK + [["conv4_1", "conv4_2"]], (c, 2 * c, 4 * c, 8 * c)):
        for name in names:
            w.layer(name, out, last, 3, 3)
            last = out
    return last


def chain(w, names, x, last=False):
    for i, name in enumerate(names):
        x = conv(w, name, x)
        if last or i + 1 < len(names):
            x = relu(x)
    return x


def run_trunk(w, x, rest):
    for names in TRUNK:
        x = pooled(chain(w, names, x, True))
    return chain(w, ["conv4_1", "conv4_2"] + rest, x, True)


def stage(s, ending):
    return [f"Mconv{i}_stage{s}{ending}" for i in range(1, 8)]


def bodies():
    c, w = 4, Made(2.2)
    width = trunk_weights(w, c)
    w.layer("conv4_3_CPM", 4 * c, width, 3, 3)
    w.layer("conv4_4_CPM", 2 * c, 4 * c, 3, 3)
    width = 2 * c
    for ending, out in (("_L1", 38), ("_L2", 19)):
        for i, (o, n, k) in enumerate(((width, width, 3),) * 3 + ((8 * c, width, 1), (out, 8 * c, 1))):
            w.layer(f"conv5_{i + 1}_CPM{ending}", o, n, k, k)
        for s in range(2, 7):
            n = 57 + width
            for i, name in enumerate(stage(s, ending)):
                o, k = (out if i == 6 else width), (7 if i < 5 else 1)
                w.layer(name, o, n, k, k)
                n = o
    x = run_trunk(w, (sines((16, 24, 3), 0.25) * np.float32(0.5)).astype(float), ["conv4_3_CPM", "conv4_4_CPM"])
    fields, heat = (chain(w, [f"conv5_{i}_CPM{e}" for i in range(1, 6)], x) for e in ("_L1", "_L2"))
    for s in range(2, 7):
        seen = np.concatenate([fields, heat, x], axis=2)
        fields, heat = chain(w, stage(s, "_L1"), seen), chain(w, stage(s, "_L2"), seen, s == 6)
    summary("fields", fields)
    summary("heat", heat)


def hands():
    c, w, parts = 4, Made(2.2), 22
    last = trunk_weights(w, c)
    rest = ["conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3_CPM"]
    for name in rest:
        out = 2 * c if name.endswith("CPM") else 8 * c
        w.layer(name, out, last, 3, 3)
        last = out
    w.layer("conv6_1_CPM", 8 * c, last, 1, 1)
    w.layer("conv6_2_CPM", parts, 8 * c, 1, 1)
    for s in range(2, 7):
        n = parts + last
        for i, name in enumerate(stage(s, "")):
            o, k = (parts if i == 6 else last), (7 if i < 5 else 1)
            w.layer(name, o, n, k, k)
            n = o
    x = run_trunk(w, (sines((16, 24, 3), 0.25) * np.float32(0.5)).astype(float), rest)
    heat = chain(w, ["conv6_1_CPM", "conv6_2_CPM"], x)
    for s in range(2, 7):
        heat = chain(w, stage(s, ""), np.concatenate([heat, x], axis=2))
    summary("hand", heat)


# --- Depth Anything V2 ---
def between_corners(x, height, width):
    def along(x, to):
        at = np.arange(to) * ((len(x) - 1) / (to - 1) if to > 1 else 0)
        low = np.minimum(at.astype(int), len(x) - 1)
        part = (at - low).reshape(-1, *[1] * (x.ndim - 1))
        return x[low] * (1 - part) + x[np.minimum(low + 1, len(x) - 1)] * part

    return along(along(x, height).swapaxes(0, 1), width).swapaxes(0, 1)


def cubic(x, to, factor):
    a = -0.75
    near = lambda d: (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = lambda d: a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    out = []
    for i in range(to):
        at = (i + 0.5) / factor - 0.5
        low = math.floor(at)
        t = at - low
        taps = (far(t + 1), near(t), near(1 - t), far(2 - t))
        out.append(sum(w * x[min(max(low - 1 + k, 0), len(x) - 1)] for k, w in enumerate(taps)))
    return np.array(out)


def norm(w, name, x, eps):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * w[name + ".weight"] + w[name + ".bias"]


def enlarged(w, name, x, times):  # a transposed convolution whose windows do not overlap
    kernel = w[name + ".weight"]
    out = np.zeros((x.shape[0] * times, x.shape[1] * times, kernel.shape[1]))
    for i in range(times):
        for j in range(times):
            out[i::times, j::times] = x @ kernel[:, :, i, j]
    return out + w[name + ".bias"]


def residual(w, name, x):
    return conv(w, name + ".conv2", relu(conv(w, name + ".conv1", relu(x)))) + x


def depth():
    d, layers, f, projected, w = 128, 12, 20, (16, 32, 64, 128), Made(1.5)
    t, h, s = "pretrained.", "depth_head.", "depth_head.scratch."
    w.add(t + "cls_token", 1, 1, d)
    w.add(t + "pos_embed", 1, 37 * 37 + 1, d)
    w.add(t + "mask_token", 1, d)
    w.layer(t + "patch_embed.proj", d, 3, 14, 14)
    for i in range(layers):
        p = f"{t}blocks.{i}"
        w.layer(p + ".norm1", d)
        w.layer(p + ".attn.qkv", 3 * d, d)
        w.layer(p + ".attn.proj", d, d)
        w.add(p + ".ls1.gamma", d)
        w.layer(p + ".norm2", d)
        w.layer(p + ".mlp.fc1", 4 * d, d)
        w.layer(p + ".mlp.fc2", d, 4 * d)
        w.add(p + ".ls2.gamma", d)
    w.layer(t + "norm", d)
    for i in range(4):
        w.layer(f"{h}projects.{i}", projected[i], d, 1, 1)
    w.layer(h + "resize_layers.0", projected[0], projected[0], 4, 4)
    w.layer(h + "resize_layers.1", projected[1], projected[1], 2, 2)
    w.layer(h + "resize_layers.3", projected[3], projected[3], 3, 3)
    for i in range(4):
        w.add(f"{s}layer{i + 1}_rn.weight", f, projected[i], 3, 3)
    for i in range(1, 5):
        w.layer(f"{s}refinenet{i}.out_conv", f, f, 1, 1)
        for unit in ("resConfUnit1", "resConfUnit2"):
            for c in ("conv1", "conv2"):
                w.layer(f"{s}refinenet{i}.{unit}.{c}", f, f, 3, 3)
    w.layer(s + "output_conv1", f // 2, f, 3, 3)
    w.layer(s + "output_conv2.0", 32, f // 2, 3, 3)
    w.layer(s + "output_conv2.2", 1, 32, 1, 1)

    rows, columns = 2, 3
    pixels = sines((rows * 14, columns * 14, 3), 0.25).astype(float)
    patches = pixels.reshape(rows, 14, columns, 14, 3).transpose(0, 2, 4, 1, 3).reshape(rows * columns, -1)
    x = patches @ w[t + "patch_embed.proj.weight"].reshape(d, -1).T + w[t + "patch_embed.proj.bias"]
    places = w[t + "pos_embed"][0, 1:].reshape(37, 37, d)
    places = cubic(places, rows, (rows + 0.1) / 37)
    places = cubic(places.swapaxes(0, 1), columns, (columns + 0.1) / 37).swapaxes(0, 1).reshape(-1, d)
    x = np.concatenate([w[t + "cls_token"][0] + w[t + "pos_embed"][0, :1], x + places])
    kept = []
    for i in range(layers):
        p = f"{t}blocks.{i}"
        qkv = norm(w, p + ".norm1", x, 1e-6) @ w[p + ".attn.qkv.weight"].T + w[p + ".attn.qkv.bias"]
        q, k, v = (part.reshape(-1, d // 64, 64).swapaxes(0, 1) for part in np.split(qkv, 3, axis=1))
        mixed = (softmax(q @ k.swapaxes(1, 2) / 8) @ v).swapaxes(0, 1).reshape(-1, d)
        x = x + w[p + ".ls1.gamma"] * (mixed @ w[p + ".attn.proj.weight"].T + w[p + ".attn.proj.bias"])
        y = gelu(norm(w, p + ".norm2", x, 1e-6) @ w[p + ".mlp.fc1.weight"].T + w[p + ".mlp.fc1.bias"])
        x = x + w[p + ".ls2.gamma"] * (y @ w[p + ".mlp.fc2.weight"].T + w[p + ".mlp.fc2.bias"])
        if i in (2, 5, 8, 11):
            kept.append(norm(w, t + "norm", x, 1e-6)[1:].reshape(rows, columns, d))

    levels = []
    for i, m in enumerate(kept):
        m = conv(w, f"{h}projects.{i}", m)
        if i == 0:
            m = enlarged(w, h + "resize_layers.0", m, 4)
        if i == 1:
            m = enlarged(w, h + "resize_layers.1", m, 2)
        if i == 3:
            m = conv(w, h + "resize_layers.3", m, stride=2)
        levels.append(conv(w, f"{s}layer{i + 1}_rn", m, bias=False))

    x = None
    for i in (4, 3, 2, 1):
        p, here = f"{s}refinenet{i}", levels[i - 1]
        x = here if x is None else x + residual(w, p + ".resConfUnit1", here)
        x = residual(w, p + ".resConfUnit2", x)
        size = levels[i - 2].shape[:2] if i > 1 else (2 * here.shape[0], 2 * here.shape[1])
        x = conv(w, p + ".out_conv", between_corners(x, *size))
    x = between_corners(conv(w, s + "output_conv1", x), rows * 14, columns * 14)
    x = relu(conv(w, s + "output_conv2.2", relu(conv(w, s + "output_conv2.0", x))))
    summary("depth", x)


# --- ZoeDepth ---
def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


def half_pixels(x, to):  # bilinear along the first side
    at = np.maximum((np.arange(to) + 0.5) * len(x) / to - 0.5, 0)
    low = at.astype(int)
    part = (at - low).reshape(-1, *[1] * (x.ndim - 1))
    return x[low] * (1 - part) + x[np.minimum(low + 1, len(x) - 1)] * part


def zoe():
    d, layers, f, projected, w = 128, 12, 32, (16, 24, 32, 40), Made(6)
    t, s, grid, bins, e = "core.core.pretrained.model.", "core.core.scratch.", 24, 64, 16
    along = 2 * grid - 1
    w.add(t + "cls_token", 1, 1, d)
    w.layer(t + "patch_embed.proj", d, 3, 16, 16)
    for i in range(layers):
        p = f"{t}blocks.{i}"
        w.add(p + ".gamma_1", d)
        w.add(p + ".gamma_2", d)
        w.layer(p + ".norm1", d)
        w.add(p + ".attn.q_bias", d)
        w.add(p + ".attn.v_bias", d)
        w.add(p + ".attn.relative_position_bias_table", along * along + 3, d // 64)
        w.add(p + ".attn.qkv.weight", 3 * d, d)
        w.layer(p + ".attn.proj", d, d)
        w.layer(p + ".norm2", d)
        w.layer(p + ".mlp.fc1", 4 * d, d)
        w.layer(p + ".mlp.fc2", d, 4 * d)
    post = "core.core.pretrained.act_postprocess"
    for i, out in enumerate(projected):
        w.layer(f"{post}{i + 1}.0.project.0", d, 2 * d)
        w.layer(f"{post}{i + 1}.3", out, d, 1, 1)
        if i != 2:
            k = (4, 2, 0, 3)[i]
            w.layer(f"{post}{i + 1}.4", out, out, k, k)
    for i in range(4):
        w.add(f"{s}layer{i + 1}_rn.weight", f, projected[i], 3, 3)
    for i in range(1, 5):
        w.layer(f"{s}refinenet{i}.out_conv", f, f, 1, 1)
        for unit in ("resConfUnit1", "resConfUnit2"):
            for c in ("conv1", "conv2"):
                w.layer(f"{s}refinenet{i}.{unit}.{c}", f, f, 3, 3)
    w.layer(s + "output_conv.0", f // 2, f, 3, 3)
    w.layer(s + "output_conv.2", 32, f // 2, 3, 3)
    w.layer(s + "output_conv.4", 1, 32, 1, 1)

    def pair_weights(name, n, hidden, out):
        w.layer(name + ".0", hidden, n, 1, 1)
        w.layer(name + ".2", out, hidden, 1, 1)

    w.layer("conv2", f, f, 1, 1)
    pair_weights("seed_bin_regressor._net", f, f, bins)
    pair_weights("seed_projector._net", f, e, e)
    for i, count in enumerate((16, 8, 4, 1)):
        pair_weights(f"projectors.{i}._net", f, e, e)
        pair_weights(f"attractors.{i}._net", e, e, count)
    pair_weights("conditional_log_binomial.mlp", 33 + e, (33 + e) // 2, 4)

    rows, columns = 4, 6
    count = rows * columns
    pixels = sines((rows * 16, columns * 16, 3), 0.25).astype(float)
    patches = pixels.reshape(rows, 16, columns, 16, 3).transpose(0, 2, 4, 1, 3).reshape(count, -1)
    x = patches @ w[t + "patch_embed.proj.weight"].reshape(d, -1).T + w[t + "patch_embed.proj.bias"]
    x = np.concatenate([w[t + "cls_token"][0], x])
    maps = []
    for i in range(layers):
        p = f"{t}blocks.{i}"
        table = w[p + ".attn.relative_position_bias_table"]
        places = half_pixels(table[:-3].reshape(along, along, -1), 2 * rows - 1)
        places = half_pixels(places.swapaxes(0, 1), 2 * columns - 1).swapaxes(0, 1)
        scores = np.zeros((d // 64, count + 1, count + 1))
        for a in range(count):
            for b in range(count):
                scores[:, a + 1, b + 1] = places[a // columns - b // columns + rows - 1,
                                                 a % columns - b % columns + columns - 1]
        scores[:, 0, 1:] = table[-3][:, None]
        scores[:, 1:, 0] = table[-2][:, None]
        scores[:, 0, 0] = table[-1]
        bias = np.concatenate([w[p + ".attn.q_bias"], np.zeros(d), w[p + ".attn.v_bias"]])
        qkv = norm(w, p + ".norm1", x, 1e-6) @ w[p + ".attn.qkv.weight"].T + bias
        q, k, v = (part.reshape(-1, d // 64, 64).swapaxes(0, 1) for part in np.split(qkv, 3, axis=1))
        mixed = (softmax(q @ k.swapaxes(1, 2) / 8 + scores) @ v).swapaxes(0, 1).reshape(-1, d)
        x = x + w[p + ".gamma_1"] * (mixed @ w[p + ".attn.proj.weight"].T + w[p + ".attn.proj.bias"])
        y = gelu(norm(w, p + ".norm2", x, 1e-6) @ w[p + ".mlp.fc1.weight"].T + w[p + ".mlp.fc1.bias"])
        x = x + w[p + ".gamma_2"] * (y @ w[p + ".mlp.fc2.weight"].T + w[p + ".mlp.fc2.bias"])
        if i in (2, 5, 8, 11):
            n = len(maps)
            p = f"{post}{n + 1}"
            both = np.concatenate([x[1:], np.repeat(x[:1], count, axis=0)], axis=1)
            m = gelu(both @ w[p + ".0.project.0.weight"].T + w[p + ".0.project.0.bias"]).reshape(rows, columns, d)
            m = conv(w, p + ".3", m)
            if n < 2:
                m = enlarged(w, p + ".4", m, (4, 2)[n])
            if n == 3:
                m = conv(w, p + ".4", m, stride=2)
            maps.append(conv(w, f"{s}layer{n + 1}_rn", m, bias=False))

    joined, m = [], None
    for i in (4, 3, 2, 1):
        p, here = f"{s}refinenet{i}", maps[i - 1]
        m = here if m is None else m + residual(w, p + ".resConfUnit1", here)
        m = residual(w, p + ".resConfUnit2", m)
        size = maps[i - 2].shape[:2] if i > 1 else (2 * here.shape[0], 2 * here.shape[1])
        m = conv(w, p + ".out_conv", between_corners(m, *size))
        joined.append(m)
    size = (rows * 16, columns * 16)
    last = relu(conv(w, s + "output_conv.2", between_corners(conv(w, s + "output_conv.0", m), *size)))
    relative = relu(conv(w, s + "output_conv.4", last))

    def pair(name, x, act=relu):
        return conv(w, name + ".2", act(conv(w, name + ".0", x)))

    x = conv(w, "conv2", maps[3])
    centres, before = softplus(pair("seed_bin_regressor._net", x)), pair("seed_projector._net", x)
    for i, m in enumerate(joined):
        here = pair(f"projectors.{i}._net", m)
        attractors = softplus(pair(f"attractors.{i}._net", here + between_corners(before, *m.shape[:2])))
        centres = between_corners(centres, *m.shape[:2])
        away = attractors[:, :, :, None] - centres[:, :, None, :]
        centres = centres + (away / (1 + 1000 * away**2)).mean(axis=2)
        before = here
    four = softplus(pair("conditional_log_binomial.mlp",
                         np.concatenate([last, relative, between_corners(before, *size)], axis=2), gelu)) + 1e-4
    p = four[:, :, :1] / (four[:, :, :1] + four[:, :, 1:2])
    heat = (50 - 0.0212) * four[:, :, 2:3] / (four[:, :, 2:3] + four[:, :, 3:]) + 0.0212
    k = np.arange(bins) + 1e-7
    n = bins - 1 + 1e-7
    binomial = n * np.log(n) - k * np.log(k) - (n - k) * np.log(n - k + 1e-7)
    k = np.arange(bins)
    y = binomial + k * np.log(np.clip(p, 1e-4, 1)) + (bins - 1 - k) * np.log(np.clip(1 - p, 1e-4, 1))
    summary("zoe", (softmax(y / heat) * between_corners(centres, *size)).sum(axis=2, keepdims=True))


# --- HED ---
def edges():
    c, w = 4, Made(1.2)
    w.add("norm", 1, 3, 1, 1)
    last, blocks = 3, ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
    for i, (count, times) in enumerate(blocks):
        for n in range(count):
            w.layer(f"block{i + 1}.convs.{n}", times * c, last, 3, 3)
            last = times * c
        w.layer(f"block{i + 1}.projection", 1, last, 1, 1)
    x = sines((32, 48, 3), 0.25).astype(float) - w["norm"].reshape(3)
    levels = []
    for i, (count, _) in enumerate(blocks):
        if i > 0:
            x = pooled(x)
        for n in range(count):
            x = relu(conv(w, f"block{i + 1}.convs.{n}", x))
        level = half_pixels(conv(w, f"block{i + 1}.projection", x), 32)
        levels.append(half_pixels(level.swapaxes(0, 1), 48).swapaxes(0, 1))
    summary("edges", sum(levels) / len(levels))


# --- Enlarged latents ---
def group_norm(w, name, x):
    h, v, c = x.shape
    g = x.reshape(h * v, 32, c // 32)
    g = g - g.mean(axis=(0, 2), keepdims=True)
    g = g / np.sqrt((g**2).mean(axis=(0, 2), keepdims=True) + 1e-5)
    return g.reshape(h, v, c) * w[name + ".weight"] + w[name + ".bias"]


def resizer():
    c, blocks, w = 64, 3, Made(1.5)
    w.layer("conv_in", c, 4, 3, 3)
    w.layer("embed.0", 32, 1)
    w.layer("embed.2", 32, 32)
    kinds = {}
    for part in ("in_blocks", "out_blocks"):
        kinds[part] = []
        for i in range(blocks):
            if i in (1, blocks - 1):
                p = f"{part}.{len(kinds[part])}"
                kinds[part].append("attention")
                w.layer(p + ".norm", c)
                for n in ("q", "k", "v", "proj_out"):
                    w.layer(f"{p}.{n}", c, c, 1, 1)
            p = f"{part}.{len(kinds[part])}"
            kinds[part].append("block")
            w.layer(p + ".in_layers.0", c)
            w.layer(p + ".in_layers.2", c, c, 3, 3)
            w.layer(p + ".emb_layers.1", c, 32)
            w.layer(p + ".out_layers.0", c)
            w.layer(p + ".out_layers.3", c, c, 3, 3)
    w.layer("norm_out", c)
    w.layer("conv_out", 4, c, 3, 3)
    factor = 1.5
    e = silu(np.array([factor - 1]) @ w["embed.0.weight"].T + w["embed.0.bias"])
    e = silu(e @ w["embed.2.weight"].T + w["embed.2.bias"])

    def run(part, x):
        for i, kind in enumerate(kinds[part]):
            p = f"{part}.{i}"
            if kind == "attention":
                n = group_norm(w, p + ".norm", x)
                q, k, v = (conv(w, f"{p}.{s}", n).reshape(-1, c) for s in "qkv")
                x = x + conv(w, p + ".proj_out", (softmax(q @ k.T / math.sqrt(c)) @ v).reshape(x.shape))
            else:
                n = conv(w, p + ".in_layers.2", silu(group_norm(w, p + ".in_layers.0", x)))
                n = n + e @ w[p + ".emb_layers.1.weight"].T + w[p + ".emb_layers.1.bias"]
                x = x + conv(w, p + ".out_layers.3", silu(group_norm(w, p + ".out_layers.0", n)))
        return x

    def linear(x, to):
        at = np.maximum((np.arange(to) + 0.5) * len(x) / to - 0.5, 0)
        low = at.astype(int)
        part = (at - low).reshape(-1, 1, 1)
        return x[low] * (1 - part) + x[np.minimum(low + 1, len(x) - 1)] * part

    x = run("in_blocks", conv(w, "conv_in", sines((5, 7, 4), 0.25).astype(float)))
    x = linear(linear(x, round(5 * factor)).swapaxes(0, 1), round(7 * factor)).swapaxes(0, 1)
    x = run("out_blocks", x)
    summary("resizer", conv(w, "conv_out", silu(group_norm(w, "norm_out", x))))


if __name__ == "__main__":
    bodies()
    hands()
    depth()
    zoe()
    edges()
    resizer()
