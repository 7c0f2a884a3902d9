#!/usr/bin/env python3
"""Prints the values that yolo_test.cc expects: YOLOv8 with masks and YOLO11, small, written down in numpy, in f64.

Needs numpy. Weights are the formulas of the test, in the order of the files' tensors.
"""
import math

import numpy as np

from hint_networks import sines, silu, softmax, summary


class Made(dict):
    """Tensors by name; the phase of each counts up."""

    def add(self, name, *shape):
        s = sines(shape, float(len(self)))
        if name.endswith("dfl.conv.weight"):
            v = np.arange(shape[1], dtype=np.float32).reshape(shape)
        elif len(shape) == 1 and (name.endswith("weight") or name.endswith("running_var")):
            v = s * np.float32(0.1) + np.float32(1)
        elif len(shape) == 1:
            v = s * np.float32(0.1)
        else:
            v = s * np.float32(1.7 / math.sqrt(math.prod(shape[1:])))
        self[name] = v.astype(np.float64)


def windows(x, kernel, stride, groups):  # x [H,W,C], padded to keep its size
    k = kernel.shape[2]
    x = np.pad(x, [(k // 2, k // 2), (k // 2, k // 2), (0, 0)])
    h, v = (x.shape[0] - k) // stride + 1, (x.shape[1] - k) // stride + 1
    out = np.zeros((h, v, kernel.shape[0]))
    for i in range(k):
        for j in range(k):
            seen = x[i : i + stride * h : stride, j : j + stride * v : stride]
            out += seen * kernel[:, 0, i, j] if groups > 1 else seen @ kernel[:, :, i, j].T
    return out


class Conv:
    """Convolution, batch norm, SiLU."""

    def __init__(self, w, p, i, o, k, s=1, g=1, act=True):
        self.w, self.p, self.s, self.g, self.act = w, p, s, g, act
        w.add(p + "conv.weight", o, i // g, k, k)
        for name in ("weight", "bias", "running_mean", "running_var"):
            w.add(p + "bn." + name, o)

    def __call__(self, x):
        w, p = self.w, self.p + "bn."
        y = windows(x, w[self.p + "conv.weight"], self.s, self.g)
        y = (y - w[p + "running_mean"]) / np.sqrt(w[p + "running_var"] + 0.001) * w[p + "weight"] + w[p + "bias"]
        return silu(y) if self.act else y


class Plain:
    def __init__(self, w, p, i, o):
        self.w, self.p = w, p
        w.add(p + "weight", o, i, 1, 1)
        w.add(p + "bias", o)

    def __call__(self, x):
        return windows(x, self.w[self.p + "weight"], 1, 1) + self.w[self.p + "bias"]


class Seq:
    def __init__(self, *parts):
        self.parts = parts

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x


class Bottleneck:
    def __init__(self, w, p, c, e, add):
        self.a, self.b, self.add = Conv(w, p + "cv1.", c, int(c * e), 3), Conv(w, p + "cv2.", int(c * e), c, 3), add

    def __call__(self, x):
        y = self.b(self.a(x))
        return x + y if self.add else y


class C3k:
    def __init__(self, w, p, c):
        h = c // 2
        self.a, self.b, self.c = Conv(w, p + "cv1.", c, h, 1), Conv(w, p + "cv2.", c, h, 1), Conv(w, p + "cv3.", 2 * h, c, 1)
        self.m = Seq(*(Bottleneck(w, f"{p}m.{i}.", h, 1.0, True) for i in range(2)))

    def __call__(self, x):
        return self.c(np.concatenate([self.m(self.a(x)), self.b(x)], -1))


class Split:
    """C2f and C3k2."""

    def __init__(self, w, p, i, o, half, count, part):
        self.half = half
        self.a, self.b = Conv(w, p + "cv1.", i, 2 * half, 1), Conv(w, p + "cv2.", (2 + count) * half, o, 1)
        self.m = [part(f"{p}m.{j}.") for j in range(count)]

    def __call__(self, x):
        y = self.a(x)
        all_ = [y[..., : self.half], y[..., self.half :]]
        for m in self.m:
            all_.append(m(all_[-1]))
        return self.b(np.concatenate(all_, -1))


def largest(x, k):
    p = np.pad(x, [(k // 2, k // 2), (k // 2, k // 2), (0, 0)], constant_values=-np.inf)
    return np.max([p[i : i + x.shape[0], j : j + x.shape[1]] for i in range(k) for j in range(k)], axis=0)


class Sppf:
    def __init__(self, w, p, c):
        self.a, self.b = Conv(w, p + "cv1.", c, c // 2, 1), Conv(w, p + "cv2.", 2 * c, c, 1)

    def __call__(self, x):
        y = [self.a(x)]
        for _ in range(3):
            y.append(largest(y[-1], 5))
        return self.b(np.concatenate(y, -1))


class Psa:
    def __init__(self, w, p, c, heads):
        self.heads, self.hd = heads, c // heads
        self.kd = self.hd // 2
        self.qkv = Conv(w, p + "attn.qkv.", c, c + 2 * self.kd * heads, 1, act=False)
        self.proj = Conv(w, p + "attn.proj.", c, c, 1, act=False)
        self.pe = Conv(w, p + "attn.pe.", c, c, 3, g=c, act=False)
        self.ffn = Seq(Conv(w, p + "ffn.0.", c, 2 * c, 1), Conv(w, p + "ffn.1.", 2 * c, c, 1, act=False))

    def attention(self, x):
        h, v, c = x.shape
        parts = self.qkv(x).reshape(h * v, self.heads, 2 * self.kd + self.hd)
        q, k, val = parts[..., : self.kd], parts[..., self.kd : 2 * self.kd], parts[..., 2 * self.kd :]
        scores = softmax(np.einsum("qhd,khd->hqk", q, k) * self.kd**-0.5)
        seen = np.einsum("hqk,khd->qhd", scores, val).reshape(h, v, c)
        return self.proj(seen + self.pe(val.reshape(h, v, c)))

    def __call__(self, x):
        x = x + self.attention(x)
        return x + self.ffn(x)


class C2psa:
    def __init__(self, w, p, c, count):
        self.half = c // 2
        self.a, self.b = Conv(w, p + "cv1.", c, c, 1), Conv(w, p + "cv2.", c, c, 1)
        self.m = Seq(*(Psa(w, f"{p}m.{i}.", self.half, max(1, self.half // 64)) for i in range(count)))

    def __call__(self, x):
        y = self.a(x)
        return self.b(np.concatenate([y[..., : self.half], self.m(y[..., self.half :])], -1))


def twice(x):
    return x.repeat(2, axis=0).repeat(2, axis=1)


class Head:
    def __init__(self, w, p, ins, kinds, masks, newer):
        box, named, shaped = max(16, ins[0] // 4, 64), max(ins[0], min(kinds, 100)), max(ins[0] // 4, 32)

        def branch(q, i, c, o):
            return Seq(Conv(w, q + "0.", i, c, 3), Conv(w, q + "1.", c, c, 3), Plain(w, q + "2.", c, o))

        def light(q, i):
            return Seq(Conv(w, q + "0.0.", i, i, 3, g=i), Conv(w, q + "0.1.", i, named, 1),
                       Conv(w, q + "1.0.", named, named, 3, g=named), Conv(w, q + "1.1.", named, named, 1),
                       Plain(w, q + "2.", named, kinds))

        self.box = [branch(f"{p}cv2.{j}.", i, box, 64) for j, i in enumerate(ins)]
        self.named = [light(f"{p}cv3.{j}.", i) if newer else branch(f"{p}cv3.{j}.", i, named, kinds)
                      for j, i in enumerate(ins)]
        w.add(p + "dfl.conv.weight", 1, 16, 1, 1)
        self.masks, self.w, self.p = masks, w, p
        if masks:
            c = ins[0]
            self.first = Conv(w, p + "proto.cv1.", c, c, 3)
            w.add(p + "proto.upsample.weight", c, c, 2, 2)
            w.add(p + "proto.upsample.bias", c)
            self.second, self.third = Conv(w, p + "proto.cv2.", c, c, 3), Conv(w, p + "proto.cv3.", c, 32, 1)
            self.shaped = [branch(f"{p}cv4.{j}.", i, shaped, 32) for j, i in enumerate(ins)]

    def proto(self, x):
        y = self.first(x)
        kernel = self.w[self.p + "proto.upsample.weight"]
        big = np.zeros((2 * y.shape[0], 2 * y.shape[1], kernel.shape[1]))
        for i in range(2):
            for j in range(2):
                big[i::2, j::2] = y @ kernel[:, :, i, j]
        return self.third(self.second(big + self.w[self.p + "proto.upsample.bias"]))

    def __call__(self, name, maps):
        for j, x in enumerate(maps):
            summary(f"{name} sides {j}", self.box[j](x))
            summary(f"{name} scores {j}", self.named[j](x))
            if self.masks:
                summary(f"{name} coefficients {j}", self.shaped[j](x))
        if self.masks:
            summary(f"{name} masks", self.proto(maps[0]))


PIXELS = sines((64, 96, 3), 0.25).astype(np.float64) * 0.5 + 0.5


def yolov8(c=(8, 16, 32, 64, 64), kinds=2):
    w, p = Made(), "model."

    def c2f(n, i, o, add):
        return Split(w, f"{p}{n}.", i, o, o // 2, 1, lambda q: Bottleneck(w, q, o // 2, 1.0, add))

    def c2f2(n, i, o, add):  # twice as many blocks
        return Split(w, f"{p}{n}.", i, o, o // 2, 2, lambda q: Bottleneck(w, q, o // 2, 1.0, add))

    def step(n, i, o):
        return Conv(w, f"{p}{n}.", i, o, 3, 2)

    l = [step(0, 3, c[0]), step(1, c[0], c[1]), c2f(2, c[1], c[1], True), step(3, c[1], c[2]),
         c2f2(4, c[2], c[2], True), step(5, c[2], c[3]), c2f2(6, c[3], c[3], True), step(7, c[3], c[4]),
         c2f(8, c[4], c[4], True), Sppf(w, p + "9.", c[4])]
    l12 = c2f(12, c[4] + c[3], c[3], False)
    l15 = c2f(15, c[3] + c[2], c[2], False)
    l16, l18 = step(16, c[2], c[2]), c2f(18, c[2] + c[3], c[3], False)
    l19, l21 = step(19, c[3], c[3]), c2f(21, c[3] + c[4], c[4], False)
    head = Head(w, p + "22.", (c[2], c[3], c[4]), kinds, True, False)
    x, y = PIXELS, []
    for one in l:
        x = one(x)
        y.append(x)
    a = l12(np.concatenate([twice(y[9]), y[6]], -1))
    b = l15(np.concatenate([twice(a), y[4]], -1))
    d = l18(np.concatenate([l16(b), a], -1))
    e = l21(np.concatenate([l19(d), y[9]], -1))
    head("v8", [b, d, e])


def yolo11(c=(8, 16, 32, 64, 128), kinds=3):
    w, p = Made(), "model."

    def block(n, i, o, inner, part=0.5):
        half = int(o * part)
        return Split(w, f"{p}{n}.", i, o, half, 1,
                     lambda q: C3k(w, q, half) if inner else Bottleneck(w, q, half, 0.5, True))

    def step(n, i, o):
        return Conv(w, f"{p}{n}.", i, o, 3, 2)

    l = [step(0, 3, c[0]), step(1, c[0], c[1]), block(2, c[1], c[2], False, 0.25), step(3, c[2], c[2]),
         block(4, c[2], c[3], False, 0.25), step(5, c[3], c[3]), block(6, c[3], c[3], True), step(7, c[3], c[4]),
         block(8, c[4], c[4], True), Sppf(w, p + "9.", c[4]), C2psa(w, p + "10.", c[4], 1)]
    l13 = block(13, c[4] + c[3], c[3], False)
    l16 = block(16, c[3] + c[3], c[2], False)
    l17, l19 = step(17, c[2], c[2]), block(19, c[2] + c[3], c[3], False)
    l20, l22 = step(20, c[3], c[3]), block(22, c[3] + c[4], c[4], True)
    head = Head(w, p + "23.", (c[2], c[3], c[4]), kinds, False, True)
    x, y = PIXELS, []
    for one in l:
        x = one(x)
        y.append(x)
    a = l13(np.concatenate([twice(y[10]), y[6]], -1))
    b = l16(np.concatenate([twice(a), y[4]], -1))
    d = l19(np.concatenate([l17(b), a], -1))
    e = l22(np.concatenate([l20(d), y[10]], -1))
    head("11", [b, d, e])


yolov8()
yolo11()
