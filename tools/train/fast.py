"""fast.c for autograd: norms, gated units and softmax of bf16 maps that lie channels last, and the optimizer. bf16 halves
the time of products on processors that have them (avx512_bf16), but torch 1.13's other operations would take it back.
Where the library cannot be built, `half()` is false and everything is done in f32 by torch."""
import ctypes
import functools
import os
import subprocess
from pathlib import Path

import torch

SOURCE = Path(__file__).resolve().with_name("fast.c")


@functools.cache
def library():
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "easel-train"
    file = cache / f"fast-{SOURCE.stat().st_mtime_ns}.so"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = cache / f"part-{os.getpid()}.so"
        subprocess.run(["cc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", SOURCE, "-o", part, "-lm"],
                       check=True)
        part.rename(file)
    made = ctypes.CDLL(str(file))
    made.square_sum.restype = ctypes.c_double
    return made


def half():
    """Whether training in bf16 pays here."""
    return "avx512_bf16" in Path("/proc/cpuinfo").read_text()


def _at(t):
    return ctypes.c_void_p(t.data_ptr())


def _long(*values):
    return [ctypes.c_long(v) for v in values]


def _rows(x):
    """A map [N,C,H,W] as its memory [N,H*W,C]."""
    n, c, h, w = x.shape
    return x.permute(0, 2, 3, 1).contiguous().view(n, h * w, c)


