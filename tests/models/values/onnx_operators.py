#!/usr/bin/env python3
"""Prints the cases of onnx_operators_test.cc (onnx_operators.json): ONNX's operators in numpy, in f64, written down from
their published specification (onnx.ai/onnx/operators), loop by loop where a loop says it plainest.

Needs numpy. Inputs are formulas that the test knows too: sines(shape, phase), or numbers that stand in the case.
"""
import itertools
import json
import math

import numpy as np

CASES = []


def sines(shape, phase):
    count = math.prod(shape)
    return (np.sin(np.arange(count) * 0.7 + phase) * 0.9).astype(np.float32).reshape(shape).astype(np.float64)


class S:  # floats of the formula
    def __init__(self, *shape, phase=0.25):
        self.value = sines(shape, phase)
        self.json = {"shape": list(shape), "phase": phase}


class F:  # floats that stand there
    def __init__(self, values, shape=None):
        self.value = np.array(values, np.float32).astype(np.float64).reshape(shape if shape is not None else np.shape(values))
        self.json = {"shape": list(self.value.shape), "floats": [float(v) for v in np.ravel(self.value)]}


class W:  # whole numbers
    def __init__(self, values, shape=None):
        self.value = np.array(values, np.int64).reshape(shape if shape is not None else np.shape(values))
        self.json = {"shape": list(self.value.shape), "whole": [int(v) for v in np.ravel(self.value)]}


def case(op, inputs, expected, opset=17, **attributes):
    expected = expected if isinstance(expected, list) else [expected]
    whole = [np.asarray(e).dtype.kind in "ib" for e in expected]
    CASES.append({
        "op": op, "opset": opset, "attributes": attributes,
        "inputs": [None if i is None else i.json for i in inputs],
        "outputs": [{"shape": list(np.shape(e)), "whole": w, "values": [float(f"{float(v):.7g}") for v in np.ravel(e)]}
                    for e, w in zip(expected, whole)],
    })


# --- Element by element ---
x = S(2, 3, 4, 5)
wide = F([-30, -3, -0.6, -0.05, 0, 0.02, 0.7, 2, 25])
erf = np.vectorize(math.erf)
for i in (x, wide):
    v = i.value
    case("Relu", [i], np.maximum(v, 0))
    case("Sigmoid", [i], 1 / (1 + np.exp(-v)))
    case("Tanh", [i], np.tanh(v))
    case("Exp", [i], np.exp(v))
    case("Erf", [i], erf(v))
    case("Abs", [i], np.abs(v))
    case("Neg", [i], -v)
    case("Floor", [i], np.floor(v))
    case("Ceil", [i], np.ceil(v))
    case("Round", [i], np.round(v))
    case("Gelu", [i], 0.5 * v * (1 + erf(v / math.sqrt(2))), opset=20)
    case("Gelu", [i], 0.5 * v * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v ** 3))), opset=20,
         approximate="tanh")
    case("LeakyRelu", [i], np.where(v < 0, 0.01 * v, v))
    case("LeakyRelu", [i], np.where(v < 0, 0.25 * v, v), alpha=0.25)
    case("Elu", [i], np.where(v < 0, 1.5 * (np.exp(v) - 1), v), alpha=1.5)
    case("HardSigmoid", [i], np.clip(0.2 * v + 0.5, 0, 1))
    case("HardSigmoid", [i], np.clip(0.1666 * v + 0.4, 0, 1), alpha=0.1666, beta=0.4)
    case("HardSwish", [i], v * np.clip(v / 6 + 0.5, 0, 1))
    case("Identity", [i], v)
    case("Dropout", [i], v)
    for e in (2.0, 3.0, 1.0):
        case("Pow", [i, F(e)], v ** e)
    case("Clip", [i, F(-0.5), F(0.3)], np.clip(v, -0.5, 0.3))
    case("Clip", [i, None, F(0.3)], np.minimum(v, 0.3))
    case("Clip", [i, F(-0.1)], np.maximum(v, -0.1))
    case("Clip", [i], np.clip(v, -0.25, 0.5), opset=6 + 1, min=-0.25, max=0.5)
