#!/usr/bin/env python3
"""Prints the values that line_networks_test.cc expects: the networks written down in numpy, in f64, layer by layer as
torch defines them (transposed convolutions as sums of windows, batch norms by themselves, pixel differences as
differences).

Needs numpy. Weights are the formulas of the test, in the order of the files' tensors.
"""
import math

import numpy as np

from hint_networks import Made, between_corners, half_pixels, relu, sines, summary


class Net(Made):
    def add(self, name, *shape):
        super().add(name, *shape)
        if name.endswith("running_var"):
            s = sines(shape, float(len(self) - 1))
            self[name] = (s * np.float32(0.1) + np.float32(1)).astype(np.float64)

    def turned(self, name, *shape):
        self.add(name + ".weight", *shape)
        self.add(name + ".bias", shape[1])

    def norm(self, name, width):
        self.layer(name, width)
        self.add(name + ".running_mean", width)
        self.add(name + ".running_var", width)

    def with_norm(self, name, shape, bias):
        if bias:
            self.layer(name + ".0", *shape)
        else:
            self.add(name + ".0.weight", *shape)
        self.norm(name + ".1", shape[0])


def windows(kernel, x, stride=1, before=None, after=None, gap=1, mode="constant", bias=None):  # kernel [o,i,k,k]
    k = kernel.shape[2]
    before = gap * (k // 2) if before is None else before
    after = before if after is None else after
    x = np.pad(x, [(before, after), (before, after), (0, 0)], mode=mode)
    reach = gap * (k - 1)
    h, v = (x.shape[0] - reach - 1) // stride + 1, (x.shape[1] - reach - 1) // stride + 1
    out = np.zeros((h, v, kernel.shape[0]))
    for i in range(k):
        for j in range(k):
            seen = x[i * gap : i * gap + stride * (h - 1) + 1 : stride, j * gap : j * gap + stride * (v - 1) + 1 : stride]
            out += seen @ kernel[:, :, i, j].T
    return out if bias is None else out + bias


def layer(w, name, x, **how):
    return windows(w[name + ".weight"], x, bias=w.get(name + ".bias"), **how)


def each_channel(kernel, x, bias=None, stride=1, before=None, after=None):  # kernel [c,1,k,k]
    maps = [windows(kernel[c : c + 1], x[:, :, c : c + 1], stride, before, after) for c in range(kernel.shape[0])]
    out = np.concatenate(maps, axis=2)
    return out if bias is None else out + bias


def turned(w, name, x, pad, more=0):  # a transposed convolution with a step of 2
    kernel = w[name + ".weight"]
    k = kernel.shape[2]
    h, v = (x.shape[0] - 1) * 2 + k + more, (x.shape[1] - 1) * 2 + k + more
    out = np.zeros((h, v, kernel.shape[1]))
    for i in range(k):
        for j in range(k):
            out[i : i + 2 * x.shape[0] : 2, j : j + 2 * x.shape[1] : 2] += x @ kernel[:, :, i, j]
    return out[pad : h - pad, pad : v - pad] + w[name + ".bias"]


def instance_norm(x):
    x = x - x.mean(axis=(0, 1))
    return x / np.sqrt((x**2).mean(axis=(0, 1)) + 1e-5)


def batch_norm(w, name, x):
    x = (x - w[name + ".running_mean"]) / np.sqrt(w[name + ".running_var"] + 1e-5)
    return x * w[name + ".weight"] + w[name + ".bias"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def drawing():
    c, blocks, w = 4, 2, Net(12)
    w.layer("model0.1", c, 3, 7, 7)
    w.layer("model1.0", 2 * c, c, 3, 3)
    w.layer("model1.3", 4 * c, 2 * c, 3, 3)
    for i in range(blocks):
        for n in (1, 5):
            w.layer(f"model2.{i}.conv_block.{n}", 4 * c, 4 * c, 3, 3)
    w.turned("model3.0", 4 * c, 2 * c, 3, 3)
    w.turned("model3.3", 2 * c, c, 3, 3)
    w.layer("model4.1", 1, c, 7, 7)
    x = (sines((12, 16, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    x = relu(instance_norm(layer(w, "model0.1", x, mode="reflect")))
    x = relu(instance_norm(layer(w, "model1.0", x, stride=2)))
    x = relu(instance_norm(layer(w, "model1.3", x, stride=2)))
    for i in range(blocks):
        p = f"model2.{i}.conv_block."
        y = relu(instance_norm(layer(w, p + "1", x, mode="reflect")))
        x = x + instance_norm(layer(w, p + "5", y, mode="reflect"))
    x = relu(instance_norm(turned(w, "model3.0", x, 1, 1)))
    x = relu(instance_norm(turned(w, "model3.3", x, 1, 1)))
    summary("drawing", sigmoid(layer(w, "model4.1", x, mode="reflect")))


def anime():
    c, levels, w = 4, 3, Net(1.5)
    widths = [c * min(2**i, 8) for i in range(levels)]
    at, names = "model.model.", []
    for i in range(levels):
        names.append(at)
        w.layer(at + ("0" if i == 0 else "1"), widths[i], widths[i - 1] if i else 3, 4, 4)
        at += "1.model." if i == 0 else "3.model."
    for i in reversed(range(levels)):
        inner = i + 1 == levels
        w.turned(names[i] + ("3" if inner or i == 0 else "5"), widths[i] * (1 if inner else 2),
                 widths[i - 1] if i else 1, 4, 4)

    def level(i, x):
        inner = i + 1 == levels
        y = x if i == 0 else np.where(x < 0, 0.2 * x, x)
        y = layer(w, names[i] + ("0" if i == 0 else "1"), y, stride=2, before=1)
        if i > 0 and not inner:
            y = instance_norm(y)
        if not inner:
            y = level(i + 1, y)
        y = turned(w, names[i] + ("3" if inner or i == 0 else "5"), relu(y), 1)
        return y if i == 0 else np.concatenate([x, instance_norm(y)], axis=2)

    summary("anime", np.tanh(level(0, sines((16, 24, 3), 0.25).astype(float))))


def differences():
    c, narrow, w = 4, 3, Net(2)
    w.add("init_block.weight", c, 3, 3, 3)
    width = c
    for n in range(1, 5):
        out = 2 * width if n in (2, 3) else width
        for k in range(1, 4 if n == 1 else 5):
            p = f"block{n}_{k}"
            if n > 1 and k == 1:
                w.layer(p + ".shortcut", out, width, 1, 1)
            w.add(p + ".conv1.weight", width, 1, 3, 3)
            w.add(p + ".conv2.weight", out, width, 1, 1)
            width = out
    for i in range(4):
        w.layer(f"dilations.{i}.conv1", narrow, c * min(2**i, 4), 1, 1)
        for k in range(1, 5):
            w.add(f"dilations.{i}.conv2_{k}.weight", narrow, narrow, 3, 3)
        w.layer(f"attentions.{i}.conv1", 4, narrow, 1, 1)
        w.add(f"attentions.{i}.conv2.weight", 1, 4, 3, 3)
        w.layer(f"conv_reduces.{i}.conv", 1, narrow, 1, 1)
    w.layer("classifier", 1, 4, 1, 1)

    def difference(kind, kernel, x):  # one output channel of [i,3,3] over [h,w,i]
        h, v = x.shape[:2]
        wide = np.pad(x, [(2, 2), (2, 2), (0, 0)])
        at = lambda dy, dx: wide[2 + dy : 2 + dy + h, 2 + dx : 2 + dx + v]
        ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]  # round the middle
        out = np.zeros((h, v))
        if kind == "central":
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    out += (at(dy, dx) - at(0, 0)) @ kernel[:, dy + 1, dx + 1]
        elif kind == "angular":
            # each pixel against the next one round the middle, which has none
            for (ay, ax), (by, bx) in zip(ring, ring[1:] + ring[:1]):
                out += (at(ay, ax) - at(by, bx)) @ kernel[:, ay + 1, ax + 1]
        elif kind == "radial":
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    if (dy, dx) != (0, 0):
                        out += (at(2 * dy, 2 * dx) - at(dy, dx)) @ kernel[:, *RADIAL[(dy, dx)]]
        else:
            out = windows(kernel[None], x)[:, :, 0]
        return out

    # Weights 1 to 8 in their order in the window stand for the directions in the order of the outer ring's places.
    order = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    RADIAL = {way: divmod(i + 1, 3) for i, way in enumerate(order)}
    kinds = ["central", "angular", "radial", "none"]

    def block(p, kind, x, halves):
        if halves:
            h, v, n = x.shape
            x = x.reshape(h // 2, 2, v // 2, 2, n).max(axis=(1, 3))
        kernel = w[p + ".conv1.weight"]
        y = np.stack([difference(kind, kernel[k], x[:, :, k : k + 1]) for k in range(kernel.shape[0])], axis=2)
        y = layer(w, p + ".conv2", relu(y))
        return y + (layer(w, p + ".shortcut", x) if halves else x)

    size = (16, 24)
    pixels = (sines((*size, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    kernel = w["init_block.weight"]
    x = np.stack([difference("central", kernel[k], pixels) for k in range(c)], axis=2)
    said, number = [], 1
    for n in range(1, 5):
        for k in range(1, 4 if n == 1 else 5):
            x = block(f"block{n}_{k}", kinds[number % 4], x, n > 1 and k == 1)
            number += 1
        i = n - 1
        y = layer(w, f"dilations.{i}.conv1", relu(x))
        y = sum(layer(w, f"dilations.{i}.conv2_{k + 1}", y, gap=g) for k, g in enumerate((5, 7, 9, 11)))
        gate = layer(w, f"attentions.{i}.conv2", layer(w, f"attentions.{i}.conv1", relu(y)))
        e = layer(w, f"conv_reduces.{i}.conv", y * sigmoid(gate))
        said.append(half_pixels(half_pixels(e, size[0]).swapaxes(0, 1), size[1]).swapaxes(0, 1))
    summary("differences", layer(w, "classifier", np.concatenate(said, axis=2)))


def tiny():
    w = Net(3)
    w.layer("block_1.conv1", 16, 3, 3, 3)
    w.layer("block_1.conv2", 16, 16, 3, 3)
    w.layer("block_2.conv1", 32, 16, 3, 3)
    w.layer("block_2.conv2", 32, 32, 3, 3)
    w.layer("dblock_3.denselayer1.conv1", 48, 32, 3, 3)
    w.layer("dblock_3.denselayer1.conv2", 48, 48, 3, 3)
    w.layer("side_1.conv", 32, 16, 1, 1)
    w.layer("pre_dense_3.conv", 48, 32, 1, 1)
    for name, width in (("up_block_1", 16), ("up_block_2", 32)):
        w.layer(name + ".features.0", 1, width, 1, 1)
        w.turned(name + ".features.2", 1, 1, 2, 2)
    w.layer("up_block_3.features.0", 16, 48, 1, 1)
    w.turned("up_block_3.features.2", 16, 16, 4, 4)
    w.layer("up_block_3.features.3", 1, 16, 1, 1)
    w.turned("up_block_3.features.5", 1, 1, 4, 4)
    w.layer("block_cat.DWconv1", 24, 1, 3, 3)
    w.layer("block_cat.DWconv2", 24, 1, 3, 3)

    smish = lambda x: x * np.tanh(np.log(1 + sigmoid(x)))
    x = (sines((16, 24, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    first = smish(layer(w, "block_1.conv2", smish(layer(w, "block_1.conv1", x, stride=2))))
    second = layer(w, "block_2.conv2", smish(layer(w, "block_2.conv1", first)))
    h, v, n = second.shape
    padded = np.pad(second, [(1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    down = np.max([padded[i : i + h : 2, j : j + v : 2] for i in range(3) for j in range(3)], axis=0)
    both = down + layer(w, "side_1.conv", first, stride=2)
    before = layer(w, "pre_dense_3.conv", down)
    y = layer(w, "dblock_3.denselayer1.conv1", smish(both), before=2)
    y = layer(w, "dblock_3.denselayer1.conv2", smish(y), before=0)
    third = 0.5 * (y + before)
    maps = [turned(w, "up_block_1.features.2", smish(layer(w, "up_block_1.features.0", first)), 0),
            turned(w, "up_block_2.features.2", smish(layer(w, "up_block_2.features.0", second)), 0)]
    y = turned(w, "up_block_3.features.2", smish(layer(w, "up_block_3.features.0", third)), 1)
    maps.append(turned(w, "up_block_3.features.5", smish(layer(w, "up_block_3.features.3", y)), 1))
    maps = np.concatenate(maps, axis=2)
    repeated = np.repeat(smish(maps), 8, axis=2)
    a = each_channel(w["block_cat.DWconv1.weight"], repeated, w["block_cat.DWconv1.bias"])
    b = each_channel(w["block_cat.DWconv2.weight"], smish(a), w["block_cat.DWconv2.bias"])
    last = smish((a + b).sum(axis=2, keepdims=True))
    summary("tiny", np.concatenate([maps, last], axis=2).mean(axis=2))


def straight():
    part, w = 4, Net(1)
    f = "backbone.features."
    widths = [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96]
    strides = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    n = 32 // part
    w.with_norm(f + "0", (n, 4, 3, 3), False)
    for i, width in enumerate(widths):
        p, hidden, at = f"{f}{i + 1}.conv.", n if i == 0 else 6 * n, 0
        if i > 0:
            w.with_norm(p + "0", (hidden, n, 1, 1), False)
            at = 1
        w.with_norm(p + str(at), (hidden, 1, 3, 3), False)
        n, before = width // part, n
        w.add(f"{p}{at + 1}.weight", n, hidden, 1, 1)
        w.norm(f"{p}{at + 2}", n)
    half = 64 // part
    for i, fine in enumerate((64, 32, 24, 16)):
        a, b = f"block{15 + 2 * i}", f"block{16 + 2 * i}"
        w.with_norm(a + ".conv1", (half, n, 1, 1), True)
        w.with_norm(a + ".conv2", (half, fine // part, 1, 1), True)
        w.with_norm(b + ".conv1", (2 * half, 2 * half, 3, 3), True)
        w.with_norm(b + ".conv2", (half, 2 * half, 3, 3), True)
        n = half
    w.with_norm("block23.conv1", (n, n, 3, 3), True)
    w.with_norm("block23.conv2", (n, n, 3, 3), True)
    w.layer("block23.conv3", 16, n, 1, 1)

    relu6 = lambda x: np.clip(x, 0, 6)

    def normed(p, x, **how):
        return batch_norm(w, p + ".1", layer(w, p + ".0", x, **how))

    x = sines((32, 48, 4), 0.25).astype(float)
    x = relu6(normed(f + "0", x, stride=2, before=0, after=1))
    levels = []
    for i, stride in enumerate(strides):
        p, y, at = f"{f}{i + 1}.conv.", x, 0
        if i > 0:
            y, at = relu6(normed(p + "0", x)), 1
        pads = (0, 1) if stride == 2 else (1, 1)
        y = each_channel(w[f"{p}{at}.0.weight"], y, None, stride, *pads)
        y = relu6(batch_norm(w, f"{p}{at}.1", y))
        y = batch_norm(w, f"{p}{at + 2}", layer(w, f"{p}{at + 1}", y))
        x = x + y if stride == 1 and x.shape[2] == y.shape[2] else y
        if i in (0, 2, 5, 9, 12):
            levels.append(x)
    for i in range(4):
        a, b = f"block{15 + 2 * i}", f"block{16 + 2 * i}"
        rough, sharp = relu(normed(a + ".conv1", x)), relu(normed(a + ".conv2", levels[3 - i]))
        if i > 0:
            rough = between_corners(rough, 2 * rough.shape[0], 2 * rough.shape[1])
        y = np.concatenate([sharp, rough], axis=2)
        y = relu(normed(b + ".conv1", y)) + y
        x = relu(normed(b + ".conv2", y))
    x = relu(normed("block23.conv1", x, gap=5))
    x = relu(normed("block23.conv2", x))
    summary("straight", layer(w, "block23.conv3", x)[:, :, 7:])


def normals():
    stem, head, joined_width, points, w = 8, 16, 16, 6, Net(2)
    widths, strides, sizes = (6, 7, 8, 8, 9, 9, 10), (1, 2, 2, 2, 1, 2, 1), (3, 3, 5, 3, 5, 5, 3)
    blocks = (2, 1, 2, 1, 1, 1, 1)
    e, d = "encoder.original_model.", "decoder."
    w.add(e + "conv_stem.weight", stem, 3, 3, 3)
    w.norm(e + "bn1", stem)
    n = stem
    for i, width in enumerate(widths):
        for k in range(blocks[i]):
            b, hidden = f"{e}blocks.{i}.{k}.", 6 * n if i else n
            if i:
                w.add(b + "conv_pw.weight", hidden, n, 1, 1)
                w.norm(b + "bn1", hidden)
            w.add(b + "conv_dw.weight", hidden, 1, sizes[i], sizes[i])
            w.norm(b + ("bn2" if i else "bn1"), hidden)
            w.layer(b + "se.conv_reduce", max(1, n // 4), hidden, 1, 1)
            w.layer(b + "se.conv_expand", hidden, max(1, n // 4), 1, 1)
            w.add(b + ("conv_pwl.weight" if i else "conv_pw.weight"), width, hidden, 1, 1)
            w.norm(b + ("bn3" if i else "bn2"), width)
            n = width
    w.add(e + "conv_head.weight", head, n, 1, 1)
    w.norm(e + "bn2", head)
    w.layer(d + "conv2", head, head, 1, 1)
    n, joined, seen_by = head, [], (4, 2, 1, 0)
    for i, stage in enumerate(seen_by):
        out = joined_width >> i
        w.layer(f"{d}up{i + 1}._net.0", out, n + widths[stage], 3, 3)
        w.norm(f"{d}up{i + 1}._net.1", out)
        w.layer(f"{d}up{i + 1}._net.3", out, out, 3, 3)
        w.norm(f"{d}up{i + 1}._net.4", out)
        n = out
        joined.append(out)
    w.layer(d + "out_conv_res8", 4, joined[1], 3, 3)
    for i, name in enumerate(("out_conv_res4", "out_conv_res2", "out_conv_res1")):
        n = joined[i + 1] + 4
        for k in (0, 2, 4, 6):
            out = 4 if k == 6 else points
            w.layer(f"{d}{name}.{k}", out, n, 1)
            n = out

    def normed(name, x, eps):
        x = (x - w[name + ".running_mean"]) / np.sqrt(w[name + ".running_var"] + eps)
        return x * w[name + ".weight"] + w[name + ".bias"]

    silu = lambda x: x * sigmoid(x)
    rectified = lambda x: np.where(x < 0, 0.01 * x, x)

    def same(size, stride, side):  # pixels before and after, as TensorFlow puts them
        total = max((math.ceil(side / stride) - 1) * stride + size - side, 0)
        return total // 2, total - total // 2

    def block(b, i, stride, x):
        y = silu(normed(b + "bn1", layer(w, b + "conv_pw", x), 1e-3)) if i else x
        y = each_channel(w[b + "conv_dw.weight"], y, None, stride, *same(sizes[i], stride, x.shape[0]))
        y = silu(normed(b + ("bn2" if i else "bn1"), y, 1e-3))
        mean = y.mean(axis=(0, 1), keepdims=True)
        y = y * sigmoid(layer(w, b + "se.conv_expand", silu(layer(w, b + "se.conv_reduce", mean))))
        y = layer(w, b + ("conv_pwl" if i else "conv_pw"), y)
        y = normed(b + ("bn3" if i else "bn2"), y, 1e-3)
        return x + y if stride == 1 and x.shape == y.shape else y

    def unit(x):
        way, k = x[..., :3], x[..., 3:]
        way = way / (np.sqrt((way**2).sum(axis=-1, keepdims=True)) + 1e-10)
        return np.concatenate([way, np.where(k > 0, k, np.exp(np.minimum(k, 0)) - 1) + 1.01], axis=-1)

    x = sines((64, 96, 3), 0.25).astype(float)
    before, after = same(3, 2, 64)
    x = silu(normed(e + "bn1", layer(w, e + "conv_stem", x, stride=2, before=before, after=after), 1e-3))
    seen = []
    for i in range(7):
        for k in range(blocks[i]):
            x = block(f"{e}blocks.{i}.{k}.", i, strides[i] if k == 0 else 1, x)
        seen.append(x)
    x = layer(w, d + "conv2", layer(w, e + "conv_head", x))
    maps = []
    for i, stage in enumerate(seen_by):
        p, fine = f"{d}up{i + 1}._net.", seen[stage]
        x = np.concatenate([between_corners(x, *fine.shape[:2]), fine], axis=2)
        x = rectified(normed(p + "1", layer(w, p + "0", x), 1e-5))
        x = rectified(normed(p + "4", layer(w, p + "3", x), 1e-5))
        maps.append(x)
    out = unit(layer(w, d + "out_conv_res8", maps[1]))
    for i, name in enumerate(("out_conv_res4", "out_conv_res2", "out_conv_res1")):
        m = maps[i + 1]
        size = (2 * m.shape[0], 2 * m.shape[1])
        x = np.concatenate([between_corners(m, *size), between_corners(out, *size)], axis=2)
        for k in (0, 2, 4, 6):
            x = x @ w[f"{d}{name}.{k}.weight"][:, :, 0].T + w[f"{d}{name}.{k}.bias"]
            x = relu(x) if k < 6 else x
        out = unit(x)
    summary("normals", out)


if __name__ == "__main__":
    drawing()
    anime()
    differences()
    tiny()
    straight()
    normals()