class GroupNorm(torch.autograd.Function):
    """silu(group norm of x) where `silu`, else without; x is bf16 [N,C,H,W], channels last."""

    @staticmethod
    def forward(ctx, x, weight, bias, groups, eps, silu):
        n, c, h, w = x.shape
        rows = _rows(x)
        y, mean, inverse = torch.empty_like(rows), torch.empty(n, groups), torch.empty(n, groups)
        library().group_norm(_at(rows), _at(weight), _at(bias), _at(y), _at(mean), _at(inverse),
                             *_long(n, h * w, c, groups), ctypes.c_float(eps), ctypes.c_int(silu))
        ctx.save_for_backward(rows, weight, bias, mean, inverse)
        ctx.about = groups, silu, h, w
        return y.view(n, h, w, c).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, dy):
        rows, weight, bias, mean, inverse = ctx.saved_tensors
        groups, silu, h, w = ctx.about
        n, p, c = rows.shape
        d, dx = _rows(dy), torch.empty_like(rows)
        dweight, dbias = torch.zeros(c), torch.zeros(c)
        library().group_norm_back(_at(rows), _at(d), _at(weight), _at(bias), _at(mean), _at(inverse), _at(dx),
                                  _at(dweight), _at(dbias), *_long(n, p, c, groups), ctypes.c_int(silu))
        return dx.view(n, h, w, c).permute(0, 3, 1, 2), dweight, dbias, None, None, None


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        x = x.contiguous()
        c = x.shape[-1]
        rows = x.numel() // c
        y, mean, inverse = torch.empty_like(x), torch.empty(rows), torch.empty(rows)
        library().layer_norm(_at(x), _at(weight), _at(bias), _at(y), _at(mean), _at(inverse), *_long(rows, c),
                             ctypes.c_float(eps))
        ctx.save_for_backward(x, weight, mean, inverse)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, weight, mean, inverse = ctx.saved_tensors
        c = x.shape[-1]
        d, dx, dweight, dbias = dy.contiguous(), torch.empty_like(x), torch.zeros(c), torch.zeros(c)
        library().layer_norm_back(_at(x), _at(d), _at(weight), _at(mean), _at(inverse), _at(dx), _at(dweight),
                                  _at(dbias), *_long(x.numel() // c, c))
        return dx, dweight, dbias, None


class Geglu(torch.autograd.Function):
    """[..., 2d], values and then gates -> value * gelu(gate)."""

    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        d = x.shape[-1] // 2
        y = x.new_empty(*x.shape[:-1], d)
        library().geglu(_at(x), _at(y), *_long(y.numel() // d, d))
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved_tensors
        d, dx = dy.contiguous(), torch.empty_like(x)
        library().geglu_back(_at(x), _at(d), _at(dx), *_long(d.numel() // d.shape[-1], d.shape[-1]))
        return dx


class Softmax(torch.autograd.Function):
    """softmax(scale x) over the last axis."""

    @staticmethod
    def forward(ctx, x, scale):
        x = x.contiguous()
        y, c = torch.empty_like(x), x.shape[-1]
        library().softmax(_at(x), _at(y), *_long(x.numel() // c, c), ctypes.c_float(scale))
        ctx.save_for_backward(y)
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved_tensors
        d, dx, c = dy.contiguous(), torch.empty_like(y), y.shape[-1]
        library().softmax_back(_at(y), _at(d), _at(dx), *_long(y.numel() // c, c), ctypes.c_float(ctx.scale))
        return dx, None


class AdamW:
    """AdamW with an exponential average of the parameters, short at first, so that the start is soon forgotten. Keeps an
    f32 copy of parameters that are bf16. `averages` and `masters` are in the parameters' order."""

    def __init__(self, parameters, decay, keep, betas=(0.9, 0.99), eps=1e-8):
        self.parameters = list(parameters)
        self.masters = [p.data if p.dtype == torch.float32 else p.detach().float() for p in self.parameters]
        self.averages = [m.clone() for m in self.masters]
        self.first = [torch.zeros_like(m) for m in self.masters]
        self.second = [torch.zeros_like(m) for m in self.masters]
        self.decay, self.keep, self.betas, self.eps, self.steps = decay, keep, betas, eps, 0

    @torch.no_grad()
    def step(self, lr, clip):
        """One step with gradients clipped to a norm of `clip` all together."""
        grads = []
        for p in self.parameters:
            g = p.grad
            if g is not None and g.stride() != p.stride():
                g = torch.empty_like(p).copy_(g)
            grads.append(g)
        total = sum(library().square_sum(_at(g), g.dtype == torch.bfloat16, ctypes.c_long(g.numel()))
                    for g in grads if g is not None) ** 0.5
        self.steps += 1
        if not total < 1e6:  # a step into nowhere is not taken
            return total
        one, two = self.betas
        keep = min(self.keep, (1 + self.steps) / (10 + self.steps))
        numbers = [ctypes.c_float(v) for v in (lr, one, two, self.eps)]
        correct = [ctypes.c_float(1 / (1 - b ** self.steps)) for b in self.betas]
        factor = ctypes.c_float(min(1.0, clip / (total + 1e-6)))
        for p, g, master, m, v, average in zip(self.parameters, grads, self.masters, self.first, self.second,
                                               self.averages):
            if g is None:
                continue
            bf16 = p.dtype == torch.bfloat16
            library().adamw(_at(master), _at(g), g.dtype == torch.bfloat16, _at(m), _at(v), _at(average),
                            _at(p) if bf16 else None, ctypes.c_long(p.numel()), *numbers,
                            ctypes.c_float(self.decay if p.dim() > 1 else 0.0), *correct, factor, ctypes.c_float(keep))
        return total

    def __enter__(self):
        """Within `with optimizer:` the model has the averaged parameters."""
        self.kept = [m.clone() for m in self.masters]
        self._put(self.averages)
        return self

    def __exit__(self, *_):
        self._put(self.kept)
        del self.kept

    @torch.no_grad()
    def _put(self, values):
        for p, v in zip(self.parameters, values):
            p.data.copy_(v)

    def state_dict(self):
        return {"steps": self.steps, "first": self.first, "second": self.second, "masters": self.masters}

    @torch.no_grad()
    def load(self, state, averages):
        if "state" in state:  # torch's
            parts = [state["state"][i] for i in range(len(self.masters))]
            state = {"steps": int(parts[0]["step"]), "first": [e["exp_avg"] for e in parts],
                     "second": [e["exp_avg_sq"] for e in parts], "masters": [p.detach().float() for p in self.parameters]}
        self.steps = state["steps"]
        for ours, theirs in ((self.first, state["first"]), (self.second, state["second"]), (self.averages, averages),
                             (self.masters, state["masters"]), (self.parameters, state["masters"])):
            for a, b in zip(ours, theirs):
                a.data.copy_(b)
