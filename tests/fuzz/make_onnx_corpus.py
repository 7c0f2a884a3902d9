#!/usr/bin/env python3
"""Writes the corpus of the fuzzer onnx_file: small graphs, one for each group of operators, as protocol buffers."""
import pathlib
import struct

FOLDER = pathlib.Path(__file__).parent / "corpus" / "onnx_file"


def varint(v):
    v &= (1 << 64) - 1
    out = b""
    while v > 127:
        out += bytes([v & 127 | 128])
        v >>= 7
    return out + bytes([v])


def number(field, v):
    return varint(field << 3) + varint(v)


def text(field, v):
    v = v.encode() if isinstance(v, str) else v
    return varint(field << 3 | 2) + varint(len(v)) + v


def attribute(name, v):
    out = text(1, name)
    if isinstance(v, str):
        return out + text(4, v) + number(20, 3)
    if isinstance(v, int):
        return out + number(3, v) + number(20, 2)
    if isinstance(v, float):
        return out + varint(2 << 3 | 5) + struct.pack("<f", v) + number(20, 1)
    return out + b"".join(number(8, i) for i in v) + number(20, 7)


def node(op, inputs, outputs, **attributes):
    return text(1, b"".join(text(1, i) for i in inputs) + b"".join(text(2, o) for o in outputs) + text(4, op)
                + b"".join(text(5, attribute(k, v)) for k, v in attributes.items()))


def floats(name, dims, values):
    return text(5, b"".join(number(1, d) for d in dims) + number(2, 1) + text(8, name)
                + text(9, struct.pack(f"<{len(values)}f", *values)))


def whole(name, values):
    return text(5, number(1, len(values)) + number(2, 7) + text(7, b"".join(varint(v) for v in values)) + text(8, name))


def port(field, name, dims):
    shape = b"".join(text(1, number(1, d) if d else b"") for d in dims)
    return text(field, text(1, name) + text(2, text(1, number(1, 1) + text(2, shape))))


def write(name, dims, parts, opset=17, output="y"):
    graph = b"".join(parts) + port(11, "x", dims) + port(12, output, [])
    (FOLDER / name).write_bytes(number(1, 8) + text(2, "easel") + text(7, graph) + text(8, text(1, "") + number(2, opset)))


FOLDER.mkdir(exist_ok=True)
write("conv", [0, 2, 6, 5], [
    node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
    node("Sigmoid", ["c"], ["s"]), node("Mul", ["c", "s"], ["m"]),
    node("MaxPool", ["m"], ["p"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    node("GlobalAveragePool", ["p"], ["g"]), node("Add", ["m", "g"], ["y"]),
    floats("w", [3, 2, 3, 3], [0.1] * 54), floats("b", [3], [1, 2, 3])])
write("depthwise", [1, 2, 6, 6], [
    node("Conv", ["x", "w"], ["c"], group=2, dilations=[2, 2], pads=[2, 2, 2, 2]),
    node("AveragePool", ["c"], ["a"], kernel_shape=[3, 2], pads=[1, 0, 1, 1]),
    node("Resize", ["a", "", "scales"], ["y"], mode="linear", coordinate_transformation_mode="half_pixel"),
    floats("w", [2, 1, 3, 3], [0.5] * 18), floats("scales", [4], [1, 1, 2, 1.5])])
write("rows", [2, 3, 4], [
    node("Transpose", ["x"], ["t"], perm=[0, 2, 1]), node("MatMul", ["x", "t"], ["p"]),
    node("Softmax", ["p"], ["s"], axis=-1), node("MatMul", ["s", "x"], ["m"]),
    node("ReduceMean", ["m"], ["r"], axes=[-1], keepdims=1), node("Sub", ["m", "r"], ["d"]),
    node("Reshape", ["d", "two"], ["g"]), node("Gemm", ["g", "w"], ["y"], transB=1),
    floats("w", [2, 4], [1] * 8), whole("two", [-1, 4])])
write("shapes", [2, 3, 4, 2], [
    node("Shape", ["x"], ["n"]), node("Gather", ["n", "one"], ["i"], axis=0), node("Unsqueeze", ["i", "zero"], ["u"]),
    node("Concat", ["u", "rest"], ["to"], axis=0), node("Reshape", ["x", "to"], ["r"]),
    node("Slice", ["r", "zero", "end", "one1", "two"], ["s"]), node("Split", ["s"], ["a", "b"], axis=1),
    node("Concat", ["a", "b"], ["j"], axis=1), node("Expand", ["j", "three"], ["e"]), node("Clip", ["e", "low"], ["y"]),
    text(5, number(2, 7) + text(7, varint(1)) + text(8, "one")), whole("zero", [0]), whole("one1", [1]),
    whole("two", [2]), whole("rest", [-1]), whole("end", [(1 << 63) - 1]), whole("three", [2, 1, 1]),
    text(5, number(2, 1) + text(9, struct.pack("<f", 0.0)) + text(8, "low"))], opset=13)
write("numbers", [3], [
    node("Unsqueeze", ["x"], ["v"], axes=[0]),
    node("BatchNormalization", ["v", "w", "w", "w", "w"], ["n"], epsilon=0.001), node("Erf", ["n"], ["e"]),
    node("Gelu", ["e"], ["y"], approximate="tanh"), floats("w", [3], [1, 2, 3])], opset=11)
write("constants", [1, 2], [
    node("Conv", ["map", "windows"], ["c"]), node("ReduceMean", ["c"], ["r"], keepdims=0),
    node("Transpose", ["w"], ["t"]), node("MatMul", ["w", "t"], ["m"]), node("Gemm", ["m", "w"], ["g"]),
    node("Add", ["x", "g"], ["a"]), node("Add", ["a", "r"], ["y"]),
    floats("map", [1, 1, 3, 3], [1] * 9), floats("windows", [2, 1, 2, 2], [0.5] * 8),
    floats("w", [2, 2], [1, 2, 3, 4])])
# What is refused.
write("refused_split", [4], [node("Split", ["x"], []), node("Relu", ["x"], ["y"])])
write("refused_parts", [4], [node("Split", ["x"], ["p"], num_outputs=1 << 33), node("Relu", ["x"], ["y"])], opset=18)