positive = F(np.abs(sines((2, 7), 0.4)) + 0.1)
case("Sqrt", [positive], np.sqrt(positive.value))
case("Reciprocal", [positive], 1 / positive.value)
case("Pow", [positive, F([0.5])], positive.value ** 0.5)
case("Pow", [positive, F([-0.5])], positive.value ** -0.5)
case("Pow", [positive, W(-1, ())], positive.value ** -1.0)
for other in (S(2, 3, 4, 5, phase=1), S(5, phase=2), S(1, 3, 1, 1, phase=3), S(4, 1, phase=4), F(0.3)):
    a, b = x.value, other.value
    case("Add", [x, other], a + b)
    case("Sub", [x, other], a - b)
    case("Mul", [x, other], a * b)
    case("Min", [x, other], np.minimum(a, b))
    case("Max", [x, other], np.maximum(a, b))
    case("PRelu", [x, other], np.where(a < 0, a * b, a))
case("Div", [x, F(sines((3, 1, 5), 1) + 2)], x.value / F(sines((3, 1, 5), 1) + 2).value)
case("Sum", [x, S(5, phase=2), F(0.3)], x.value + sines((5,), 2) + F(0.3).value)
case("Max", [x, S(5, phase=2), F(0.3)], np.maximum(np.maximum(x.value, sines((5,), 2)), F(0.3).value))
case("Greater", [x, F(0.1)], (x.value > F(0.1).value).astype(np.int64))
case("Less", [x, S(5, phase=2)], (x.value < sines((5,), 2)).astype(np.int64))
case("Equal", [F([1, 2, 3]), F([1, 0, 3])], np.array([1, 0, 1]))
case("Cast", [F([-1.7, 0, 0.3, 5.9])], np.array([-1, 0, 0, 5]), to=7)
case("Cast", [F([-1.7, 0, 0.3, 5.9])], np.array([1, 0, 1, 1]), to=9)
case("Cast", [F([-1.7, 0, 0.3, 5.9])], F([-1.7, 0, 0.3, 5.9]).value, to=1)
case("Where", [W([1, 0, 1, 0, 0]), x, S(2, 3, 4, 5, phase=1)],
     np.where([True, False, True, False, False], x.value, sines((2, 3, 4, 5), 1)))

# --- Whole numbers ---
a, b = W([7, -7, 5, 0]), W([2, 2, -3, 4])
case("Add", [a, b], a.value + b.value)
case("Sub", [a, b], a.value - b.value)
case("Mul", [a, W(3, ())], a.value * 3)
case("Div", [a, b], np.trunc(a.value / b.value).astype(np.int64))
case("Min", [a, b], np.minimum(a.value, b.value))
case("Max", [a, b], np.maximum(a.value, b.value))
case("Neg", [a], -a.value)
case("Abs", [a], np.abs(a.value))
case("Equal", [a, W([7, 7, 5, 1])], np.array([1, 0, 1, 0]))
case("Greater", [a, b], (a.value > b.value).astype(np.int64))
case("Less", [W([[1], [2]]), W([1, 2, 3])], np.array([[0, 1, 1], [0, 0, 1]]))
case("Not", [W([1, 0])], np.array([0, 1]))
case("And", [W([1, 0, 1]), W([1, 1, 0])], np.array([1, 0, 0]))
case("Or", [W([1, 0, 0]), W([1, 1, 0])], np.array([1, 1, 0]))
case("Where", [W([1, 0, 1]), W([4, 5, 6]), W(9, ())], np.array([4, 9, 6]))
case("Clip", [a, W(-1, ()), W(5, ())], np.clip(a.value, -1, 5))
case("Cast", [a], a.value.astype(np.float64), to=1)
case("Cast", [W([300, -1])], np.array([44, 255]), to=2)
case("Range", [W(2, ()), W(11, ()), W(3, ())], np.arange(2, 11, 3))
case("Range", [W(5, ()), W(-1, ()), W(-2, ())], np.arange(5, -1, -2))
case("Shape", [x], np.array([2, 3, 4, 5]))
case("Shape", [x], np.array([3, 4]), start=1, end=-1)
case("ConstantOfShape", [W([2, 3])], np.zeros((2, 3)))
case("Constant", [], np.array([3, 1, 4]), value_ints=[3, 1, 4])
case("Constant", [], np.float64(0.5), value_float=0.5)


