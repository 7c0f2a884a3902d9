"""The autoencoder, with the key names of `first_stage_model.*`."""
import torch
import torch.nn.functional as F
from torch import nn

from layers import GroupNorm, attention, conv

LATENT_SCALE = 0.18215  # what a UNet of this layout multiplies latents with


class ResBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1 = GroupNorm(inputs)
        self.conv1 = conv(inputs, outputs)
        self.norm2 = GroupNorm(outputs)
        self.conv2 = conv(outputs, outputs)
        if inputs != outputs:
            self.nin_shortcut = conv(inputs, outputs, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = GroupNorm(width)
        self.q, self.k, self.v, self.proj_out = (conv(width, width, 1) for _ in range(4))

    def forward(self, x):
        n, c, h, w = x.shape
        y = self.norm(x)
        q, k, v = (layer(y).permute(0, 2, 3, 1).reshape(n, h * w, c) for layer in (self.q, self.k, self.v))
        return x + self.proj_out(attention(q, k, v, 1).view(n, h, w, c).permute(0, 3, 1, 2))


class Middle(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block_1, self.attn_1, self.block_2 = ResBlock(width, width), Attention(width), ResBlock(width, width)

    def forward(self, x):
        return self.block_2(self.attn_1(self.block_1(x)))


class Resize(nn.Module):
    def __init__(self, width, down):
        super().__init__()
        self.down = down
        self.conv = conv(width, width, stride=2, padding=0) if down else conv(width, width)

    def forward(self, x):
        if self.down:
            return self.conv(F.pad(x, (0, 1, 0, 1)))
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Level(nn.Module):
    def __init__(self, inputs, width, blocks):
        super().__init__()
        self.block = nn.ModuleList(ResBlock(inputs if i == 0 else width, width) for i in range(blocks))

    def forward(self, x):
        for block in self.block:
            x = block(x)
        for name in ("downsample", "upsample"):
            if hasattr(self, name):
                x = getattr(self, name)(x)
        return x


class Encoder(nn.Module):
    def __init__(self, channels, mult, latent):
        super().__init__()
        self.conv_in = conv(3, channels)
        self.down = nn.ModuleList()
        width = channels
        for i, m in enumerate(mult):
            self.down.append(Level(width, channels * m, 2))
            width = channels * m
            if i + 1 < len(mult):
                self.down[-1].downsample = Resize(width, True)
        self.mid = Middle(width)
        self.norm_out = GroupNorm(width)
        self.conv_out = conv(width, 2 * latent)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    def __init__(self, channels, mult, latent):
        super().__init__()
        width = channels * mult[-1]
        self.conv_in = conv(latent, width)
        self.mid = Middle(width)
        levels = []
        for i, m in reversed(list(enumerate(mult))):
            levels.insert(0, Level(width, channels * m, 3))
            width = channels * m
            if i > 0:
                levels[0].upsample = Resize(width, False)
        self.up = nn.ModuleList(levels)  # number 0 runs last
        self.norm_out = GroupNorm(width)
        self.conv_out = conv(width, 3)

    def forward(self, z):
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Vae(nn.Module):
    def __init__(self, channels, mult, latent=4):
        super().__init__()
        self.encoder = Encoder(channels, mult, latent)
        self.decoder = Decoder(channels, mult, latent)
        self.quant_conv = conv(2 * latent, 2 * latent, 1)
        self.post_quant_conv = conv(latent, latent, 1)

    def encode(self, x):
        """[N,3,H,W] in -1..1 -> mean and log variance, [N,4,H/8,W/8] each."""
        mean, log_variance = self.quant_conv(self.encoder(x)).chunk(2, 1)
        return mean, log_variance.clamp(-30, 20)

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))

    def scale_latents(self, factor):
        """The same autoencoder with latents `factor` times as large."""
        latent = self.post_quant_conv.in_channels
        with torch.no_grad():
            self.quant_conv.weight[:latent] *= factor
            self.quant_conv.bias[:latent] *= factor
            self.quant_conv.bias[latent:] += 2 * torch.log(torch.tensor(float(factor)))
            self.post_quant_conv.weight /= factor
