#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/torch_file/module: a torch.nn.Module as torch.save writes it whole, by Python's own pickler.

The classes are stand-ins of the same names, so that the pickle is what torch's would be: objects made by
copyreg.__newobj__ with their state, parameters, buffers, modules that are shared, a method of a class, a set.
"""
import collections
import io
import pickle
import struct
import sys
import types
import zipfile


def package(module):
    parts = module.split(".")
    for i in range(len(parts)):
        sys.modules.setdefault(".".join(parts[: i + 1]), types.ModuleType(".".join(parts[: i + 1])))


def stand_in(dotted, **members):
    module, name = dotted.rsplit(".", 1)
    package(module)
    made = type(name, (), {"__module__": module, "__qualname__": name, **members})
    setattr(sys.modules[module], name, made)
    return made


def function(dotted):
    module, name = dotted.rsplit(".", 1)
    package(module)

    def made(*args):
        raise RuntimeError(name)

    made.__module__, made.__qualname__, made.__name__ = module, name, name
    setattr(sys.modules[module], name, made)
    return made


rebuild, parameter = function("torch._utils._rebuild_tensor_v2"), function("torch._utils._rebuild_parameter")
HalfStorage = stand_in("torch.HalfStorage")


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape

    def __reduce_ex__(self, protocol):
        strides = [1]
        for size in self.shape[:0:-1]:
            strides.insert(0, strides[0] * size)
        return rebuild, (self.storage, 0, tuple(self.shape), tuple(strides), False, collections.OrderedDict())


class Parameter:
    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return parameter, (self.data, True, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", HalfStorage, obj.key, "cpu", len(obj.values))
        return None


STORAGES = []


def tensor(values, shape):
    STORAGES.append(Storage(str(len(STORAGES)), values))
    return Tensor(STORAGES[-1], shape)


def module(cls, parameters=None, buffers=None, modules=None, **attributes):
    made = cls.__new__(cls)
    made.__dict__ = {
        "training": False,
        "_parameters": collections.OrderedDict(parameters or {}),
        "_buffers": collections.OrderedDict(buffers or {}),
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": collections.OrderedDict(),
        "_modules": collections.OrderedDict(modules or {}),
        **attributes,
    }
    return made


Conv2d, SiLU = stand_in("torch.nn.modules.conv.Conv2d"), stand_in("torch.nn.modules.activation.SiLU")
Sequential = stand_in("torch.nn.modules.container.Sequential")
Conv, Model = stand_in("ultralytics.nn.modules.conv.Conv"), stand_in("ultralytics.nn.tasks.SegmentationModel")
Detect = stand_in("ultralytics.nn.modules.head.Detect", forward=lambda self, x: x)
Segment = stand_in("ultralytics.nn.modules.head.Segment")
Detect.forward.__qualname__, Detect.forward.__module__ = "Detect.forward", Detect.__module__
Detect.forward.__name__ = "forward"

act = module(SiLU, inplace=True)


def conv(first):
    plain = module(Conv2d, {"weight": Parameter(tensor([first, 2.0], [2, 1, 1, 1])), "bias": None},
                   in_channels=1, out_channels=2, kernel_size=(1, 1), stride=(2, 2), groups=1, padding_mode="zeros")
    return module(Conv, modules={"conv": plain, "act": act}, i=0, f=-1, type="ultralytics.nn.modules.Conv")


head = module(Segment, buffers={"anchors": tensor([0.5], [1])}, modules={"cv2": conv(3.0)}, nc=1, f=[-1, 0], eps=0.001,
              detect=Detect.forward)
model = module(Model, modules={"model": module(Sequential, modules={"0": conv(1.0), "1": head})},
               names={0: "face", 1: "hand"}, yaml={"nc": 1, "backbone": [[-1, 1, "Conv", [64, 3, 2]]]}, stride=None)
whole = {"epoch": -1, "best_fitness": None, "model": model, "ema": None, "train_args": {"imgsz": 640, "task": "segment"},
         "date": "2023-01-01"}

pickled = io.BytesIO()
Pickler(pickled, protocol=2).dump(whole)
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as archive:
    entries = [("best/data.pkl", pickled.getvalue())]
    entries += [("best/data/" + s.key, struct.pack(f"<{len(s.values)}e", *s.values)) for s in STORAGES]
    for name, content in entries + [("best/version", b"3\n")]:
        archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