# --- Windows over maps ---
def windows(shape, size, strides, pads, dilations, ceil):
    """How many windows there are along each side."""
    out = []
    for d in range(2):
        reach = (size[d] - 1) * dilations[d] + 1
        room = shape[d] + pads[d] + pads[d + 2] - reach
        n = (math.ceil(room / strides[d]) if ceil else room // strides[d]) + 1
        if ceil and (n - 1) * strides[d] >= shape[d] + pads[d]:
            n -= 1
        out.append(n)
    return out


def same_pads(shape, size, strides, dilations, upper):
    before, after = [], []
    for d in range(2):
        n = math.ceil(shape[d] / strides[d])
        total = max(0, (n - 1) * strides[d] + (size[d] - 1) * dilations[d] + 1 - shape[d])
        less, more = total // 2, total - total // 2
        before.append(less if upper else more)
        after.append(more if upper else less)
    return before + after


def pixels(x, i, j, size, strides, pads, dilations):
    """(pixel, place in the window) of the window (i, j), those outside left out."""
    for u, v in itertools.product(range(size[0]), range(size[1])):
        r, c = i * strides[0] + u * dilations[0] - pads[0], j * strides[1] + v * dilations[1] - pads[1]
        if 0 <= r < x.shape[2] and 0 <= c < x.shape[3]:
            yield x[:, :, r, c], u, v


def conv(x, w, b, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
    size = w.shape[2:]
    h, v = windows(x.shape[2:], size, strides, pads, dilations, False)
    out = np.zeros((x.shape[0], w.shape[0], h, v))
    per_in, per_out = x.shape[1] // group, w.shape[0] // group
    for i, j in itertools.product(range(h), range(v)):
        for p, u, t in pixels(x, i, j, size, strides, pads, dilations):
            for g in range(group):
                o = slice(g * per_out, (g + 1) * per_out)
                out[:, o, i, j] += p[:, g * per_in:(g + 1) * per_in] @ w[o, :, u, t].T
    return out + (0 if b is None else b[None, :, None, None])


m = S(1, 6, 9, 7)
for shape, group, attributes in [
    ((5, 6, 1, 1), 1, {}),
    ((4, 6, 3, 3), 1, {"pads": [1, 1, 1, 1]}),
    ((4, 6, 3, 3), 1, {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    ((4, 6, 3, 3), 1, {"pads": [0, 0, 1, 1], "strides": [2, 2]}),
    ((4, 6, 3, 3), 1, {"pads": [2, 0, 1, 3]}),
    ((4, 6, 3, 3), 1, {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    ((4, 6, 3, 3), 1, {"pads": [4, 4, 4, 4], "dilations": [4, 4]}),
    ((4, 6, 2, 2), 1, {"dilations": [3, 3]}),
    ((4, 6, 5, 5), 1, {"pads": [2, 2, 2, 2]}),
    ((4, 3, 3, 3), 2, {"pads": [1, 1, 1, 1]}),
    ((9, 2, 1, 1), 3, {}),
    ((6, 1, 5, 5), 6, {"pads": [2, 2, 2, 2]}),
    ((6, 1, 3, 3), 6, {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    ((6, 1, 3, 2), 6, {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]}),
]:
    w, b = S(*shape, phase=1), S(shape[0], phase=2)
    given = dict(attributes, **({"group": group} if group > 1 else {}))
    case("Conv", [m, w, b], conv(m.value, w.value, b.value, group=group, **attributes), kernel_shape=list(shape[2:]), **given)
w = S(4, 6, 3, 3, phase=1)
case("Conv", [m, w], conv(m.value, w.value, None))
for upper in (True, False):
    pads = same_pads((9, 7), (3, 3), (2, 2), (1, 1), upper)
    case("Conv", [m, w], conv(m.value, w.value, None, (2, 2), pads), strides=[2, 2],
         auto_pad="SAME_UPPER" if upper else "SAME_LOWER")
case("Conv", [m, w], conv(m.value, w.value, None), auto_pad="VALID")


def pool(x, how, kernel_shape, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), ceil_mode=0, count_include_pad=0):
    h, v = windows(x.shape[2:], kernel_shape, strides, pads, dilations, ceil_mode)
    out = np.zeros((x.shape[0], x.shape[1], h, v))
    for i, j in itertools.product(range(h), range(v)):
        seen = [p for p, _, _ in pixels(x, i, j, kernel_shape, strides, pads, dilations)]
        if how == "max":
            out[:, :, i, j] = np.max(seen, axis=0)
        else:
            count = len(seen)
            if count_include_pad:  # those that lie on the padding, but not beyond it
                count = sum(1 for u, t in itertools.product(range(kernel_shape[0]), range(kernel_shape[1]))
                            if i * strides[0] + u < x.shape[2] + pads[0] + pads[2]
                            and j * strides[1] + t < x.shape[3] + pads[1] + pads[3])
            out[:, :, i, j] = np.sum(seen, axis=0) / count
    return out


for attributes in [
    {"kernel_shape": [2, 2], "strides": [2, 2]},
    {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [5, 5], "pads": [2, 2, 2, 2]},
    {"kernel_shape": [3, 2], "strides": [1, 3], "pads": [1, 0, 1, 1]},
]:
    case("MaxPool", [m], pool(m.value, "max", **attributes), **attributes)
    case("AveragePool", [m], pool(m.value, "mean", **attributes), **attributes)
case("MaxPool", [m], pool(m.value, "max", [3, 3], dilations=[2, 2]), kernel_shape=[3, 3], dilations=[2, 2])
case("AveragePool", [m], pool(m.value, "mean", [3, 3], (2, 2), (1, 1, 1, 1), count_include_pad=1), kernel_shape=[3, 3],
     strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
# One row: its first pixel lies where the result would, and must not be written over.
narrow = S(1, 1, 8, 1)
case("MaxPool", [narrow], pool(narrow.value, "max", [3, 1]), kernel_shape=[3, 1])
case("GlobalAveragePool", [m], m.value.mean(axis=(2, 3), keepdims=True))
case("GlobalMaxPool", [m], m.value.max(axis=(2, 3), keepdims=True))


def place(mode, i, n, to, scale):
    if mode == "half_pixel":
        return (i + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if to > 1 else 0
    if mode == "align_corners":
        return i * (n - 1) / (to - 1) if to > 1 else 0
    return i / scale


def along(x, axis, to, scale, mode, linear, nearest):
    n = x.shape[axis]
    rows = []
    for i in range(to):
        at = place(mode, i, n, to, scale)
        take = lambda k: np.take(x, min(max(int(k), 0), n - 1), axis=axis)
        if linear:
            f = math.floor(at)
            rows.append(take(f) * (1 - (at - f)) + take(f + 1) * (at - f))
        else:
            near = {"round_prefer_floor": math.ceil(at - 0.5), "round_prefer_ceil": math.floor(at + 0.5),
                    "floor": math.floor(at), "ceil": math.ceil(at)}[nearest]
            rows.append(take(near))
    return np.stack(rows, axis=axis)


def resize(x, sizes, scales, mode="half_pixel", linear=False, nearest="round_prefer_floor"):
    x = along(x, 2, sizes[0], scales[0], mode, linear, nearest)
    return along(x, 3, sizes[1], scales[1], mode, linear, nearest)


for mode in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
    for sizes in ((18, 21), (5, 4), (13, 10)):
        scales = [sizes[0] / 9, sizes[1] / 7]
        case("Resize", [m, None, None, W([1, 6, *sizes])], resize(m.value, sizes, scales, mode, True), opset=13,
             coordinate_transformation_mode=mode, mode="linear")
for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
    case("Resize", [m, F([], (0,)), F([1, 1, 2, 1.5])], resize(m.value, (18, 10), (2, 1.5), "asymmetric", False, nearest),
         opset=11, coordinate_transformation_mode="asymmetric", nearest_mode=nearest)
case("Resize", [m, F([1, 1, 2, 2])], resize(m.value, (18, 14), (2, 2), "asymmetric", False, "floor"), opset=10)
case("Upsample", [m, F([1, 1, 2, 3])], resize(m.value, (18, 21), (2, 3), "asymmetric", False, "floor"), opset=9)
case("Upsample", [m, F([1, 1, 2, 2])], resize(m.value, (18, 14), (2, 2), "asymmetric", True), opset=9, mode="linear")
case("Upsample", [m], resize(m.value, (18, 14), (2, 2), "asymmetric", False, "floor"), opset=7, scales=[1.0, 1.0, 2.0, 2.0])
case("Pad", [m, W([0, 0, 1, 2, 0, 0, 3, 0]), F(0.5)], np.pad(m.value, [(0, 0), (0, 0), (1, 3), (2, 0)], constant_values=0.5))
case("Pad", [m], np.pad(m.value, [(0, 0), (0, 0), (1, 1), (0, 2)]), opset=10, pads=[0, 0, 1, 0, 0, 0, 1, 2])
blocks = S(2, 12, 3, 4)
b4 = blocks.value
case("DepthToSpace", [blocks], b4.reshape(2, 2, 2, 3, 3, 4).transpose(0, 3, 4, 1, 5, 2).reshape(2, 3, 6, 8), blocksize=2)
case("DepthToSpace", [blocks], b4.reshape(2, 3, 2, 2, 3, 4).transpose(0, 1, 4, 2, 5, 3).reshape(2, 3, 6, 8), blocksize=2,
     mode="CRD")

# --- Products and sums ---
rows = S(2, 3, 4, 5)
for other in (S(5, 6, phase=1), S(2, 3, 5, 6, phase=1), S(3, 5, 2, phase=1), S(5, phase=1)):
    case("MatMul", [rows, other], rows.value @ other.value)
two = S(3, 4)
g, c = S(4, 5, phase=1), S(5, phase=2)
case("MatMul", [two, g], two.value @ g.value)
case("Gemm", [two, g, c], two.value @ g.value + c.value)
case("Gemm", [two, S(5, 4, phase=1), S(3, 1, phase=2)], 0.5 * two.value @ sines((5, 4), 1).T + 2 * sines((3, 1), 2), alpha=0.5,
     beta=2.0, transB=1)
case("Gemm", [two, S(3, 5, phase=1)], two.value.T @ sines((3, 5), 1), transA=1)


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


case("Softmax", [rows], softmax(rows.value, -1))
case("Softmax", [rows], softmax(rows.value, 1), axis=1)
case("Softmax", [rows], softmax(rows.value.reshape(6, 20), 1).reshape(2, 3, 4, 5), opset=11, axis=2)
for op, f in (("ReduceMean", np.mean), ("ReduceSum", np.sum), ("ReduceMax", np.max), ("ReduceMin", np.min),
              ("ReduceL2", lambda v, **k: np.sqrt(np.sum(v * v, **k))), ("ReduceSumSquare", lambda v, **k: np.sum(v * v, **k))):
    by_input = op == "ReduceSum"
    for axes, keep in (((2, 3), 1), ((-1,), 1), ((1,), 0), ((1, 3), 1), ((0, 2, 3), 0)):
        expected = f(rows.value, axis=axes, keepdims=bool(keep))
        if by_input:
            case(op, [rows, W(list(axes))], expected, keepdims=keep)
        else:
            case(op, [rows], expected, axes=list(axes), keepdims=keep)
            case(op, [rows, W(list(axes))], expected, opset=18, keepdims=keep)
    case(op, [rows], f(rows.value, axis=None, keepdims=True))
scale, bias, mean, var = S(6, phase=1), S(6, phase=2), S(6, phase=3), F(np.abs(sines((6,), 4)) + 0.1)
shape = (1, 6, 1, 1)
case("BatchNormalization", [m, scale, bias, mean, var],
     (m.value - mean.value.reshape(shape)) / np.sqrt(var.value.reshape(shape) + 1e-3) * scale.value.reshape(shape)
     + bias.value.reshape(shape), epsilon=1e-3)
centred = rows.value - rows.value.mean(axis=-1, keepdims=True)
normal = centred / np.sqrt((centred ** 2).mean(axis=-1, keepdims=True) + 1e-5)
case("LayerNormalization", [rows, S(5, phase=1), S(5, phase=2)], normal * sines((5,), 1) + sines((5,), 2))
case("LayerNormalization", [rows, S(5, phase=1)], normal * sines((5,), 1), axis=3)

# --- Moved, and taken ---
v = rows.value
case("Concat", [rows, S(2, 2, 4, 5, phase=1), S(2, 1, 4, 5, phase=2)],
     np.concatenate([v, sines((2, 2, 4, 5), 1), sines((2, 1, 4, 5), 2)], axis=1), axis=1)
case("Concat", [rows, S(2, 3, 4, 2, phase=1)], np.concatenate([v, sines((2, 3, 4, 2), 1)], axis=-1), axis=-1)
case("Concat", [W([1, 2]), W([3])], np.array([1, 2, 3]), axis=0)
case("Reshape", [rows, W([0, -1, 10])], v.reshape(2, 6, 10))
case("Reshape", [W([1, 2, 3, 4]), W([2, 2])], np.array([[1, 2], [3, 4]]))
case("Flatten", [rows], v.reshape(2, 60))
case("Flatten", [rows], v.reshape(24, 5), axis=-1)
case("Squeeze", [S(2, 1, 3, 1)], sines((2, 1, 3, 1), 0.25).reshape(2, 3), opset=11)
case("Squeeze", [S(2, 1, 3, 1)], sines((2, 1, 3, 1), 0.25).reshape(2, 3, 1), opset=11, axes=[1])
case("Squeeze", [S(2, 1, 3, 1), W([-1])], sines((2, 1, 3, 1), 0.25).reshape(2, 1, 3))
case("Unsqueeze", [S(2, 3)], sines((2, 3), 0.25).reshape(1, 2, 1, 3), opset=11, axes=[0, 2])
case("Unsqueeze", [S(2, 3), W([-1])], sines((2, 3), 0.25).reshape(2, 3, 1))
case("Transpose", [rows], v.transpose(), opset=13)
case("Transpose", [rows], v.transpose(0, 2, 3, 1), perm=[0, 2, 3, 1])
case("Transpose", [S(2, 3, 4, 1, 2)], sines((2, 3, 4, 1, 2), 0.25).transpose(4, 0, 2, 1, 3), perm=[4, 0, 2, 1, 3])
case("Slice", [rows, W([0, 1]), W([1, 10]), W([0, 2])], v[0:1, :, 1:10])
case("Slice", [rows, W([-3]), W([-1]), W([-1])], v[..., -3:-1])
case("Slice", [rows, W([0]), W([9223372036854775807]), W([3]), W([2])], v[..., ::2])
case("Slice", [rows, W([1]), W([4]), W([2]), W([2])], v[:, :, 1:4:2])
case("Slice", [S(1, 3, 8, 6), W([1]), W([9223372036854775807]), W([2]), W([2])], sines((1, 3, 8, 6), 0.25)[:, :, 1::2])
case("Slice", [rows, W([-1]), W([-9223372036854775807]), W([3]), W([-1])], v[..., ::-1])
case("Slice", [rows], v[:, 1:3], opset=9, starts=[1], ends=[3], axes=[1])
case("Slice", [W([5, 6, 7, 8]), W([3]), W([-9223372036854775807]), W([0]), W([-2])], np.array([8, 6]))
case("Split", [rows], [v[..., :2], v[..., 2:]], opset=11, axis=-1, split=[2, 3])
case("Split", [rows, W([1, 2])], [v[:, :1], v[:, 1:]], axis=1)
case("Split", [S(7, 2)], [sines((7, 2), 0.25)[:3], sines((7, 2), 0.25)[3:6], sines((7, 2), 0.25)[6:]], opset=18, num_outputs=3)
case("Gather", [rows, W([2, 0, -1]), ], v[:, [2, 0, -1]], axis=1)
case("Gather", [rows, W(1, ())], v[:, :, 1], axis=2)
case("Gather", [rows, W([[0, 4], [1, 1]])], v[..., [[0, 4], [1, 1]]], axis=-1)
case("Gather", [W([5, 6, 7]), W(-1, ())], np.array(7))
case("Expand", [S(3, 1), W([2, 1, 4])], np.broadcast_to(sines((3, 1), 0.25), (2, 3, 4)))
case("Expand", [W([3]), W([4])], np.array([3, 3, 3, 3]))

print(json.dumps(CASES, separators=(",", ":")).replace('},{"op"', '},\n{"op"'))
