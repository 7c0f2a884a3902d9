#!/usr/bin/env python3
"""Prints the values that whole_body_test.cc expects: what DWPose does before and after its networks, in numpy, with the
types that numpy computes in there. OpenCV's resize() and warpAffine() are written down as sums over their pixels.

Needs numpy. Pictures and what the networks say are formulas that the test knows too.
"""
import math

import numpy as np


def picture(h, w):
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    return ((y * 7 + x * 13 + c * 50 + (x * y) % 17) % 256).astype(np.uint8)


def sines(shape, phase):
    count = math.prod(shape)
    return (np.sin(np.arange(count) * 0.7 + phase) * 0.9).astype(np.float32).reshape(shape)


def taps(to, n, scale):
    """OpenCV's two neighbours along a side, with weights of 11 bits."""
    at = np.float32((to + 0.5) * scale - 0.5)
    low = int(math.floor(at))
    part = np.float32(at - np.float32(low))
    w = [int(np.rint(np.float32(1 - part) * np.float32(2048))), int(np.rint(part * np.float32(2048)))]
    return [(min(max(low + k, 0), n - 1), w[k]) for k in range(2)]


def resize(p, w, h):
    sx, sy = p.shape[1] / w, p.shape[0] / h
    out = np.zeros((h, w, 3), np.uint8)
    for y in range(h):
        for x in range(w):
            for c in range(3):
                total = 0
                for r, wy in taps(y, p.shape[0], sy):
                    row = sum(int(p[r, k, c]) * wx for k, wx in taps(x, p.shape[1], sx))
                    total += (wy * (row >> 4)) >> 16
                out[y, x, c] = (total + 2) >> 2
    return out


def show(name, values):
    print(name, "{" + ", ".join(f"{float(v):.8g}" for v in values) + "}")


# --- The detector's picture: 30 x 20 pixels, twenty-odd times as large ---
p = picture(20, 30)
ratio = min(640 / 20, 640 / 30)
w, h = int(30 * ratio), int(20 * ratio)
large = resize(p, w, h)
show("detector", [ratio, w, h, *[large[y, x, c] for y, x, c in ((0, 0, 0), (5, 9, 1), (211, 333, 2), (425, 639, 0))],
                  large.astype(np.float64).mean()])

# --- Boxes: a few cells that see a person, among them two of the same one ---
said = np.zeros((1, 8400, 85), np.float32)
for cell, values in [(0, (0.5, 0.5, 1.0, 1.2, 0.9, 0.8)), (1, (-0.5, 0.5, 1.0, 1.2, 0.8, 0.8)),  # mostly the same
                     (3000, (0.3, 0.1, 2.0, 2.5, 0.95, 0.9)), (6450, (0.2, 0.7, 1.1, 1.4, 0.7, 0.9)),
                     (8250, (0.1, 0.2, 0.3, 0.4, 0.5, 0.5)),  # not sure enough
                     (8399, (0.6, 0.6, 0.8, 0.9, 0.99, 0.6))]:
    said[0, cell, :6] = values
said[0, 5000, 4] = said[0, 5000, 7] = 1  # a thing of another kind
grids, strides = [], []
for s in (8, 16, 32):
    n = 640 // s
    xv, yv = np.meshgrid(np.arange(n), np.arange(n))
    grids.append(np.stack((xv, yv), 2).reshape(-1, 2))
    strides.append(np.full((n * n, 1), s))
grids, strides = np.concatenate(grids), np.concatenate(strides)
out = said[0].copy()
out[:, :2] = (out[:, :2] + grids) * strides
out[:, 2:4] = np.exp(out[:, 2:4]) * strides
boxes = np.stack([out[:, 0] - out[:, 2] / 2.0, out[:, 1] - out[:, 3] / 2.0, out[:, 0] + out[:, 2] / 2.0,
                  out[:, 1] + out[:, 3] / 2.0], 1)
boxes /= 1.5
score = (out[:, 4:5] * out[:, 5:])[:, 0]
valid = score > 0.1
b, s = boxes[valid], score[valid]
order = s.argsort()[::-1]
keep = []
area = (b[:, 2] - b[:, 0] + 1) * (b[:, 3] - b[:, 1] + 1)
while order.size > 0:
    i = order[0]
    keep.append(i)
    rest = order[1:]
    iw = np.maximum(0.0, np.minimum(b[i, 2], b[rest, 2]) - np.maximum(b[i, 0], b[rest, 0]) + 1)
    ih = np.maximum(0.0, np.minimum(b[i, 3], b[rest, 3]) - np.maximum(b[i, 1], b[rest, 1]) + 1)
    inter = iw * ih
    order = rest[inter / (area[i] + area[rest] - inter) <= 0.45]
