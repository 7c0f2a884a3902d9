#!/usr/bin/env python3
"""Prints the values that fill_networks_test.cc expects: LaMa and MAT written down in numpy, in f64, from their formulas:
spectra by numpy's transform, batch norms by themselves, styled weights made anew for each style, maps enlarged by
putting zeros between their pixels.

Needs numpy. Weights are the formulas of the test, in the order of the files' tensors.
"""
import math

import numpy as np

from hint_networks import relu, sines, softmax, summary
from line_networks import Net, batch_norm, layer, sigmoid, turned, windows


# --- LaMa ---
def lama():
    c, blocks, w = 4, 2, Net(2)
    at = 1
    w.add(f"model.{at}.ffc.convl2l.weight", c, 4, 7, 7)
    w.norm(f"model.{at}.bn_l", c)
    width = c
    for _ in range(2):
        at += 1
        w.add(f"model.{at}.ffc.convl2l.weight", 2 * width, width, 3, 3)
        width *= 2
        w.norm(f"model.{at}.bn_l", width)
    at += 1
    loc, glo = width // 2, width * 3 // 2
    w.add(f"model.{at}.ffc.convl2l.weight", loc, width, 3, 3)
    w.add(f"model.{at}.ffc.convl2g.weight", glo, width, 3, 3)
    w.norm(f"model.{at}.bn_l", loc)
    w.norm(f"model.{at}.bn_g", glo)
    for _ in range(blocks):
        at += 1
        for part in ("conv1", "conv2"):
            p = f"model.{at}.{part}"
            w.add(p + ".ffc.convl2l.weight", loc, loc, 3, 3)
            w.add(p + ".ffc.convl2g.weight", glo, loc, 3, 3)
            w.add(p + ".ffc.convg2l.weight", loc, glo, 3, 3)
            s = p + ".ffc.convg2g"
            w.add(s + ".conv1.0.weight", glo // 2, glo, 1, 1)
            w.norm(s + ".conv1.1", glo // 2)
            w.add(s + ".fu.conv_layer.weight", glo, glo, 1, 1)
            w.norm(s + ".fu.bn", glo)
            w.add(s + ".conv2.weight", glo, glo // 2, 1, 1)
            w.norm(p + ".bn_l", loc)
            w.norm(p + ".bn_g", glo)
    at += 2
    width = loc + glo
    for _ in range(3):
        w.turned(f"model.{at}", width, width // 2, 3, 3)
        width //= 2
        w.norm(f"model.{at + 1}", width)
        at += 3
    w.layer(f"model.{at + 1}", 3, width, 7, 7)

    picture = (sines((256, 256, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    y, x = np.mgrid[0:256, 0:256]
    mask = (((y - 100) ** 2 + (x - 140) ** 2) < 3600).astype(float)[:, :, None]
    mirrored = dict(mode="reflect")

    def spectral(p, x):
        x = relu(batch_norm(w, p + ".conv1.1", layer(w, p + ".conv1.0", x)))
        s = np.fft.rfft2(x, axes=(0, 1), norm="ortho")
        s = np.stack([s.real, s.imag], axis=3).reshape(*s.shape[:2], -1)
        s = relu(batch_norm(w, p + ".fu.bn", layer(w, p + ".fu.conv_layer", s)))
        s = s.reshape(*s.shape[:2], -1, 2)
        back = np.fft.irfft2(s[..., 0] + 1j * s[..., 1], s=x.shape[:2], axes=(0, 1), norm="ortho")
        return layer(w, p + ".conv2", x + back)

    def exchange(p, l, g):
        f = p + ".ffc."
        new_l = layer(w, f + "convl2l", l, **mirrored) + layer(w, f + "convg2l", g, **mirrored)
        new_g = layer(w, f + "convl2g", l, **mirrored) + spectral(f + "convg2g", g)
        return relu(batch_norm(w, p + ".bn_l", new_l)), relu(batch_norm(w, p + ".bn_g", new_g))

    at = 1
    x = np.concatenate([picture * (1 - mask), mask], axis=2)
    x = relu(batch_norm(w, f"model.{at}.bn_l", layer(w, f"model.{at}.ffc.convl2l", x, **mirrored)))
    for _ in range(2):
        at += 1
        x = relu(batch_norm(w, f"model.{at}.bn_l", layer(w, f"model.{at}.ffc.convl2l", x, stride=2, **mirrored)))
    at += 1
    l = relu(batch_norm(w, f"model.{at}.bn_l", layer(w, f"model.{at}.ffc.convl2l", x, stride=2, **mirrored)))
    g = relu(batch_norm(w, f"model.{at}.bn_g", layer(w, f"model.{at}.ffc.convl2g", x, stride=2, **mirrored)))
    for _ in range(blocks):
        at += 1
        a, b = exchange(f"model.{at}.conv2", *exchange(f"model.{at}.conv1", l, g))
        l, g = l + a, g + b
    at += 2
    x = np.concatenate([l, g], axis=2)
    for _ in range(3):
        x = relu(batch_norm(w, f"model.{at + 1}", turned(w, f"model.{at}", x, 1, 1)))
        at += 3
    x = sigmoid(layer(w, f"model.{at + 1}", x, **mirrored))
    out = x * mask + picture * (1 - mask)
    summary("lama", out)
    summary("lama, in the hole", out[90:110, 130:150])


# --- MAT ---
class Torch:  # its generator on the processor
    def __init__(self, seed):
        self.words = np.random.RandomState(seed)

    def rand(self, n):
        draws = self.words.randint(0, 2**32, n, dtype=np.uint32)
        return (draws & 0xFFFFFF).astype(np.float64) / 2**24

    def randn(self, n):  # a multiple of 16
        v = self.rand(n)
        for i in range(0, n, 16):
            u, a = 1 - v[i : i + 8].copy(), v[i + 8 : i + 16].copy()
            r = np.sqrt(-2 * np.log(u))
            v[i : i + 8], v[i + 8 : i + 16] = r * np.cos(2 * np.pi * a), r * np.sin(2 * np.pi * a)
        return v


FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64.0


def smoothed(x, before, after, times=1.0):  # every channel by itself
    x = np.pad(x, [(before, after), (before, after), (0, 0)])
    h, v = x.shape[0] - 3, x.shape[1] - 3
    return times * sum(FILTER[i, j] * x[i : i + h, j : j + v] for i in range(4) for j in range(4))


def spread(x):  # zeros between the pixels, and behind them
    out = np.zeros((2 * x.shape[0], 2 * x.shape[1], x.shape[2]))
    out[::2, ::2] = x
    return out


def resampled(kernel, x, resizing):  # kernel [o,i,k,k]
    if resizing == "half":
        return windows(kernel, smoothed(x, 2, 2), stride=2, before=0)
    if resizing == "twice":
        # the window over the map with zeros between, one pixel more on each side than it would keep, then smoothed
        return smoothed(windows(kernel, spread(x)[:-1, :-1], before=2), 1, 1, 4)
    return windows(kernel, x)


def lrelu(x):
    return np.where(x < 0, 0.2 * x, x) * math.sqrt(2)


def scaled(w, name, x, resizing="none"):
    kernel = w[name + ".weight"]
    return lrelu(resampled(kernel / math.sqrt(math.prod(kernel.shape[1:])), x, resizing) + w[name + ".bias"])


def linear(w, name, x, rate=1.0):
    kernel = w[name + ".weight"]
    return x @ (kernel * (rate / math.sqrt(kernel.shape[1]))).T + w[name + ".bias"] * rate


def styled(w, name, x, style, resizing="none", colours=False):
    kernel = w[name + ".conv.weight"][0]
    kernel = kernel / math.sqrt(math.prod(kernel.shape[1:])) * linear(w, name + ".conv.affine", style)[:, None, None]
    if not colours:
        kernel = kernel / np.sqrt((kernel**2).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
    y = resampled(kernel, x, resizing) + w[name + ".bias"]
    return y if colours else lrelu(y)


def enlarged(x):
    return smoothed(spread(x), 2, 1, 4)


def partial(y, known, stride):
    if known is None:
        return y, None
    seen = windows(np.ones((1, 1, 3, 3)), known, stride=stride)
    any_ = np.clip(seen, 0, 1)
    return y * (9 / (seen + 1e-8) * any_), any_


def cut(x, n):
    h, v, c = x.shape
    return x.reshape(h // n, n, v // n, n, c).transpose(0, 2, 1, 3, 4).reshape(-1, n * n, c)


def join(x, n, h, v):
    return x.reshape(h // n, v // n, n, n, -1).transpose(0, 2, 1, 3, 4).reshape(h, v, -1)


def mat():
    side, d, code, levels, w = 128, 12, 16, (14, 12, 10, 8), Net(10)

    def add_scaled(name, *shape):
        w.layer(name, *shape)
        w.add(name + ".resample_filter", 4, 4)

    def add_styled(name, n, out, style, size):
        w.add(name + ".bias", out)
        w.add(name + ".conv.weight", 1, out, n, size, size)
        w.add(name + ".conv.resample_filter", 4, 4)
        w.layer(name + ".conv.affine", n, style)

    f, s = "synthesis.first_stage.", "synthesis."
    counts, windows_of, resizings = (2, 3, 4, 3, 2), (8, 16, 16, 16, 8), ("none", "half", "half", "twice", "twice")
    sizes = int(math.log2(side // 64))
    add_scaled(f + "conv_first.conv", d, 4, 3, 3)
    for i in range(sizes):
        add_scaled(f"{f}enc_conv.{i}.conv", d, d, 3, 3)
    for i, count in enumerate(counts):
        if i > 0:
            add_scaled(f"{f}tran.{i}.downsample.conv.conv", d, d, 3, 3)
        for n in range(count):
            b = f"{f}tran.{i}.blocks.{n}"
            for name in ("q", "k", "v", "proj"):
                w.layer(f"{b}.attn.{name}", d, d)
            w.layer(b + ".fuse", d, 2 * d)
            w.layer(b + ".mlp.fc1", 2 * d, d)
            w.layer(b + ".mlp.fc2", d, 2 * d)
        add_scaled(f"{f}tran.{i}.conv.conv", d, d, 3, 3)
    for i in range(4):
        add_scaled(f"{f}down_conv.{i}", d, d, 3, 3)
    w.layer(f + "to_style", 2 * d, d)
    w.layer(f + "ws_style", d, code)
    w.layer(f + "to_square", 256, d)
    for i in range(sizes):
        for name, out, size in (("conv0", d, 3), ("conv1", d, 3), ("toRGB", 3, 1)):
            add_styled(f"{f}dec_conv.{i}.{name}", d, out, 3 * d, size)
    n = 7
    for i in reversed(range(len(levels))):
        p, k = f"{s}enc.EncConv_Block_{16 << i}x{16 << i}", 1 if i + 1 == len(levels) else 3
        add_scaled(p + ".conv0", levels[i], n, k, k)
        add_scaled(p + ".conv1", levels[i], levels[i], 3, 3)
        n = levels[i]
    w.layer(s + "to_square", 256, code)
    for i in range(3):
        add_scaled(f"{s}to_style.conv.{i}", n, n, 3, 3)
    w.layer(s + "to_style.fc", 2 * n, n)
    style = code + 2 * n
    for i, out in enumerate(levels):
        p = f"{s}dec.Dec_{16 << i}x{16 << i}"
        if i == 0:
            add_scaled(p + ".conv0", out, n, 3, 3)
        else:
            add_styled(p + ".conv0", n, out, style, 3)
        add_styled(p + ".conv1", out, out, style, 3)
        add_styled(p + ".toRGB", out, 3, style, 1)
        n = out
    w.add("mapping.w_avg", code)
    for i in range(8):
        w.layer(f"mapping.fc{i}", code, code)

    picture = (sines((side, side, 3), 0.25) * np.float32(0.5) + np.float32(0.5)).astype(float)
    y, x = np.mgrid[0:side, 0:side]
    mask = ((abs(y - 60) < 30) & (abs(x - 50) < 40)).astype(float)[:, :, None]
    image, known0 = picture * 2 - 1, 1 - mask
    rng = Torch(7)
    z = Torch(0).randn(code)
    z = z / np.sqrt((z**2).mean() + 1e-8)
    for i in range(8):
        z = lrelu(linear(w, f"mapping.fc{i}", z, 0.01))

    def dots(channels):
        return (rng.rand(channels * 256) < 0.5).astype(float).reshape(channels, 16, 16).transpose(1, 2, 0)

    def attended(b, x, known, n, shift):
        h, v, _ = x.shape
        roll = lambda m, by: np.roll(m, (by, by), axis=(0, 1))
        cells = cut(roll(x, -shift), n)
        scores = 0
        if shift:
            parts = np.zeros((h, v, 1))
            bounds = ((0, h - n), (h - n, h - shift), (h - shift, h))
            for i, (t, u) in enumerate(bounds):
                for j, (l, r) in enumerate(bounds):
                    parts[t:u, l:r] = 3 * i + j
            parts = cut(parts, n)[:, :, 0]
            scores = np.where(parts[:, :, None] == parts[:, None, :], 0.0, -100.0)[:, None]
        if known is not None:
            seen = cut(roll(known, -shift), n)
            scores = scores + np.where(seen[:, :, 0] == 0, -100.0, 0.0)[:, None, None, :]
            known = roll(join(np.repeat(seen.max(axis=1, keepdims=True), n * n, axis=1), n, h, v), shift)
        unit = cells / np.maximum(np.sqrt((cells**2).sum(axis=-1, keepdims=True)), 1e-12)
        heads = lambda t: t.reshape(t.shape[0], n * n, 6, d // 6).swapaxes(1, 2)
        q, k, u = (heads(linear(w, f"{b}.attn.{m}", t)) for m, t in (("q", unit), ("k", unit), ("v", cells)))
        mixed = softmax(q @ k.swapaxes(2, 3) / math.sqrt(d // 6) + scores) @ u
        mixed = linear(w, b + ".attn.proj", mixed.swapaxes(1, 2).reshape(-1, n * n, d))
        back = roll(join(mixed, n, h, v), shift)
        y = lrelu(linear(w, b + ".fuse", np.concatenate([x, back], axis=2)))
        return linear(w, b + ".mlp.fc2", lrelu(linear(w, b + ".mlp.fc1", y))), known

    known = known0
    x = np.concatenate([known - 0.5, image * known], axis=2)
    x, known = partial(scaled(w, f + "conv_first.conv", x), known, 1)
    whole, inner = [], []
    for i in range(sizes):
        whole.append(x)
        x, known = partial(scaled(w, f"{f}enc_conv.{i}.conv", x, "half"), known, 2)
    for i in range(5):
        p = f"{f}tran.{i}"
        if i >= 2:
            known = None
        if i > 0:
            x, known = partial(scaled(w, p + ".downsample.conv.conv", x, resizings[i]), known, 2)
        before, n = x, min(windows_of[i], x.shape[0])
        for k in range(counts[i]):
            x, known = attended(f"{p}.blocks.{k}", x, known, n, n // 2 if k % 2 and x.shape[0] > n else 0)
        x, known = partial(scaled(w, p + ".conv.conv", x), known, 1)
        x = x + before
        if i < 2:
            inner.append(x)
        if i > 2:
            x = x + inner[4 - i]
        if i == 2:
            of_code = lrelu(linear(w, f + "ws_style", z))
            square, m = lrelu(linear(w, f + "to_square", of_code)).reshape(16, 16, 1), dots(d)
            x = x * m + square * (1 - m)
            small = x
            for k in range(4):
                small = scaled(w, f"{f}down_conv.{k}", small, "half")
            style = np.concatenate([lrelu(linear(w, f + "to_style", small.mean(axis=(0, 1)))), of_code])
    out = None
    for i in range(sizes):
        p = f"{f}dec_conv.{i}."
        x = styled(w, p + "conv0", x, style, "twice") + whole[-1 - i]
        x = styled(w, p + "conv1", x, style)
        seen = styled(w, p + "toRGB", x, style, colours=True)
        out = seen if out is None else seen + enlarged(out)
    rough = out * (1 - known0) + image * known0
    summary("MAT, rough, in the hole", rough[50:70, 40:60] * 0.5 + 0.5)

    x = np.concatenate([known0 - 0.5, image * known0 + rough * (1 - known0), image * known0], axis=2)
    levels_seen = []
    for i in reversed(range(len(levels))):
        p = f"{s}enc.EncConv_Block_{16 << i}x{16 << i}"
        x = scaled(w, p + ".conv0", x, "none" if i + 1 == len(levels) else "half")
        x = scaled(w, p + ".conv1", x)
        levels_seen.append(x)
    square, m = lrelu(linear(w, s + "to_square", z)).reshape(16, 16, 1), dots(x.shape[2])
    x = levels_seen[-1] = x * m + square * (1 - m)
    small = x
    for i in range(3):
        small = scaled(w, f"{s}to_style.conv.{i}", small, "half")
    style = np.concatenate([z, lrelu(linear(w, s + "to_style.fc", small.mean(axis=(0, 1))))])
    out = None
    for i in range(len(levels)):
        p = f"{s}dec.Dec_{16 << i}x{16 << i}."
        x = scaled(w, p + "conv0", x) if i == 0 else styled(w, p + "conv0", x, style, "twice")
        x = styled(w, p + "conv1", x + levels_seen[-1 - i], style)
        seen = styled(w, p + "toRGB", x, style, colours=True)
        out = seen if out is None else seen + enlarged(out)
    out = (out * 0.5 + 0.5) * mask + picture * (1 - mask)
    summary("MAT", out)
    summary("MAT, in the hole", out[50:70, 40:60])


if __name__ == "__main__":
    lama()
    mat()
