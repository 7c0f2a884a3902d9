#!/usr/bin/env python3
"""Prints the values that upscale_networks_test.cc expects: SwinIR, HAT, DAT and OmniSR written down in numpy, in f64,
window by window and pixel by pixel from their formulas.

Needs numpy. Weights are the formulas of the test, in the order of the files' tensors.
"""
import math

import numpy as np

from hint_networks import gelu, half_pixels, relu, silu, sines, softmax, summary
from line_networks import Net, batch_norm, each_channel, layer, sigmoid, windows

MEAN = np.array([0.4488, 0.4371, 0.4040])


def norm(w, name, x, eps=1e-5):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * w[name + ".weight"] + w[name + ".bias"]


def linear(w, name, x):
    return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)


def leaky(x, slope):
    return np.where(x < 0, slope * x, x)


def shuffled(x, r):
    h, v, c = x.shape
    return x.reshape(h, v, c // r // r, r, r).transpose(0, 3, 1, 4, 2).reshape(h * r, v * r, c // r // r)


def attend(q, k, v, heads, scores):  # [T,C], [S,C]; scores [heads,T,S] or a number
    split = lambda t: t.reshape(len(t), heads, -1).swapaxes(0, 1)
    a = softmax(split(q) @ split(k).swapaxes(1, 2) / math.sqrt(q.shape[1] // heads) + scores)
    return (a @ split(v)).swapaxes(0, 1).reshape(len(q), -1)


def distances(table, h, v):  # the row of each pair of a window's pixels
    places = [(y, x) for y in range(h) for x in range(v)]
    rows = [[(a[0] - b[0] + h - 1) * (2 * v - 1) + a[1] - b[1] + v - 1 for b in places] for a in places]
    return table[np.array(rows)].transpose(2, 0, 1)


def in_windows(q, k, v, heads, h, w_, down, right, relative):
    """Attention within windows of a map that is rolled first; pixels that were at other ends do not see each other."""
    height, width = q.shape[:2]
    roll = lambda t: np.roll(t, (-down, -right), axis=(0, 1))
    y, x = np.mgrid[0:height, 0:width]
    home = np.stack([(y + down) // height if down else 0 * y, (x + right) // width if right else 0 * x], axis=2)
    q, k, v = roll(q), roll(k), roll(v)
    out = np.zeros_like(q)
    for i in range(0, height, h):
        for j in range(0, width, w_):
            at = (slice(i, i + h), slice(j, j + w_))
            flat = lambda t: t[at].reshape(h * w_, -1)
            mine = flat(home)
            apart = (mine[:, None] != mine[None]).any(axis=2)
            out[at] = attend(flat(q), flat(k), flat(v), heads, relative - 100.0 * apart).reshape(h, w_, -1)
    return np.roll(out, (down, right), axis=(0, 1))


def closing(w, name, x):
    if name + ".weight" in w:
        return layer(w, name, x)
    return layer(w, name + ".4", leaky(layer(w, name + ".2", leaky(layer(w, name + ".0", x), 0.2)), 0.2))


def painted(w, x, how, scale):
    if how == "difference":
        return layer(w, "conv_last", x)
    if how == "direct":
        return shuffled(layer(w, "upsample.0", x), scale)
    x, i, done = leaky(layer(w, "conv_before_upsample.0", x), 0.01), 0, 1
    while done < scale:
        step = 3 if scale == 3 else 2
        if how == "nearest":
            x = leaky(layer(w, f"conv_up{i + 1}", x.repeat(2, axis=0).repeat(2, axis=1)), 0.2)
        else:
            x = shuffled(layer(w, f"upsample.{2 * i}", x), step)
        i, done = i + 1, done * step
    if how == "nearest":
        x = leaky(layer(w, "conv_hr", x), 0.2)
    return layer(w, "conv_last", x)


def mirrored(x, n):
    return np.pad(x, [(0, -x.shape[0] % n), (0, -x.shape[1] % n), (0, 0)], mode="reflect")


def add_painting(w, d, features, scale, how):
    if how == "direct":
        return w.layer("upsample.0", 3 * scale * scale, d, 3, 3)
    if how == "difference":
        return w.layer("conv_last", 3, d, 3, 3)
    w.layer("conv_before_upsample.0", features, d, 3, 3)
    i, done, step = 0, 1, 3 if scale == 3 else 2
    while done < scale:
        if how == "nearest":
            w.layer(f"conv_up{i + 1}", features, features, 3, 3)
        else:
            w.layer(f"upsample.{2 * i}", features * step * step, features, 3, 3)
        i, done = i + 1, done * step
    if how == "nearest":
        w.layer("conv_hr", features, features, 3, 3)
    w.layer("conv_last", 3, features, 3, 3)


def add_closing(w, name, d, narrow):
    if not narrow:
        return w.layer(name, d, d, 3, 3)
    w.layer(name + ".0", d // 4, d, 3, 3)
    w.layer(name + ".2", d // 4, d // 4, 1, 1)
    w.layer(name + ".4", d, d // 4, 3, 3)


def swin(title, d, heads, n, scale, features, groups, how, narrow, size, hybrid=False):
    w = Net(2)
    w.layer("conv_first", d, 3, 3, 3)
    w.layer("patch_embed.norm", d)
    for i, count in enumerate(groups):
        for k in range(count):
            p = f"layers.{i}.residual_group.blocks.{k}"
            w.layer(p + ".norm1", d)
            w.add(p + ".attn.relative_position_bias_table", (2 * n - 1) ** 2, heads)
            w.layer(p + ".attn.qkv", 3 * d, d)
            w.layer(p + ".attn.proj", d, d)
            if hybrid:
                c = p + ".conv_block.cab."
                w.layer(c + "0", d // 3, d, 3, 3)
                w.layer(c + "2", d, d // 3, 3, 3)
                w.layer(c + "3.attention.1", d // 6, d, 1, 1)
                w.layer(c + "3.attention.3", d, d // 6, 1, 1)
            w.layer(p + ".norm2", d)
            w.layer(p + ".mlp.fc1", 2 * d, d)
            w.layer(p + ".mlp.fc2", d, 2 * d)
        if hybrid:
            p = f"layers.{i}.residual_group.overlap_attn"
            w.add(p + ".relative_position_bias_table", (n + n * 3 // 2 - 1) ** 2, heads)
            w.layer(p + ".norm1", d)
            w.layer(p + ".qkv", 3 * d, d)
            w.layer(p + ".proj", d, d)
            w.layer(p + ".norm2", d)
            w.layer(p + ".mlp.fc1", 2 * d, d)
            w.layer(p + ".mlp.fc2", d, 2 * d)
        add_closing(w, f"layers.{i}.conv", d, narrow)
    w.layer("norm", d)
    add_closing(w, "conv_after_body", d, narrow)
    add_painting(w, d, features, scale, how)

    def feed(p, x):
        return x + linear(w, p + ".mlp.fc2", gelu(linear(w, p + ".mlp.fc1", norm(w, p + ".norm2", x))))

    def channels(p, x):
        y = layer(w, p + "2", gelu(layer(w, p + "0", x)))
        mean = y.mean(axis=(0, 1), keepdims=True)
        return y * sigmoid(layer(w, p + "3.attention.3", relu(layer(w, p + "3.attention.1", mean))))

    def overlap(p, x):
        h, v, _ = x.shape
        seen = n * 3 // 2
        q, k, u = np.split(linear(w, p + ".qkv", norm(w, p + ".norm1", x)), 3, axis=2)
        around = (seen - n) // 2
        k, u = (np.pad(t, [(around, around), (around, around), (0, 0)]) for t in (k, u))
        table, along = w[p + ".relative_position_bias_table"], n + seen - 1
        ids = [[(c // seen - a // n + n - seen + 1) * along + c % seen - a % n + n - seen + 1
                for c in range(seen * seen)] for a in range(n * n)]
        relative = table[np.array(ids)].transpose(2, 0, 1)  # counted from the end where below 0, as numpy and torch do
        out = np.zeros_like(x)
        for i in range(0, h, n):
            for j in range(0, v, n):
                there = lambda t: t[i : i + seen, j : j + seen].reshape(seen * seen, d)
                mixed = attend(q[i : i + n, j : j + n].reshape(n * n, d), there(k), there(u), heads, relative)
                out[i : i + n, j : j + n] = mixed.reshape(n, n, d)
        return feed(p, linear(w, p + ".proj", out) + x)

    def block(p, x, shift):
        y = norm(w, p + ".norm1", x)
        q, k, u = np.split(linear(w, p + ".attn.qkv", y), 3, axis=2)
        relative = distances(w[p + ".attn.relative_position_bias_table"], n, n)
        mixed = linear(w, p + ".attn.proj", in_windows(q, k, u, heads, n, n, shift, shift, relative))
        x = x + mixed + (0.01 * channels(p + ".conv_block.cab.", y) if hybrid else 0)
        return feed(p, x)

    unit = 255.0 if n == 7 else 1.0
    picture = (sines((*size, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    given = (mirrored(picture, n) - MEAN) * unit
    start = layer(w, "conv_first", given)
    x = norm(w, "patch_embed.norm", start)
    for i, count in enumerate(groups):
        y = x
        for k in range(count):
            y = block(f"layers.{i}.residual_group.blocks.{k}", y, n // 2 if k % 2 else 0)
        if hybrid:
            y = overlap(f"layers.{i}.residual_group.overlap_attn", y)
        x = x + closing(w, f"layers.{i}.conv", y)
    x = painted(w, start + closing(w, "conv_after_body", norm(w, "norm", x)), how, scale)
    if how == "difference":
        x = x + given
    x = x / unit + MEAN
    summary(title, x[: size[0] * scale, : size[1] * scale])


def dat():
    d, heads, scale, features, inner, window, groups, w = 32, 4, 2, 8, 3, (2, 4), (3, 1), Net(2)
    w.layer("conv_first", d, 3, 3, 3)
    w.layer("before_RG.1", d)
    for i, count in enumerate(groups):
        for n in range(count):
            b = f"layers.{i}.blocks.{n}"
            a = b + ".attn"
            w.layer(b + ".norm1", d)
            w.layer(a + ".qkv", 3 * d, d)
            w.layer(a + ".proj", d, d)
            if n % 2:
                w.add(a + ".temperature", heads, 1, 1)
            for k in range(0 if n % 2 else 2):
                w.add(f"{a}.attns.{k}.rpe_biases", (2 * window[0] - 1) * (2 * window[1] - 1), 2)
                p = f"{a}.attns.{k}.pos."
                w.layer(p + "pos_proj", inner, 2)
                for name, out in (("pos1", inner), ("pos2", inner), ("pos3", heads // 2)):
                    w.layer(p + name + ".0", inner)
                    w.layer(p + name + ".2", out, inner)
            w.layer(a + ".dwconv.0", d, 1, 3, 3)
            w.norm(a + ".dwconv.1", d)
            w.layer(a + ".channel_interaction.1", d // 8, d, 1, 1)
            w.norm(a + ".channel_interaction.2", d // 8)
            w.layer(a + ".channel_interaction.4", d, d // 8, 1, 1)
            w.layer(a + ".spatial_interaction.0", d // 16, d, 1, 1)
            w.norm(a + ".spatial_interaction.1", d // 16)
            w.layer(a + ".spatial_interaction.3", 1, d // 16, 1, 1)
            w.layer(b + ".norm2", d)
            w.layer(b + ".ffn.fc1", 4 * d, d)
            w.layer(b + ".ffn.sg.norm", 2 * d)
            w.layer(b + ".ffn.sg.conv", 2 * d, 1, 3, 3)
            w.layer(b + ".ffn.fc2", d, 2 * d)
        add_closing(w, f"layers.{i}.conv", d, False)
    w.layer("norm", d)
    add_closing(w, "conv_after_body", d, False)
    add_painting(w, d, features, scale, "pixels")

    def gates(a, for_channels, for_places):
        mean = for_channels.mean(axis=(0, 1), keepdims=True)
        c = layer(w, a + ".channel_interaction.4", gelu(
            batch_norm(w, a + ".channel_interaction.2", layer(w, a + ".channel_interaction.1", mean))))
        p = layer(w, a + ".spatial_interaction.3", gelu(
            batch_norm(w, a + ".spatial_interaction.1", layer(w, a + ".spatial_interaction.0", for_places))))
        return sigmoid(c), sigmoid(p)

    def block(i, n, x):
        b = f"layers.{i}.blocks.{n}"
        a = b + ".attn"
        h, v, _ = x.shape
        q, k, u = np.split(linear(w, a + ".qkv", norm(w, b + ".norm1", x)), 3, axis=2)
        conv = gelu(batch_norm(w, a + ".dwconv.1", each_channel(w[a + ".dwconv.0.weight"], u, w[a + ".dwconv.0.bias"])))
        if n % 2 == 0:
            rolls = (n > 0 and (n - 2) % 4 == 0) if i % 2 == 0 else n % 4 == 0
            widest = max(window)
            pad = lambda t: np.pad(t, [(0, -h % widest), (0, -v % widest), (0, 0)])
            halves = []
            for k_, (rows, columns) in enumerate((window, window[::-1])):
                ways = np.array([(y, z) for y in range(1 - rows, rows) for z in range(1 - columns, columns)], float)
                p = f"{a}.attns.{k_}.pos."
                pos = linear(w, p + "pos_proj", ways)
                for name in ("pos1", "pos2", "pos3"):
                    pos = linear(w, p + name + ".2", relu(norm(w, p + name + ".0", pos)))
                part = slice(k_ * d // 2, (k_ + 1) * d // 2)
                mixed = in_windows(pad(q)[..., part], pad(k)[..., part], pad(u)[..., part], heads // 2, rows, columns,
                                   rows // 2 if rolls else 0, columns // 2 if rolls else 0, distances(pos, rows, columns))
                halves.append(mixed[:h, :v])
            mixed = np.concatenate(halves, axis=2)
            of_channels, of_places = gates(a, conv, mixed)
            y = mixed * of_channels + conv * of_places
        else:
            flat = lambda t: t.reshape(h * v, heads, d // heads).transpose(1, 2, 0)  # [heads,channels,pixels]
            unit = lambda t: t / np.maximum(np.sqrt((t**2).sum(axis=-1, keepdims=True)), 1e-12)
            attention = softmax(unit(flat(q)) @ unit(flat(k)).swapaxes(1, 2) * w[a + ".temperature"])
            mixed = (attention @ flat(u)).transpose(2, 0, 1).reshape(h, v, d)
            of_channels, of_places = gates(a, mixed, conv)
            y = mixed * of_places + conv * of_channels
        x = x + linear(w, a + ".proj", y)
        one, two = np.split(gelu(linear(w, b + ".ffn.fc1", norm(w, b + ".norm2", x))), 2, axis=2)
        two = each_channel(w[b + ".ffn.sg.conv.weight"], norm(w, b + ".ffn.sg.norm", two), w[b + ".ffn.sg.conv.bias"])
        return x + linear(w, b + ".ffn.fc2", one * two)

    picture = (sines((6, 9, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    start = layer(w, "conv_first", picture - MEAN)
    x = norm(w, "before_RG.1", start)
    for i, count in enumerate(groups):
        y = x
        for n in range(count):
            y = block(i, n, y)
        x = x + closing(w, f"layers.{i}.conv", y)
    x = painted(w, start + closing(w, "conv_after_body", norm(w, "norm", x)), "pixels", scale)
    summary("DAT", x + MEAN)


def omni():
    d, n, scale, groups, narrow, w = 16, 4, 2, 2, 5, Net(1.5)
    for i in range(groups):
        b = f"residual_layer.{i}.residual_layer.0.layer."
        w.layer(b + "0.fn.0", d, d, 1, 1)
        w.layer(b + "0.fn.2", d, 1, 3, 3)
        w.add(b + "0.fn.4.gate.1.weight", d // 4, d)
        w.add(b + "0.fn.4.gate.3.weight", d, d // 4)
        w.layer(b + "0.fn.5", d, d, 1, 1)
        for k in range(2, 13):
            p = b + str(k)
            if k in (2, 8):
                w.layer(p + ".norm", d)
                w.add(p + ".fn.to_qkv.weight", 3 * d, d)
                w.add(p + ".fn.to_out.0.weight", d, d)
                w.add(p + ".fn.rel_pos_bias.weight", (2 * n - 1) ** 2, 4)
            elif k in (5, 11):
                w.layer(p + ".norm", d)
                w.add(p + ".fn.temperature", 4, 1, 1)
                w.add(p + ".fn.qkv.weight", 3 * d, d, 1, 1)
                w.add(p + ".fn.qkv_dwconv.weight", 3 * d, 1, 3, 3)
                w.add(p + ".fn.project_out.weight", d, d, 1, 1)
            elif k % 2 == 0:
                w.layer(p + ".norm", d)
                w.add(p + ".fn.project_in.weight", 2 * d, d, 1, 1)
                w.add(p + ".fn.dwconv.weight", 2 * d, 1, 3, 3)
                w.add(p + ".fn.project_out.weight", d, d, 1, 1)
        w.layer(f"residual_layer.{i}.residual_layer.1", d, d, 1, 1)
        e = f"residual_layer.{i}.esa."
        w.layer(e + "conv1", narrow, d, 1, 1)
        w.layer(e + "conv_f", narrow, narrow, 1, 1)
        w.layer(e + "conv2", narrow, narrow, 3, 3)
        w.layer(e + "conv3", narrow, narrow, 3, 3)
        w.layer(e + "conv4", d, narrow, 1, 1)
    w.layer("input", d, 3, 3, 3)
    w.layer("output", d, d, 3, 3)
    w.layer("up.0", 3 * scale * scale, d, 3, 3)

    def mixer(p, x):
        y = gelu(layer(w, p + "0", x))
        y = gelu(each_channel(w[p + "2.weight"], y, w[p + "2.bias"]))
        gate = silu(y.mean(axis=(0, 1)) @ w[p + "4.gate.1.weight"].T) @ w[p + "4.gate.3.weight"].T
        return layer(w, p + "5", y * sigmoid(gate)) + x

    def pixels(p, x, far):
        h, v, _ = x.shape
        q, k, u = np.split(norm(w, p + ".norm", x) @ w[p + ".fn.to_qkv.weight"].T, 3, axis=2)
        relative, out = distances(w[p + ".fn.rel_pos_bias.weight"], n, n), np.zeros_like(x)
        for i in range(h // n):
            for j in range(v // n):
                at = (slice(i, None, h // n), slice(j, None, v // n)) if far else (
                    slice(i * n, i * n + n), slice(j * n, j * n + n))
                flat = lambda t: t[at].reshape(n * n, d)
                out[at] = attend(flat(q), flat(k), flat(u), 4, relative).reshape(n, n, d)
        return x + out @ w[p + ".fn.to_out.0.weight"].T

    def gated(p, x):
        y = each_channel(w[p + ".fn.dwconv.weight"], layer(w, p + ".fn.project_in", norm(w, p + ".norm", x, 1e-6)))
        one, two = np.split(y, 2, axis=2)
        return x + layer(w, p + ".fn.project_out", gelu(one) * two)

    def channels(p, x, far):
        h, v, _ = x.shape
        y = each_channel(w[p + ".fn.qkv_dwconv.weight"], layer(w, p + ".fn.qkv", norm(w, p + ".norm", x, 1e-6)))
        q, k, u = np.split(y, 3, axis=2)
        out = np.zeros_like(x)
        sets = [(slice(i, None, n), slice(j, None, n)) for i in range(n) for j in range(n)] if far else [
            (slice(i, i + n), slice(j, j + n)) for i in range(0, h, n) for j in range(0, v, n)]
        unit = lambda t: t / np.maximum(np.sqrt((t**2).sum(axis=-1, keepdims=True)), 1e-12)
        for at in sets:
            shape = q[at].shape
            split = lambda t: t[at].reshape(-1, 4, d // 4).transpose(1, 2, 0)
            a = softmax(unit(split(q)) @ unit(split(k)).swapaxes(1, 2) * w[p + ".fn.temperature"])
            out[at] = (a @ split(u)).transpose(2, 0, 1).reshape(shape)
        return x + layer(w, p + ".fn.project_out", out)

    def spotlight(p, x):
        few = layer(w, p + "conv1", x)
        y = layer(w, p + "conv2", few, stride=2, before=0)
        h, v = (y.shape[0] - 7) // 3 + 1, (y.shape[1] - 7) // 3 + 1
        y = np.array([[y[3 * i : 3 * i + 7, 3 * j : 3 * j + 7].max(axis=(0, 1)) for j in range(v)] for i in range(h)])
        y = layer(w, p + "conv3", y)
        y = half_pixels(half_pixels(y, x.shape[0]).swapaxes(0, 1), x.shape[1]).swapaxes(0, 1)
        return x * sigmoid(layer(w, p + "conv4", y + layer(w, p + "conv_f", few)))

    size = (18, 22)
    picture = (sines((*size, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    start = layer(w, "input", np.pad(picture, [(0, -size[0] % n), (0, -size[1] % n), (0, 0)]))
    x = start
    for i in range(groups):
        b = f"residual_layer.{i}.residual_layer.0.layer."
        y = gated(b + "4", pixels(b + "2", mixer(b + "0.fn.", x), False))
        y = gated(b + "6", channels(b + "5", y, False))
        y = gated(b + "10", pixels(b + "8", y, True))
        y = gated(b + "12", channels(b + "11", y, True))
        x = spotlight(f"residual_layer.{i}.esa.", layer(w, f"residual_layer.{i}.residual_layer.1", y) + x)
    x = shuffled(layer(w, "up.0", layer(w, "output", x) + start), scale)
    summary("OmniSR", x[: size[0] * scale, : size[1] * scale])


if __name__ == "__main__":
    swin("SwinIR, pixels", 12, 3, 4, 4, 8, (2, 1), "pixels", False, (6, 10))
    swin("SwinIR, nearest", 12, 3, 4, 4, 8, (2,), "nearest", True, (6, 10))
    swin("SwinIR, direct", 12, 2, 4, 3, 8, (2,), "direct", False, (6, 10))
    swin("SwinIR, difference", 12, 2, 7, 1, 8, (2,), "difference", False, (10, 12))
    swin("HAT", 12, 3, 4, 2, 8, (2, 1), "pixels", False, (6, 10), True)
    dat()
    omni()