for i in keep:
    if s[i] > 0.3:
        show("box", b[i])


# --- The estimator's piece ---
def piece(p, box, size):
    x0, y0, x1, y1 = box
    center = np.array([x0 + x1, y0 + y1], np.float32) * np.float32(0.5)
    scale = np.array([x1 - x0, y1 - y0], np.float32) * np.float32(1.25)
    w, h = scale
    aspect = size[0] / size[1]
    scale = np.array([w, w / np.float32(aspect)] if w > h * np.float32(aspect) else [h * np.float32(aspect), h], np.float32)
    src, dst = np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
    third = lambda a, b: b + np.array([-(a - b)[1], (a - b)[0]])
    src[0] = center
    src[1] = center + np.array([0.0, float(scale[0]) * -0.5])
    src[2] = third(src[0], src[1])
    dst[0] = [size[0] * 0.5, size[1] * 0.5]
    dst[1] = np.array([size[0] * 0.5, size[1] * 0.5]) + np.array([0.0, size[0] * -0.5])
    dst[2] = third(dst[0], dst[1])
    # From new pixels to old ones, as warpAffine() inverts the matrix.
    a = np.array([[*d, 1] for d in dst], np.float64)
    m = np.linalg.solve(a, src.astype(np.float64)).T
    out = np.zeros((size[1], size[0], 3), np.uint8)
    ad = [int(np.rint(m[0, 0] * x * 1024)) for x in range(size[0])]
    bd = [int(np.rint(m[1, 0] * x * 1024)) for x in range(size[0])]

    def pixel(y, x):
        return p[y, x].astype(int) if 0 <= y < p.shape[0] and 0 <= x < p.shape[1] else np.zeros(3, int)

    for y in range(size[1]):
        x0 = int(np.rint((m[0, 1] * y + m[0, 2]) * 1024)) + 16
        y0 = int(np.rint((m[1, 1] * y + m[1, 2]) * 1024)) + 16
        for x in range(size[0]):
            px, py = (x0 + ad[x]) >> 5, (y0 + bd[x]) >> 5
            sx, fx, sy, fy = px >> 5, px & 31, py >> 5, py & 31
            total = (32 - fy) * ((32 - fx) * pixel(sy, sx) + fx * pixel(sy, sx + 1)) \
                + fy * ((32 - fx) * pixel(sy + 1, sx) + fx * pixel(sy + 1, sx + 1))
            out[y, x] = (total + 512) >> 10
    normal = (out - np.array([123.675, 116.28, 103.53])) / np.array([58.395, 57.12, 57.375])
    return normal.astype(np.float32).transpose(2, 0, 1), center, scale


p = picture(60, 80)
for box in ((10.25, 5.5, 30.75, 55.25), (-6.0, 20.0, 70.5, 41.0)):
    n, center, scale = piece(p, box, (48, 64))
    show("piece", [*center, *scale, n[0, 0, 0], n[1, 20, 11], n[2, 40, 30], n[0, 63, 47], n.astype(np.float64).mean(),
                   math.sqrt((n.astype(np.float64) ** 2).mean())])

# --- The person ---
size = (48, 64)
xs, ys = sines((133, 96), 0.3), sines((133, 128), 1.1)
for k in range(133):  # each has its own place, and some are not sure
    xs[k, (k * 5) % 96] = 1 + k / 100
    ys[k, (k * 7) % 128] = 1.5
weak = [7, 13, 60, 95, 120]
xs[weak], ys[6] = 0.2, 0.25
xs[11] = -1
center, scale = np.array([40.5, 33.25], np.float32), np.array([30, 40], np.float32)
locs = np.stack((xs.argmax(1), ys.argmax(1)), -1).astype(np.float32)
vals = np.minimum(xs.max(1), ys.max(1))
locs[vals <= 0] = -1
points = locs / np.float32(2) / np.array(size) * scale + center - scale / 2
info = np.concatenate([points, vals[:, None]], 1)
neck = info[[5, 6]].mean(0)
neck[2] = float(info[5, 2] > 0.3 and info[6, 2] > 0.3)
info = np.insert(info, 17, neck, 0)
new = info.copy()
new[[1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17]] = info[[17, 6, 8, 10, 7, 9, 12, 14, 16, 13, 15, 2, 1, 4, 3]]
there = lambda part: [i for i, v in enumerate(part) if v[2] >= 0.3]
print("body", there(new[:18]), "left", len(there(new[92:113])), "right", len(there(new[113:134])), "face", len(there(new[24:92])))
show("parts", [*new[0, :2], *new[5, :2], *new[16, :2], *new[24, :2], *new[93, :2], *new[133, :2]])
